"""One installation and its corporate, all their processes, and what must hold of them in the end.

The tests start, kill and starve the processes; `drain` lets everything arrive; the `assert_` functions count exactly.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from audit import record
from corporate import enrolment as enrolling
from corporate import models as corporate_models
from corporate import reading as corporate_reading
from corporate import settings as corporate_settings
from corporate import storing
from corporate.database import EVERYBODY, Store
from diffgram_home import bodies, intake, ledger, people, sealing, sending
from diffgram_home.errors import HomeError
from diffgram_home.models import Attempt
from tests.corporate import running as corporates
from tests.door.places import ANNOTATOR, Place, found
from tests.install.places import free_ports, until
from tests.whole.forking import Forking, descendants, is_alive, with_no_error

PRODUCTS = 3
PASSWORD = "correct horse battery staple"


@dataclass
class Site:
    """Everything that runs, by the process ids of the moment."""

    place: Place
    corporate: Path
    folder: Path
    forking: Forking
    chance: random.Random
    pages_port: int
    lives: int = 0
    attempt: int = 0
    running: dict[str, int] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start what is not running under this name."""
        if name.startswith("product"):
            self.lives += 1
            spool, acknowledged = self.place.home.settings.spool.folder, self.folder / f"life-{self.lives}"
            more = {"incarnation": self.lives, "seed": self.chance.randrange(1 << 30)}
            pid = self.forking.start("product", spool=str(spool), acknowledged=str(acknowledged), **more)
        elif name == "corporate":
            pid = self.forking.start("corporate", config=str(self.corporate))
        else:
            port = {"port": self.pages_port} if name == "pages" else {}
            pid = self.forking.start(name, config=str(self.place.config), **port)
        self.running[name] = pid

    def start_all(self) -> None:
        """Start everything."""
        for name in ("corporate", "pages", "scheduler", "sender", *(f"product {number}" for number in range(PRODUCTS))):
            self.start(name)

    def strike(self, victim: str) -> None:
        """`kill -9` one victim of this kind; whoever has nobody above to start it again is started again."""
        if victim.endswith(" worker"):
            workers = self.workers(victim.removesuffix(" worker"))
            if workers:
                with_no_error(lambda: os.kill(self.chance.choice(workers), 9))
            return
        name = f"product {self.chance.randrange(PRODUCTS)}" if victim == "product" else victim
        self.forking.kill_all(self.running.pop(name))
        self.start(name)

    def await_attempt(self, limit_s: float = 4) -> None:
        """Wait until an attempt begins, however long its process took to start; not for ever."""
        ends = time.monotonic() + limit_s
        while time.monotonic() < ends:
            with self.place.home.store.read() as session:
                newest = session.scalars(select(Attempt).order_by(Attempt.id.desc()).limit(1)).first()
            if newest is not None and newest.id > self.attempt and newest.outcome is None:
                self.attempt = newest.id
                return
            time.sleep(0.002)

    def corporate_listens(self) -> bool:
        """Whether corporate accepts connections."""
        return listens(corporate_settings.read(self.corporate, {}).wire.port)

    def workers(self, name: str) -> list[int]:
        """Processes of a server that answer requests; a master that has none yet is not one of them."""
        masters = [self.running[name]]
        if name == "corporate":
            masters = [pid for pid in descendants(masters[0]) if parent_of(pid) == masters[0]]
        return [pid for master in masters for pid in descendants(master) if is_alive(pid)]

    def acknowledged(self) -> dict[int, int]:
        """How many events each life of a product has acknowledged."""
        paths = (self.folder / f"life-{life}" for life in range(1, self.lives + 1))
        return {life: path.stat().st_size if path.exists() else 0 for life, path in enumerate(paths, 1)}

    def store(self) -> Store:
        """Corporate's database."""
        return Store(corporate_settings.read(self.corporate, {}).database_url)


@contextlib.contextmanager
def made(folder: Path, seed: int) -> Iterator[Site]:
    """An enrolled installation and its corporate, both with addresses that stay when they are started again."""
    wire, staff, pages = free_ports(3)
    config, root = corporates.found(folder, "", "[limits]\nrequests_per_s = 10000\nburst = 10000\n")
    text = config.read_text().replace("port = 0", f"port = {wire}", 1).replace("port = 0", f"port = {staff}", 1)
    config.write_text(text)
    files = ("--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json"))
    corporates.command(config, "release", "add", *files)
    forking = Forking(folder / "log")
    place = found(folder / "home", f"https://127.0.0.1:{wire}", root, batch_messages=200)
    site = Site(place, config, folder, forking, random.Random(seed), pages)
    try:
        site.start("corporate")
        until(site.corporate_listens, 60, "corporate")
        store = site.store()
        place.enrol(enrolling.make_token(store, "St Mary", "os:test", datetime.now(UTC), signature_allowed=False))
        store.close()
        people.add(place.home, "ada", PASSWORD, ["admin"], "os:1000", datetime.now(UTC))
        forking.kill_all(site.running.pop("corporate"))
        yield site
    finally:
        forking.close()
        place.home.close()


def parent_of(pid: int) -> int | None:
    """The process above; None if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return None


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def drain(site: Site) -> None:
    """No more products; all else stays until nothing waits."""
    for name in [name for name in site.running if name.startswith("product")]:
        site.forking.kill(site.running.pop(name))
    for name in ("scheduler", "sender"):
        if name in site.running:
            site.forking.kill(site.running.pop(name))
    place, ends = site.place, time.monotonic() + 120
    while True:
        now = datetime.now(UTC)
        intake.take(place.home, now)
        sealing.seal_waiting(place.home, now)
        with contextlib.suppress(HomeError):
            sending.send_due(place.home, place.door, now, force=True)
        if not place.waiting():
            return
        assert time.monotonic() < ends, [(row.sequence, row.outcome, row.code) for row in place.rows()[-20:]]


def assert_each_event_once(site: Site) -> int:
    """Corporate holds of each life the events 0 to n, n being what was acknowledged or one more; returns how many."""
    store = site.store()
    with store.reading(EVERYBODY) as session:
        lines = [json.loads(line) for line in session.execute(select(corporate_models.Message.line)).scalars()]
    store.close()
    arrived = Counter((line["input_id"], line["task_id"]) for line in lines)
    assert [one for one, times in arrived.items() if times > 1] == [], "stored twice"
    by_life: dict[int, set[int]] = {}
    for life, number in arrived:
        by_life.setdefault(life, set()).add(number)
    for life, acknowledged in site.acknowledged().items():
        held = by_life.pop(life, set())
        assert held in (set(range(acknowledged)), set(range(acknowledged + 1))), (life, acknowledged, len(held))
    assert by_life == {}
    return len(arrived)


def assert_attempts_have_bytes(site: Site) -> None:
    """Every attempt is in the ledger with an outcome and its bytes; what corporate holds was attempted, bit for bit."""
    home = site.place.home
    accepted = set()
    with home.store.read() as session:
        held = {row.sha256: bodies.get(session, row.sha256) or b"" for row in site.place.rows()}
        assert all(hashlib.sha256(body).hexdigest() == sha256 for sha256, body in held.items())
        for row in site.place.rows():
            began, ended = ledger.leaf(session, row.leaf), ledger.leaf(session, row.outcome_leaf or -1)
            assert isinstance(began, record.Attempt)
            assert isinstance(ended, record.Outcome)
            assert (began.sha256, began.sequence, ended.attempt) == (row.sha256, row.sequence, row.leaf)
            accepted |= {row.sha256} if row.outcome == "accepted" else set()
    store = site.store()
    with store.reading(EVERYBODY) as session:
        for batch in session.execute(select(corporate_models.Batch)).scalars():
            assert storing.body_of(session, batch) == held[batch.sha256]
            assert batch.sha256 in accepted
    store.close()


def assert_no_gap(site: Site) -> None:
    """Corporate misses no number, and saw no contradiction."""
    store = site.store()
    page = corporate_reading.installation(store, site.place.home.installation)
    store.close()
    assert page is not None
    assert (page.gaps, page.conflicts, page.refusals) == ((), (), ())
