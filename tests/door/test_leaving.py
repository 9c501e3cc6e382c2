"""Leaving corporate altogether, deleting more than a statement lists one by one, and a field that waits to go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

import event
from audit import deletion, record
from audit.deletion import Scope
from corporate.database import EVERYBODY
from corporate.models import Installation
from diffgram_home import (
    bodies,
    deleting,
    deletions,
    enrolment,
    intake,
    leaving,
    ledger,
    models,
    sealing,
    switching,
    verifying,
)
from diffgram_home.enrolment import EnrolmentError
from tests.corporate import running as corporates
from tests.door.conftest import Misbehaving
from tests.door.places import ANNOTATOR, Place, complete_task, found
from tests.door.test_deleting import stated

ANNA = "person:1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    """A real corporate that knows the annotator's release."""
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def here(server: corporates.Server, tmp_path: Path) -> Iterator[Place]:
    """An installation that the real corporate enrolled, with two batches there and one that waits."""
    made = found(tmp_path / "home", server.wire, server.root)
    made.enrol(server.token())
    made.work(messages=3, batches=2)
    assert {sent.outcome for sent in made.send()} == {"accepted"}
    made.work(messages=1)
    yield made
    made.home.close()


def leave(place: Place) -> int:
    """See what leaving would do, and decide."""
    plan = leaving.plan(place.home, place.now())
    assert plan.shown is not None
    number = leaving.begin(place.home, plan.shown.body, ANNA, place.now())
    assert number is not None
    return number


def steps(place: Place) -> list[record.Identity]:
    """What the ledger says about whose it is."""
    with place.home.store.read() as session:
        every = [ledger.leaf(session, position) for position in range(ledger.standing(session).size)]
    return [leaf for leaf in every if isinstance(leaf, record.Identity)]


def test_leaving_turns_all_off_deletes_everything_and_ends_the_identity(here: Place, server: corporates.Server) -> None:
    plan = leaving.plan(here.home, here.now())
    assert (plan.state, plan.on, plan.shown and plan.shown.waiting) == (leaving.NOT_BEGUN, ("event", "browser"), 1)
    number = leave(here)
    assert leaving.plan(here.home, here.now()).on == ()
    assert not leaving.finish(here.home, here.now()), "corporate has not confirmed"
    assert enrolment.is_enrolled(here.home)
    assert deleting.send(here.home, here.door, number, here.now()).outcome == "accepted"
    assert leaving.finish(here.home, here.now())
    assert [(leaf.step, leaf.actor) for leaf in steps(here)] == [("left", ANNA)]
    assert not enrolment.is_enrolled(here.home)
    (told,) = deletions.listed(here.home)
    assert told.statement is not None
    assert (told.statement.scope.what, told.statement.batches, told.agrees) == ("leaving", 2, True)
    assert leaving.plan(here.home, here.now()).state == leaving.LEFT
    assert leaving.finish(here.home, here.now()), "and again"
    assert len(steps(here)) == 1
    assert "deletion-waits" not in here.notices()
    assert verifying.verify(here.home, here.now()).holds
    with server.store() as store, store.reading(EVERYBODY) as session:
        assert session.get_one(Installation, here.home.installation).revoked_at is not None


def test_who_has_left_sends_nothing_and_cannot_take_the_name_again(here: Place, server: corporates.Server) -> None:
    deleting.send(here.home, here.door, leave(here), here.now())
    leaving.finish(here.home, here.now())
    switching.set_mode(here.home, "event", None, "on", ANNA, here.now())
    here.work()
    assert here.send() == []
    with pytest.raises(EnrolmentError, match="has left"):
        here.enrol(server.token())


def test_interrupted_at_any_step_it_goes_on_where_it_stopped(here: Place) -> None:
    plan = leaving.plan(here.home, here.now())
    assert plan.shown is not None
    switching.all_off(here.home, ANNA, here.now())  # killed before the request was kept
    assert leaving.plan(here.home, here.now()).state == leaving.NOT_BEGUN
    number = leaving.begin(here.home, plan.shown.body, ANNA, here.now())
    again = leaving.plan(here.home, here.now())  # killed before it was sent
    assert (again.state, again.request) == (leaving.WAITING, number)
    assert again.shown is not None
    assert again.shown.body == plan.shown.body
    here.later(hours=3)
    assert leaving.begin(here.home, again.shown.body, "os:0", here.now()) == number, "the one that was kept, late too"
    assert number is not None
    deleting.send(here.home, here.door, number, here.now())  # killed before the identity was ended
    assert leaving.begin(here.home, again.shown.body, "os:0", here.now()) == number
    assert leaving.finish(here.home, here.now())
    assert [leaf.actor for leaf in steps(here)] == [ANNA]


def test_without_a_connection_a_statement_of_corporates_staff_ends_it(
    here: Place, server: corporates.Server, tmp_path: Path
) -> None:
    early, late = tmp_path / "early.jws", tmp_path / "late.jws"
    arguments = ("delete", here.home.installation, "--everything", "--yes", "--statement")
    corporates.command(server.config, *arguments, str(early))
    deleting.take(here.home, early.read_text(), "os:0", here.now())
    here.move("https://127.0.0.1:1")
    row = deleting.send(here.home, here.door, leave(here), here.now())
    assert (row.outcome, row.code) == ("rejected", "connection-refused")
    assert not leaving.finish(here.home, here.now()), "an earlier statement is about something else"
    assert "connection" in (leaving.plan(here.home, here.now()).detail or "")
    corporates.command(server.config, *arguments, str(late))
    assert deleting.take(here.home, late.read_text(), "os:0", here.now())
    assert leaving.finish(here.home, here.now())
    assert deleting.waiting(here.home) == []
    assert {one.state for one in deletions.listed(here.home)} == {"answered"}
    assert verifying.verify(here.home, here.now()).holds


def test_whom_corporate_never_knew_leaves_at_once(tmp_path: Path) -> None:
    place = found(tmp_path / "home", "https://127.0.0.1:1", "sha256:" + "0" * 64)
    plan = leaving.plan(place.home, place.now())
    assert (plan.state, plan.shown, plan.on) == (leaving.NOT_BEGUN, None, ("event", "browser"))
    assert leaving.begin(place.home, None, ANNA, place.now()) is None
    assert leaving.plan(place.home, place.now()).state == leaving.LEFT
    assert [leaf.step for leaf in steps(place)] == ["left"]
    place.home.close()


def test_what_a_person_on_a_page_asked_goes_once_with_every_case_off(place: Place, corporate: Misbehaving) -> None:
    switching.set_mode(place.home, "event", None, "off", ANNA, place.now())
    shown = deleting.preview(place.home, Scope("everything"), place.now())
    one = deleting.ask(place.home, shown.body, ANNA, place.now())
    deleting.send_due(place.home, place.door, place.now())
    assert (corporate.all_told(), deletions.listed(place.home)[0].state) == ([], "unanswered")
    deleting.want(place.home, [one, 4711])
    assert deletions.listed(place.home)[0].state == "asked"
    corporate.order("answer", status=503, body="{}")
    deleting.send_due(place.home, place.door, place.now())
    assert corporate.told()["line"] == "POST /v1/deletions HTTP/1.1"
    assert deletions.listed(place.home)[0].state == "unanswered"
    deleting.send_due(place.home, place.door, place.now())
    assert corporate.all_told() == [], "asked once is sent once"
    deleting.want(place.home, [one])
    document = stated(place, one, corporate.deletions)
    corporate.order("answer", status=200, body='{"document": "' + document + '"}')
    deleting.send_due(place.home, place.door, place.now())
    assert deletions.listed(place.home)[0].state == "answered"


def test_more_batches_than_a_statement_lists_are_pinned_and_marked_one_by_one(
    server: corporates.Server, tmp_path: Path
) -> None:
    place = found(tmp_path / "many", server.wire, server.root, batch_messages=1)
    place.enrol(server.token())
    count = deletion.LISTED + 3
    event.start(place.home.settings.spool.folder, place.home.catalogue, place.home.index, strict=True)
    for number in range(count + 1):
        complete_task(number)
    intake.take(place.home, place.now())
    made = sealing.seal_waiting(place.home, place.now())
    assert len(made) == count + 1
    with place.home.store.read() as session:
        fifth = session.scalar(select(models.Batch.id).where(models.Batch.sequence == 5))
    sealing.void(place.home, fifth or 0, "refused", place.now(), reseal=False)
    while place.waiting():
        assert {sent.outcome for sent in place.send(force=True)} == {"accepted"}
    shown = deleting.preview(place.home, Scope("case", "event"), place.now())
    assert (shown.batches, shown.messages) == (count + 1, count)
    deleting.send(place.home, place.door, deleting.ask(place.home, shown.body, ANNA, place.now()), place.now())
    (told,) = deletions.listed(place.home)
    assert told.statement is not None
    (lane,) = told.statement.lanes
    assert (lane.numbers, lane.count, lane.hashes) == (f"1-{count + 1}", count + 1, ())
    assert told.agrees, "the hash over all hashes is the one that this ledger gives"
    with place.home.store.read() as session:
        assert session.scalar(select(func.count()).select_from(models.Deleted)) == count + 1
    assert len(deletions.marks(place.home, [row.sha256 for row in place.rows()])) == count + 1
    assert verifying.verify(place.home, place.now()).holds
    place.home.close()


def test_a_field_that_waits_goes_as_sealed_unless_it_is_switched_off_as_well(here: Place) -> None:
    name = next(n for n in here.home.catalogue.fields if n.startswith("annotator.") and n.endswith(".member_id"))
    shown = deleting.preview(here.home, Scope("field", field=here.home.catalogue.fields[name].hash), here.now())
    assert (shown.batches, shown.messages, shown.waiting, shown.holding) == (2, 6, 0, 1)
    number = deleting.ask(here.home, shown.body, ANNA, here.now())
    deleting.send(here.home, here.door, number, here.now())
    assert [batch.state for batch in here.batches()] == ["sent", "sent", "queued"]
    assert {mark.whole for mark in deletions.marks(here.home, [row.sha256 for row in here.rows()]).values()} == {False}
    switching.set_fields(here.home, [name], "off", ANNA, here.now())
    assert [batch.state for batch in here.batches()] == ["sent", "sent", "voiding", "queued"]
    with here.home.store.read() as session:
        sealed = bodies.get(session, here.batches()[-1].sha256) or b""
    assert b"task_id" in sealed
    assert b"member_id" not in sealed
    shown = deleting.preview(here.home, Scope("everything"), here.now())
    deleting.send(here.home, here.door, deleting.ask(here.home, shown.body, ANNA, here.now()), here.now())
    marks = deletions.marks(here.home, [row.sha256 for row in here.rows()])
    assert {mark.whole for mark in marks.values()} == {True}, "all of it counts more than a field of it"


def test_a_field_that_goes_with_every_batch_cannot_be_asked_for(here: Place) -> None:
    for name in ("home.header.installation", "home.deletion.scope"):
        field = here.home.catalogue.fields.get(name)
        if field is not None:
            with pytest.raises(deleting.RequestError):
                deleting.preview(here.home, Scope("field", field=field.hash), here.now())
    assert not any(name.startswith("home.header") for name in deleting.fields(here.home))
