"""What is shown is what leaves: one hash in the preview, the ledger, on the wire, and in the receipt.

1,000 random states: modes of the case and of each kind, approvals given and withdrawn, messages of every kind and of
random size, batches of random size, answers that were lost, voids. The wire is recorded by a program that is not our
door (wiretap.py); corporate is the real one. Bodies are hashed before their Content-Encoding.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import event
from audit import receipt, record
from corporate import models as corporate_models
from corporate import storing
from corporate.database import EVERYBODY
from diffgram_home import bodies, consenting, intake, ledger, manifest, models, reading, sealing, sending, switching
from tests.cli.conftest import Shell
from tests.corporate import running as corporates
from tests.door.places import ANNOTATOR, Place, found
from tests.whole.wiretap import Wiretap

STATES = 1000
SIZES = ((2, 1_000_000), (3, 1_000_000), (7, 20_000), (50, 1_000_000), (1000, 10_000), (1000, 1_000_000))
"""Messages and bytes a batch may have, one installation for each."""
KINDS = {
    "annotator/project-created": {"member_id": 99, "project_id": 99, "input_quota": 1000},
    "annotator/input-uploaded": {"project_id": 99, "input_id": 10**6, "input_size_bytes": 10**7},
    "annotator/task-completed": {"member_id": 99, "project_id": 99, "input_id": 10**6, "task_duration_ms": 10**9},
    "annotator/export-finished": {"project_id": 99, "inputs_exported": 1000, "export_size_bytes": 10**9},
}
ORDERS = ("lose", "drop", "cut")
ACTOR = "os:1000"


@dataclass
class Wire:
    """The recorder, and the real corporate behind it."""

    corporate: corporates.Server
    tap: Wiretap


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A corporate that knows the annotator's release, behind a recorder of all that passes."""
    folder = tmp_path_factory.mktemp("wire")
    config, root = corporates.found(folder, "", "[limits]\nrequests_per_s = 10000\nburst = 10000\n")
    with corporates.running(config, root) as server:
        server.command(
            *("release", "add", "--catalogue", str(ANNOTATOR / "outbound_fields.toml")),
            *("--index", str(ANNOTATOR / "index.json")),
        )
        tap = Wiretap(folder / "tap", server.wire_port, server.settings.keys / "certificates.crt")
        yield Wire(server, tap)
        tap.close()


def installed(wire: Wire, folder: Path, messages: int, size: int) -> Place:
    """An installation whose way out is the recorder, with its batches bounded."""
    named = f'ca_file = "{wire.tap.authority}"'
    place = found(folder, wire.tap.url, wire.corporate.root, corporate=named, batch_messages=messages)
    text = place.config.read_text().replace("batch_messages", f"batch_bytes = {size}\nbatch_messages")
    place.config.write_text(text)
    place.move(wire.tap.url)
    place.enrol(wire.corporate.token(signature_allowed=True))
    return place


@dataclass
class Walk:
    """One installation's way through random states, and what was found at each."""

    place: Place
    tap: Wiretap
    chance: random.Random
    seen: Counter[str]

    def change(self) -> None:
        """Change modes and approvals, now and then."""
        home, chance, now = self.place.home, self.chance, self.place.now()
        roll = chance.random()
        if roll < 0.08:
            case, kind = "event", chance.choice([None, *KINDS])
            switching.set_mode(home, case, kind, chance.choice(("off", "local", "on", "on", "on")), ACTOR, now)
        elif roll < 0.2:
            names = [name for name, field in home.catalogue.fields.items() if field.case == "event"]
            if chance.random() < 0.1:
                names = [name.name for name in home.catalogue.wrapping()]
            consenting.withdraw(home, chance.sample(names, chance.randint(1, len(names))), ACTOR, "security", now)
        elif roll < 0.35:
            switching.set_mode(home, "event", None, "on", ACTOR, now)
            consenting.approve(home, None, ACTOR, "security", "the board", now)

    def use(self) -> None:
        """Let the product say this and that, and seal it."""
        for _ in range(self.chance.choice((0, 1, 1, 2, 5, 12))):
            kind, fields = self.chance.choice(list(KINDS.items()))
            chosen = self.chance.sample(list(fields), self.chance.randint(1, len(fields)))
            event.new(kind, **{key: self.chance.randrange(1, fields[key]) for key in chosen})
        intake.take(self.place.home, self.place.now())
        sealing.seal_waiting(self.place.home, self.place.now())

    def send(self, mishaps: Sequence[int] = (0, 0, 0, 0, 1, 2)) -> None:
        """Compare what is shown now with what leaves, is recorded, and is acknowledged."""
        for _ in range(self.chance.choice(mishaps)):
            self.tap.order(self.chance.choice(ORDERS)) if self.waiting() else None
        before = len(self.place.rows())
        home, door, now = self.place.home, self.place.door, self.place.now()
        freed, shown, voids = self.freed(), self.shown(), self.voids()

        def look_again(_done: int, _all: int) -> None:
            """What corporate's word frees for another batch is sealed again in the round: look again then only."""
            if self.freed() != freed:
                shown.update(self.shown())

        sending.send_due(home, door, now, force=True, progress=look_again)
        assert self.voids() == voids, "what may not go was voided before anybody looked"
        made = [row for row in self.place.rows()[before:] if self.left(row)]
        left = self.tap.captured()
        assert [row.sha256 for row in made] == [one["sha256"] for one in left]
        assert [row.size_bytes for row in made] == [one["size"] for one in left]
        assert {row.sha256 for row in made} <= shown
        for row, one in zip(made, left, strict=True):
            self.compare(row, one)

    def allow(self) -> None:
        """Everything approved and on."""
        home, now = self.place.home, self.place.now()
        consenting.approve(home, None, ACTOR, "security", "the board", now)
        for kind in (None, *KINDS):
            switching.set_mode(home, "event", kind, "on", ACTOR, now)

    def provoke(self) -> None:
        """What no walk may leave out: an answer that is lost, then a void of what may have arrived."""
        self.allow()
        event.new("annotator/task-completed", member_id=1, project_id=2)
        intake.take(self.place.home, self.place.now())
        sealing.seal_waiting(self.place.home, self.place.now())
        self.tap.order("lose")
        self.send(mishaps=(0,))
        fields = self.place.home.catalogue.fields
        names = [name for name in fields if name.endswith("annotator.member_id")]
        consenting.withdraw(self.place.home, names, ACTOR, "security", self.place.now())
        self.send(mishaps=(0,))

    def shown(self) -> set[str]:
        """The hashes of what the preview shows, each that of the bytes beside it."""
        rows = reading.pending(self.place.home, limit=10_000, lines=0).batches
        assert [hashlib.sha256(row.body or b"").hexdigest() for row in rows] == [row.sha256 for row in rows]
        return {row.sha256 for row in rows}

    def freed(self) -> int:
        """How many voids corporate has acknowledged: only then may the messages of what they replace go again."""
        with self.place.home.store.read() as session:
            return session.scalar(select(func.count()).where(models.Batch.state == models.VOIDED)) or 0

    def voids(self) -> int:
        """How many leaves say that a number was voided."""
        with self.place.home.store.read() as session:
            return session.scalar(select(func.count()).where(models.Leaf.type == "void")) or 0

    def left(self, row: models.Attempt) -> bool:
        """Whether something of the attempt left; else its outcome must say that it did not."""
        if row.outcome == "rejected" and row.status is None:
            # The gate in the door stopped it: no void could be made for it while the header was not approved.
            assert row.code in ("switched", "not-approved", "expired"), row.code
            self.seen["stopped by the gate"] += 1
            return False
        return True

    def waiting(self) -> bool:
        """Whether something would leave if it were sent now."""
        page = reading.pending(self.place.home, limit=1, lines=0)
        return bool(page.batches) and not page.approval_missing and self.mode() == "on"

    def mode(self) -> str:
        """The mode of the case."""
        return next(case.mode for case in reading.cases(self.place.home) if case.case == "event")

    def compare(self, row: models.Attempt, one: dict[str, Any]) -> None:
        """Hash in the ledger's leaves, of the bytes kept, on the wire, and in the receipt."""
        home = self.place.home
        with home.store.read() as session:
            began, ended = ledger.leaf(session, row.leaf), ledger.leaf(session, row.outcome_leaf or -1)
            kept = bodies.get(session, row.sha256)
        assert isinstance(began, record.Attempt)
        assert isinstance(ended, record.Outcome)
        hashes = {one["sha256"], began.sha256, ended.sha256, hashlib.sha256(kept or b"").hexdigest()}
        if row.outcome == "accepted":
            given = receipt.read(row.receipt or "", manifest.stored(home, self.place.now()).of(manifest.RECEIPTS))
            hashes |= {given.sha256}
            assert (given.messages, given.authenticated) == (one["messages"], "signature")
        assert hashes == {row.sha256}
        assert (row.outcome == "accepted") == (one["became"] == "pass")
        self.seen[f"{row.outcome} {'void' if row.void else 'batch'}"] += 1


@pytest.mark.parametrize("number", range(len(SIZES)))
def test_preview_ledger_wire_and_receipt_have_one_hash(wire: Wire, tmp_path: Path, number: int) -> None:
    states = int(os.environ.get("STATES", STATES)) // len(SIZES) + 1
    seed = int(os.environ.get("STATES_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
    print(f"STATES_SEED={seed}")
    place = installed(wire, tmp_path / "home", *SIZES[number])
    walk = Walk(place, wire.tap, random.Random(seed + number), Counter())
    event.start(place.home.settings.spool.folder, place.home.catalogue, place.home.index, strict=True)
    for _ in range(states):
        walk.use()
        walk.change()
        walk.send()
        place.later(minutes=1)
    walk.provoke()
    walk.allow()
    for _ in range(6):  # orders that no batch has met yet are met now; then all arrives
        place.later(minutes=20)
        walk.send(mishaps=(0,))
    print(dict(walk.seen))
    assert place.waiting() == 0
    assert_corporate_holds_the_same(wire, place)
    assert Shell(place.config.parent).ok("verify")
    assert walk.seen["accepted batch"] > states // 8, "the control: something left"
    assert min(walk.seen["unknown batch"], walk.seen["accepted void"]) > 0, "the control: retries and voids"
    place.home.close()


def assert_corporate_holds_the_same(wire: Wire, place: Place) -> None:
    """Each number at corporate has the very bytes that the installation kept for it."""
    held = {batch.sequence: batch.sha256 for batch in place.batches()}
    with wire.corporate.store() as store, store.reading(EVERYBODY) as session:
        wanted = select(corporate_models.Batch).filter_by(installation_id=place.home.installation)
        stored = {one.sequence: one for one in session.execute(wanted).scalars()}
        assert {number: one.sha256 for number, one in stored.items()} == held
        for one in stored.values():
            assert hashlib.sha256(storing.body_of(session, one)).hexdigest() == one.sha256
