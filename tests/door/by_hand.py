"""A corporate and an installation that never reach each other: what passes between them is carried in files."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from binascii import crc32
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit import catalogue, modes, record
from corporate import enrolment as enrolments
from corporate import founding, importing, releases
from corporate import settings as corporate_settings
from corporate.server import Corporate, open_corporate, prepare
from diffgram_home import (
    answering,
    carrying,
    consenting,
    enrolment_by_hand,
    intake,
    models,
    rules,
    sealing,
    settings,
    switching,
    verifying,
)
from diffgram_home.home import Home, make_home, open_home
from tests.audit import samples

KINDS = {"event": "shop/order-placed", "browser": "shop/page-seen", "support": "shop/asked", "licensing": "shop/used"}
ACTOR = "os:1000"

_SETTINGS = """\
name = "st-mary-hospital"
folder = "data"
[corporate]
url = "https://corporate.invalid:8091"
root = "{root}"
[product]
catalogue = [{{ file = "{catalogue}", sha256 = "{sha256}" }}]
[sending]
by_hand = true
batch_messages = {batch_messages}
[cases]
event = "on"
browser = "on"
support = "on"
licensing = "offline"
"""


def product(folder: Path) -> Path:
    """A product's catalogue with a kind of message in each of the four cases."""
    kinds = "".join(
        f'[kind."{kind}"]\ncase = "{case}"\nbrief = "something happened in a test of this"\nsince = "1.0.0"\n'
        for case, kind in KINDS.items()
    )
    fields = "".join(
        samples.FIELD.format(name=f'"{case}.{key}"', params=samples.TYPED[key], expires="never", kinds=f'["{kind}"]')
        for case, kind in KINDS.items()
        for key in ("at", "order_id")
    )
    path = folder / "shop.toml"
    path.write_text(f'[catalogue]\nnamespace = "shop"\n{kinds}{fields}')
    assert catalogue.load(catalogue.core(), catalogue.Source(path.name, path.read_text()))
    return path


def frame(text: str) -> bytes:
    """One record of the spool (docs/formats/spool-record.md)."""
    return b"\x1e%08x %b\n" % (crc32(text.encode()), text.encode())


@dataclass
class Vendor:
    """Corporate, as its staff at a terminal has it; no process of it runs."""

    server: Corporate
    root: str

    def token(self, customer: str = "St Mary") -> str:
        """A fresh enrolment token."""
        return enrolments.make_token(self.server.store, customer, "os:staff", datetime.now(UTC))

    def bring(self, data: bytes, now: datetime | None = None) -> bytes:
        """Take a file in; the answers to carry back."""
        return importing.take(self.server, data, "os:staff", now or datetime.now(UTC)).data


def vendor(folder: Path, *catalogues: Path) -> Vendor:
    """Set a corporate up that knows these catalogues."""
    config = folder / "corporate.toml"
    plan = founding.Plan(config, folder / "data", "Diffgram", 8091, 8090, "", "staff", "correct horse battery staple")
    root = founding.found(plan, datetime.now(UTC))
    server = open_corporate(corporate_settings.read(config, {}))
    prepare(server, datetime.now(UTC))
    if catalogues:
        releases.add(server.store, catalogues, None, None, datetime.now(UTC))
    return Vendor(server, root)


@dataclass
class Island:
    """An installation without a network, and the hands of its administrator."""

    home: Home
    stick: Path
    lead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The time, moved on by `lead`."""
        return datetime.now(UTC) + self.lead

    def enrol(self, corporate: Vendor) -> None:
        """Get an identity by files."""
        asked = self.stick / "asked.zip"
        enrolment_by_hand.request(self.home, corporate.token(), asked, ACTOR, self.now())
        enrolment_by_hand.take(self.home, corporate.bring(asked.read_bytes()), ACTOR, self.now())
        asked.unlink()

    def work(self, *cases: str, messages: int = 1) -> None:
        """Let something happen in these cases, and have it sealed.

        What collects in the other three cases comes with later releases, so the records are spooled here as it would.
        """
        switches, at = rules.current(self.home).modes, record.instant(self.now())
        frames = b"".join(
            frame(json.dumps([modes.word(switches.of(KINDS[case])), {"kind": KINDS[case], "at": at, "order_id": n}]))
            for case in cases or KINDS
            for n in range(messages)
        )
        name = f"{2**22 + secrets.randbelow(1000)}-{secrets.token_hex(4)}-1.spool"
        (self.home.settings.spool.folder / name).write_bytes(frames)
        intake.take(self.home, self.now())
        sealing.seal_waiting(self.home, self.now())

    def out(self, **more: object) -> list[bytes]:
        """Carry out; the bytes of the files."""
        done = carrying.carry_out(self.home, self.stick, ACTOR, self.now(), **more)  # type: ignore[arg-type]
        return [file.path.read_bytes() for file in done.files if file.path]

    def into(self, data: bytes) -> answering.Taken:
        """Carry answers in."""
        return answering.carry_in(self.home, data, ACTOR, self.now())

    def batches(self) -> list[models.Batch]:
        """Every batch by case and number."""
        with self.home.store.read() as session:
            return list(session.query(models.Batch).order_by(models.Batch.case, models.Batch.sequence))

    def attempts(self) -> list[models.Attempt]:
        """Every attempt in the order in which it began."""
        with self.home.store.read() as session:
            return list(session.query(models.Attempt).order_by(models.Attempt.id))

    def leaves(self) -> list[str]:
        """The types of the ledger's leaves in order."""
        with self.home.store.read() as session:
            return [leaf.type for leaf in session.query(models.Leaf).order_by(models.Leaf.position)]

    def verify(self) -> None:
        """The ledger holds."""
        found = verifying.verify(self.home, self.now())
        assert found.holds, found.findings


def island(folder: Path, root: str, shop: Path, *, batch_messages: int = 1000) -> Island:
    """An installation whose fields are approved; not enrolled yet."""
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(shop.read_bytes()).hexdigest()
    path = folder / "diffgram-home.toml"
    path.write_text(_SETTINGS.format(root=root, catalogue=shop, sha256=sha256, batch_messages=batch_messages))
    wanted = settings.read(path, os.environ)
    make_home(wanted)
    home = open_home(wanted)
    now = datetime.now(UTC)
    consenting.approve(home, None, ACTOR, "security", "the board", now)
    switching.apply(home, now)
    stick = folder / "stick"
    stick.mkdir()
    return Island(home, stick)
