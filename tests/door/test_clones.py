"""One identity on two machines, and a backup that came back: seen on both sides, nothing lost or written over."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import record
from diffgram_home import (
    acknowledging,
    conflicts,
    consenting,
    ledger,
    locks,
    people,
    reading,
    renewal,
    rules,
    sending,
    settings,
    verifying,
)
from diffgram_home.home import open_home
from tests.corporate import running as corporates
from tests.corporate.pretend import Pretend
from tests.corporate.visiting import Visitor
from tests.door.places import ANNOTATOR, Place, found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def place(server: corporates.Server, tmp_path: Path) -> Place:
    """An installation that has sent two batches."""
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token())
    made.work(batches=2)
    assert [one.outcome for one in made.send()] == ["accepted", "accepted"]
    return made


def copied(place: Place, to: Path) -> Path:
    """The whole folder as a copy of the machine would have it; nothing runs meanwhile."""
    place.home.close()
    shutil.copytree(place.config.parent, to)
    return to / place.config.name


def opened(config: Path) -> Place:
    home = open_home(settings.read(config, os.environ))
    return Place(home, sending.open_door(home), config)


def row(server: corporates.Server, place: Place) -> Any:
    return next(row for row in server.command("installations") if row["id"] == place.home.installation)


def send_all(place: Place) -> None:
    for _ in range(10):
        place.later(minutes=5)
        if not place.waiting():
            return
        place.send(force=True)
    raise AssertionError("something still waits")


def conflict_codes(place: Place) -> set[str]:
    return {"identity-conflict"} & set(place.notices())


def test_a_copied_machine_is_a_conflict_on_both_machines_and_at_corporate_and_nothing_is_lost(
    server: corporates.Server, place: Place, tmp_path: Path
) -> None:
    config = copied(place, tmp_path / "clone")
    one, other = opened(place.config), opened(config)
    for _ in range(2):
        for messages, machine in enumerate((one, other), 1):  # equal bytes of the same second would be one batch
            machine.work(messages=messages)
            send_all(machine)
    attempts = [[(a.sequence, a.outcome, a.code) for a in machine.rows()] for machine in (one, other)]
    assert [conflict_codes(machine) for machine in (one, other)] == [{"identity-conflict"}] * 2, attempts
    assert acknowledging.identity(one.home).conflict is not None
    found_row = row(server, one)
    assert found_row["conflicts"] > 0
    assert found_row["missing"] == 0
    visitor = Visitor(server)
    visitor.sign_in()
    page = visitor.ask("GET", f"/installations/{one.home.installation}").data.decode()
    assert "identity renew" in page
    sent = [batch for machine in (one, other) for batch in machine.batches() if batch.state == "sent"]
    assert sum(batch.messages for batch in sent) == 2 * 2 + 2 + 4, "two that both copies know of, and every one since"
    assert acknowledging.unacknowledged(one.home) == acknowledging.unacknowledged(other.home) == ()
    assert visitor.ask("POST", f"/installations/{one.home.installation}/settle").status == 303
    assert row(server, one)["conflicts"] == 0
    one.home.close()
    other.home.close()


def test_a_restored_backup_goes_on_under_numbers_that_nobody_used_and_is_settled(
    server: corporates.Server, place: Place, tmp_path: Path
) -> None:
    backup = copied(place, tmp_path / "backup")
    place = opened(place.config)
    place.work(batches=3)
    send_all(place)
    place.home.close()
    restored = opened(backup)
    restored.work(messages=7)
    send_all(restored)
    numbers = [(batch.sequence, batch.state) for batch in restored.batches()]
    assert numbers == [(1, "sent"), (2, "sent"), (3, "voided"), (4, "voided"), (5, "voided"), (6, "sent")]
    (seen,) = [change for change in reading.history(restored.home) if change.what == "identity"]
    assert (seen.actor, seen.after) == ("corporate", "conflict")
    assert row(server, restored)["missing"] == 0
    conflicts.settle(restored.home, "restored", "os:1000", restored.now())
    assert conflict_codes(restored) == set()
    with pytest.raises(conflicts.ConflictError):
        conflicts.settle(restored.home, "restored", "os:1000", restored.now())
    restored.work()
    send_all(restored)
    assert restored.batches()[-1].state == "sent"
    found_faults = verifying.verify(restored.home, restored.now())
    assert {finding.code for finding in found_faults.findings} <= {"received-elsewhere"}
    restored.home.close()


def test_what_waits_and_what_was_refused_has_no_receipt(place: Place) -> None:
    again = opened(place.config)
    again.work(batches=2)
    rows = acknowledging.unacknowledged(again.home)
    assert [(one.sequence, one.state, one.may_be_there) for one in rows] == [(4, "queued", False), (3, "queued", False)]
    assert acknowledging.unacknowledged(again.home, before=rows[0].id, limit=1) == rows[1:]
    assert acknowledging.unacknowledged(again.home, case="browser") == ()
    again.home.close()


def test_holes_are_listed_since_when_and_close_when_the_number_arrives(
    server: corporates.Server, tmp_path: Path
) -> None:
    one = Pretend(server, tmp_path)
    assert one.enrol(server.token("St Anne")).status == 201
    assert one.send_all(one.seal(1), one.seal(7)) == [200, 200]
    (hole,) = server.command("missing", "--installation", one.id)
    assert (hole["first"], hole["last"], hole["case"], hole["customer"]) == (2, 6, "event", "St Anne")
    assert one.send(one.seal(4)).status == 200
    holes = server.command("missing", "--installation", one.id)
    assert [(h["first"], h["last"], h["since"]) for h in holes] == [(2, 3, hole["since"]), (5, 6, hole["since"])]
    assert one.send_all(*(one.seal(n) for n in (2, 3, 5, 6))) == [200] * 4
    assert server.command("missing", "--installation", one.id) == []
    one.use("")


def test_a_copy_becomes_an_installation_of_its_own_that_names_the_one_it_was(
    server: corporates.Server, place: Place, tmp_path: Path
) -> None:
    one = place.home.installation
    config = copied(place, tmp_path / "clone")
    copy = opened(config)
    copy.work()
    people.add(copy.home, "a.okafor", "correct horse battery", ["admin"], "os:1000", copy.now())
    token = json.loads(
        corporates.command(
            server.config, "enrolment-token", "--customer", "St Mary", "--succeeds", one, "--json"
        ).stdout
    )["token"]
    done = renewal.renew(copy.home, "os:1000", copy.now())
    fresh = opened(config)
    fresh.enrol(token)
    assert (fresh.home.installation, done.succeeds) == (done.installation, one)
    assert row(server, fresh)["succeeds"] == one
    assert [person.name for person in people.accounts(fresh.home)] == ["a.okafor"]
    assert reading.overview(fresh.home, fresh.now()).approved == 0, "nobody has approved anything for it yet"
    assert fresh.batches() == [], "what the copy had waiting stays with the ledger it was in"
    consenting.approve(fresh.home, None, "os:1000", "security", "the board", fresh.now())
    fresh.work()
    send_all(fresh)
    assert [(b.sequence, b.state) for b in fresh.batches()][-1][1] == "sent"
    assert row(server, fresh)["conflicts"] == 0
    begun = next(change for change in reversed(reading.history(fresh.home)) if change.what == "identity")
    assert (begun.subject, begun.after) == (one, "begun")
    old = open_home(settings.read(done.earlier, os.environ))
    assert old.installation == one
    assert set(rules.current(old).modes.cases.values()) == {"off", "offline"}
    assert verifying.verify(old, fresh.now()).holds
    assert verifying.verify(fresh.home, fresh.now()).holds
    with old.store.read() as session, fresh.home.store.read() as young:
        end = ledger.standing(session)
        first = next(leaf for n in range(6) if isinstance(leaf := ledger.leaf(young, n), record.Identity))
    assert (first.other, first.ledger_size, first.ledger_root) == (one, end.size, end.root.hex())
    old.close()
    fresh.home.close()


def test_a_running_installation_is_not_renewed(place: Place) -> None:
    again = opened(place.config)
    with locks.alone(again.home.settings.folder / "scheduler.lock") as held:
        assert held
        with pytest.raises(renewal.RenewalError) as refused:
            renewal.renew(again.home, "os:1000", again.now())
    assert refused.value.code == "still-running"
    again.work()
    send_all(again)
    again.home.close()
