"""Bad luck that needs everything running at once; the README beside this file says which test covers which cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

import event
from corporate import models as corporate_models
from corporate.database import EVERYBODY
from diffgram_home import intake, models, people, sealing, sending, switching
from tests.cli.conftest import Shell
from tests.door.places import complete_task
from tests.install.places import until
from tests.whole.forking import ROOT
from tests.whole.site import PASSWORD, Site, assert_attempts_have_bytes, assert_no_gap, listens, made

LIMIT_S = 60


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An enrolled installation; only corporate runs yet."""
    with made(tmp_path, 1) as one:
        one.start("corporate")
        until(one.corporate_listens, LIMIT_S, "corporate")
        yield one


def arrived(site: Site) -> Counter[int]:
    """How often corporate holds each task."""
    store = site.store()
    with store.reading(EVERYBODY) as session:
        lines = session.execute(select(corporate_models.Message.line)).scalars()
        found = Counter(json.loads(line)["task_id"] - 90212 for line in lines)
    store.close()
    return found


def say(site: Site, *numbers: int) -> None:
    """The product says that these tasks were completed."""
    home = site.place.home
    event.start(home.settings.spool.folder, home.catalogue, home.index, strict=True)
    for number in numbers:
        complete_task(number)


def move_on(site: Site, **lead: float) -> None:
    """One round of everything, at another time of this machine's clock."""
    home, place = site.place.home, site.place
    place.lead *= 0
    place.later(**lead)
    switching.apply(home, place.now())
    intake.take(home, place.now())
    sealing.seal_waiting(home, place.now())
    for _ in range(3):
        sending.send_due(home, place.door, place.now(), force=True)


@pytest.mark.parametrize("what", ["full", "read-only"])
def test_a_disk_that_is_full_or_read_only_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path, what: str) -> None:
    program = [sys.executable, "-m", "tests.whole.hard_times", what, str(tmp_path)]
    wrapped = ["unshare", "--map-root-user", "--mount", *program]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(wrapped, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_settings_that_break_while_all_runs_mean_off_on_every_page_until_they_are_mended(site: Site) -> None:
    for name in ("pages", "scheduler"):
        site.start(name)
    say(site, 1)
    until(lambda: arrived(site) == Counter([1]), LIMIT_S, "the first event at corporate, the control")
    until(lambda: listens(site.pages_port), LIMIT_S, "the pages")
    good = site.place.config.read_text()
    site.place.config.write_text(good.replace("[cases]", "[casses]"))
    until(lambda: switching.UNREADABLE in site.place.notices(), LIMIT_S, "the notice")
    say(site, 2)
    assert "The settings cannot be read, so everything is off" in overview(site)
    assert arrived(site) == Counter([1])
    site.place.config.write_text(good)
    until(lambda: switching.UNREADABLE not in site.place.notices(), LIMIT_S, "the end of the notice")
    say(site, 3)
    until(lambda: arrived(site) == Counter([1, 3]), LIMIT_S, "the event after it was mended, and not the one before")
    assert "The settings cannot be read" not in overview(site)
    assert_attempts_have_bytes(site)


def overview(site: Site) -> str:
    """The first page, as somebody sees it who is signed in."""
    signed = people.sign_in(site.place.home, "ada", PASSWORD, "127.0.0.1", datetime.now(UTC))
    assert isinstance(signed, people.SignedIn)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{site.pages_port}/", headers={"Cookie": f"home-session={signed.token}"}
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310  loopback
        return answer.read().decode()


def test_a_clock_that_is_a_year_ahead_and_then_behind_loses_and_repeats_nothing(site: Site) -> None:
    say(site, 1)
    move_on(site)
    for number, days in ((2, 366), (3, -366), (4, 366), (5, 0)):
        say(site, number)
        move_on(site, days=days)
    move_on(site)
    assert arrived(site) == Counter([1, 2, 3, 4, 5])
    assert_no_gap(site)
    assert_attempts_have_bytes(site)
    Shell(site.place.config.parent).ok("verify")


def test_corrupted_records_are_reported_with_their_place_and_the_rest_goes_on(site: Site) -> None:
    home = site.place.home
    for number in (1, 2):
        say(site, number)
        move_on(site)
    say(site, 3)
    intake.take(home, site.place.now())
    sealing.seal_waiting(home, site.place.now())
    first, second, waiting = site.place.batches()
    with home.store.write() as session:
        leaf = session.get_one(models.Leaf, first.leaf)
        leaf.data = leaf.data.replace(b'"event"', b'"evenT"')
        for batch in (second, waiting):
            body = session.get_one(models.Body, batch.sha256)
            session.execute(
                update(models.Body).where(models.Body.sha256 == batch.sha256).values(zstd=body.zstd[:-9] + b"corrupted")
            )
    say(site, 4)
    move_on(site)
    assert arrived(site) == Counter([1, 2, 4])
    assert f"event {waiting.sequence}" in {notice.subject for notice in site.place.notices().values()}
    done = Shell(site.place.config.parent)("verify", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert {first.leaf, second.leaf, waiting.leaf} <= {fault["index"] for fault in found["findings"]}
