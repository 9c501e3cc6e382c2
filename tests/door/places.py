"""Makes real installations with a real product's catalogue, enrolled with a corporate of the tests."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import event
from diffgram_home import (
    attempts,
    consenting,
    egress,
    enrolment,
    intake,
    models,
    rules,
    sealing,
    sending,
    settings,
    switching,
)
from diffgram_home.home import Home, make_home, open_home
from diffgram_home.outbound import Door

ANNOTATOR = Path(__file__).parents[2] / "examples" / "annotator" / "annotator"
TOKEN = "token-for-tests"

_SETTINGS = """\
name = "st-mary-hospital"
folder = "data"
[corporate]
url = "{url}"
root = "{root}"
timeout_s = {timeout_s}
{corporate}
[product]
catalogue = [{{ file = "{catalogue}", sha256 = "{catalogue_sha256}" }}]
index = {{ file = "{index}", sha256 = "{index_sha256}" }}
[sending]
every_s = 1
batch_messages = {batch_messages}
[cases]
event = "{mode}"
"""


@dataclass
class Place:
    """One installation, and the hands of its administrator."""

    home: Home
    door: Door
    config: Path
    lead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The time, moved on by `lead`: waiting times pass without anybody waiting."""
        return datetime.now(UTC) + self.lead

    def enrol(self, token: str = TOKEN) -> None:
        """Become known to corporate."""
        enrolment.enrol(self.home, self.door, token, "os:1000", self.now())

    def work(self, messages: int = 1, batches: int = 1) -> None:
        """Let the product be used, so that so many batches are sealed."""
        event.start(self.home.settings.spool.folder, self.home.catalogue, self.home.index, strict=True)
        for _ in range(batches):
            for number in range(messages):
                complete_task(number)
            intake.take(self.home, self.now())
            assert len(sealing.seal_waiting(self.home, self.now())) == 1

    def send(self, *, force: bool = False) -> list[sending.Sent]:
        """One round of sending."""
        return sending.send_due(self.home, self.door, self.now(), force=force)

    @contextlib.contextmanager
    def impatient(self, timeout_s: float = 2) -> Iterator[None]:
        """With a door that waits so many seconds only."""
        patient, corporate = self.door, self.home.settings.corporate
        self.door = Door(
            corporate.url,
            registry=egress.reachable(self.home.settings),
            timeout_s=timeout_s,
            rules=lambda: rules.current(self.home),
        )
        yield
        self.door = patient

    def later(self, **time: float) -> None:
        """Let time pass."""
        self.lead += timedelta(**time)

    def move(self, url: str) -> None:
        """Correct corporate's address in the settings and start again."""
        text = self.config.read_text().replace(self.home.settings.corporate.url, url)
        self.config.write_text(text)
        self.home.close()
        self.home = open_home(settings.read(self.config, os.environ))
        self.door = sending.open_door(self.home)

    def rows(self) -> list[models.Attempt]:
        """Every attempt in the order in which it began."""
        with self.home.store.read() as session:
            return list(session.query(models.Attempt).order_by(models.Attempt.id))

    def batches(self) -> list[models.Batch]:
        """Every batch by its number."""
        with self.home.store.read() as session:
            return list(session.query(models.Batch).order_by(models.Batch.sequence))

    def notices(self) -> dict[str, models.Notice]:
        """The notices that are not over, by code."""
        with self.home.store.read() as session:
            found = session.query(models.Notice).where(models.Notice.ended_at.is_(None))
            return {notice.code: notice for notice in found}

    def waiting(self) -> int:
        """How many batches wait."""
        with self.home.store.read() as session:
            return sum(attempts.count_waiting(session).values())


def complete_task(number: int) -> None:
    """What the product says when a member completed a task."""
    event.new(
        "annotator/task-completed",
        member_id=318 + number % 40,
        project_id=42 + number % 7,
        input_id=90210 + number,
        task_id=90212 + number,
        annotations_made=number % 9,
        task_duration_ms=1000 + number * 37 % 90_000,
    )


def write_settings(folder: Path, url: str, root: str, **filled: object) -> Path:
    """The settings file of an installation in `folder`."""
    path = folder / "diffgram-home.toml"
    catalogue, index = ANNOTATOR / "outbound_fields.toml", ANNOTATOR / "index.json"
    path.write_text(
        _SETTINGS.format(
            url=url,
            root=root,
            **filled,
            catalogue=catalogue,
            index=index,
            catalogue_sha256=hashlib.sha256(catalogue.read_bytes()).hexdigest(),
            index_sha256=hashlib.sha256(index.read_bytes()).hexdigest(),
        )
    )
    return path


def found(
    folder: Path,
    url: str,
    root: str,
    *,
    mode: str = "on",
    corporate: str = "",
    batch_messages: int = 1000,
    timeout_s: int = 20,
) -> Place:
    """An installation whose catalogue is approved and whose case `event` is switched to `mode`; not enrolled yet."""
    folder.mkdir(parents=True, exist_ok=True)
    filled = {"mode": mode, "corporate": corporate, "batch_messages": batch_messages, "timeout_s": timeout_s}
    config = write_settings(folder, url, root, **filled)
    wanted = settings.read(config, os.environ)
    make_home(wanted)
    home = open_home(wanted)
    now = datetime.now(UTC)
    consenting.approve(home, None, "os:1000", "security", "the board", now)
    switching.apply(home, now)
    return Place(home, sending.open_door(home), config)
