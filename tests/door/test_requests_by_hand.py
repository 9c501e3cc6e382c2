"""Requests by hand: deletion asked for, done and proved without a network; what is planted in a file is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from audit import carried, container, deletion, incident, record, signed
from audit.canonical import sha256_hex
from audit.deletion import Scope
from audit.errors import CarriedRefused, SignatureRefused
from corporate import deleting as at_corporate
from corporate import publishing, releases
from corporate.database import EVERYBODY
from corporate.keys import DELETIONS
from corporate.models import Batch as Received
from corporate.models import Carried as Brought
from diffgram_home import (
    carrying,
    deleting,
    deletions,
    incidents,
    ledger,
    listing,
    manifest,
    models,
    requests,
    requests_by_hand,
    sending,
    switching,
    verifying,
)
from diffgram_home.errors import HomeError
from tests.door.by_hand import ACTOR, Island, Vendor, island, product, vendor


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's catalogue."""
    return product(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def corporate(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Iterator[Vendor]:
    """A corporate that knows the product."""
    made = vendor(tmp_path_factory.mktemp("corporate"), shop)
    yield made
    made.server.store.close()


@pytest.fixture
def place(corporate: Vendor, shop: Path, tmp_path: Path) -> Iterator[Island]:
    """An installation that was enrolled by hand."""
    made = island(tmp_path / "home", corporate.root, shop)
    made.enrol(corporate)
    yield made
    made.home.close()


def ask(place: Island, scope: Scope) -> models.Request:
    """Somebody saw the request and decided on it; it waits."""
    shown = deleting.preview(place.home, scope, place.now())
    number = deleting.ask(place.home, shown.body, ACTOR, place.now())
    with place.home.store.read() as session:
        return session.get_one(models.Request, number)


def ask_of_a_field_that_nobody_knows(place: Island) -> models.Request:
    """As a release might that knows fields of which corporate was never told; the pages here refuse it."""
    values = Scope(deletion.FIELD, field="0" * 64).values()
    with place.home.store.write() as session:
        body = requests.make(place.home, session, deletion.KIND, values, place.now())
        return requests.keep(session, deletion.KIND, body, ACTOR, place.now())


def row(place: Island, wanted: models.Request) -> models.Request:
    with place.home.store.read() as session:
        return session.get_one(models.Request, wanted.id)


def sent(place: Island, corporate: Vendor, *cases: str, messages: int = 2) -> None:
    """Something that corporate has, by hand."""
    place.work(*cases, messages=messages)
    for data in place.out():
        place.into(corporate.bring(data))


def held(corporate: Vendor, place: Island) -> list[Received]:
    with corporate.server.store.reading(EVERYBODY) as session:
        return list(session.scalars(select(Received).where(Received.installation_id == place.home.installation)))


def refused(place: Island, data: bytes) -> str:
    """The code with which `data` is refused; nothing changes then."""
    before = place.leaves()
    with pytest.raises((HomeError, CarriedRefused, SignatureRefused)) as no:
        place.into(data)
    assert place.leaves() == before
    assert no.value.hint
    return no.value.code


def test_deletion_is_asked_done_and_proved_in_files(place: Island, corporate: Vendor) -> None:
    sent(place, corporate, "event", "browser")
    asked = ask(place, Scope(deletion.EVERYTHING))
    before = len(place.leaves())
    (data,) = place.out()
    entries = {entry.name: entry.data for entry in container.read(data)}
    assert sha256_hex(entries["request-1.ndjson"]) == asked.sha256
    assert (row(place, asked).outcome, row(place, asked).code) == ("unknown", "carried")
    assert [batch.deleted_at is None for batch in held(corporate, place)] == [True, True]
    answers = corporate.bring(data)
    assert [batch.deleted_at is None for batch in held(corporate, place)] == [False, False]
    (told,) = place.into(answers).asked
    assert (told.request, told.kind, told.outcome) == (asked.id, deletion.KIND, "accepted")
    assert place.leaves()[before:] == ["carried-out", "request-by-hand", "answer", "carried-in", "answer-by-hand"]
    (shown,) = deletions.listed(place.home)
    assert shown.statement is not None
    assert (shown.outcome, shown.statement.batches, shown.agrees) == ("accepted", 2, True)
    assert deleting.waiting(place.home) == []
    place.verify()


def test_the_document_is_that_of_the_wire_and_the_same_again(place: Island, corporate: Vendor) -> None:
    sent(place, corporate, "event")
    asked = ask(place, Scope(deletion.CASE, "event"))
    (data,) = place.out()
    first, again = (answers(corporate.bring(data)) for _ in range(2))
    assert first.requests == again.requests
    (entry,) = carried.read_out(data, lambda _: ring(place)).requests
    on_the_wire = at_corporate.answer(corporate.server, entry.body, None, entry.signature, place.now(), by_hand=True)
    assert first.requests[0].answer == {"document": on_the_wire}
    place.into(corporate.bring(data))
    assert row(place, asked).document == on_the_wire


def ring(place: Island) -> dict[str, object]:
    return dict(signed.ring(place.home.keys.installation.public_key()))


def answers(data: bytes) -> carried.In:
    """The file of answers, whoever signed it."""
    entries = container.read(data)
    listed = json.loads(entries[0].data)
    said = tuple(carried.Document(r["kind"], r["sha256"], r["status"], r["answer"]) for r in listed["requests"])
    given = tuple(
        carried.Answer(a["case"], a["sequence"], a["sha256"], a["status"], a["answer"]) for a in listed["answers"]
    )
    more = {entry.name: entry.data for entry in entries}
    return carried.In(
        listed["installation"],
        listed["file"],
        more["manifest.json"],
        given,
        None,
        said,
        more.get("catalogues.json"),
    )


def signed_again(corporate: Vendor, changed: carried.In) -> bytes:
    """A file of answers that corporate itself signed wrongly."""
    return carried.write_in(changed, corporate.server.keys.receipts)


def test_batches_and_the_request_that_names_them_travel_in_one_file(place: Island, corporate: Vendor) -> None:
    sent(place, corporate, "event")
    asked = ask(place, Scope(deletion.CASE, "event"))
    place.work("event", "browser")
    (data,) = place.out()
    done = place.into(corporate.bring(data))
    assert sorted((one.case, one.outcome) for one in done.told) == [("browser", "accepted"), ("event", "accepted")]
    found = deletions.listed(place.home)[0].statement
    assert found is not None
    assert [(lane.case, lane.numbers) for lane in found.lanes] == [("event", "1")]
    assert row(place, asked).outcome == "accepted"
    place.verify()


def test_a_request_goes_when_every_case_is_off_and_not_when_one_case_was_named(
    place: Island, corporate: Vendor
) -> None:
    sent(place, corporate, "event")
    for case in ("event", "browser", "support"):
        switching.set_mode(place.home, case, None, "off", ACTOR, place.now())
    ask(place, Scope(deletion.EVERYTHING))
    assert place.out(case="event") == []
    (data,) = place.out()
    assert [entry.name for entry in container.read(data)][3:] == ["request-1.ndjson", "request-1.jws"]
    assert len(place.into(corporate.bring(data)).asked) == 1
    place.verify()


def test_nothing_is_asked_over_a_connection_where_everything_is_carried(place: Island) -> None:
    asked = ask(place, Scope(deletion.EVERYTHING))
    deleting.send_due(place.home, sending.open_door(place.home), place.now())
    with pytest.raises(requests.RequestError) as no:
        deleting.send(place.home, sending.open_door(place.home), asked.id, place.now())
    assert no.value.code == "by-hand"
    assert "carry out" in no.value.hint
    assert row(place, asked).tries == 0
    with place.home.store.read() as session:
        (notice,) = session.scalars(select(models.Notice).where(models.Notice.code == deleting.NOTICE))
    assert "carry out" in notice.hint


def test_the_same_file_again_is_the_same_to_the_byte_and_on_the_page(place: Island) -> None:
    place.work("event")
    ask(place, Scope(deletion.CASE, "browser"))
    assert place.out() == place.out()
    (name,) = {path.name for path in place.stick.iterdir()}
    found = carrying.listed(place.home)[0]
    assert carrying.again(place.home, found.sha256, place.now()) == (name, (place.stick / name).read_bytes())
    batches, asked = carrying.contents(found)
    assert (len(batches), len(asked)) == (1, 1)
    place.verify()


def test_a_file_of_answers_taken_twice_brings_nothing_new(place: Island, corporate: Vendor) -> None:
    ask(place, Scope(deletion.EVERYTHING))
    (data,) = place.out()
    back = corporate.bring(data)
    place.into(back)
    assert refused(place, back) == "answers-known"
    place.verify()


def test_an_old_answer_does_not_answer_another_request(place: Island, corporate: Vendor) -> None:
    ask(place, Scope(deletion.CASE, "event"))
    (first,) = place.out()
    old = answers(corporate.bring(first))
    ask(place, Scope(deletion.CASE, "browser"))
    (second,) = place.out()
    fresh = answers(corporate.bring(second))
    mixed = tuple(replace(one, answer=old.requests[0].answer) for one in fresh.requests)
    assert refused(place, signed_again(corporate, replace(fresh, requests=mixed))) == "deletion-differs"


def test_an_answer_to_a_request_that_was_never_carried_is_refused(place: Island, corporate: Vendor) -> None:
    ask(place, Scope(deletion.CASE, "event"))
    (data,) = place.out()
    asked = ask(place, Scope(deletion.CASE, "browser"))
    back = answers(corporate.bring(data))
    for changed in (
        replace(back.requests[0], sha256=asked.sha256),
        replace(back.requests[0], sha256="0" * 64),
        replace(back.requests[0], kind="home/other-asked"),
    ):
        assert refused(place, signed_again(corporate, replace(back, requests=(changed,)))) == "answer-unknown"


@pytest.mark.parametrize("what", ["nothing", "text", "forged"])
def test_a_document_that_does_not_hold_is_refused_with_its_file(place: Island, corporate: Vendor, what: str) -> None:
    ask(place, Scope(deletion.EVERYTHING))
    (data,) = place.out()
    back = answers(corporate.bring(data))
    payload = signed.verify(back.requests[0].answer["document"], _deletions(corporate), signed.DELETION)
    said = {
        "nothing": ({}, "no-document"),
        "text": ({"document": "a.b.c"}, "token-malformed"),
        "forged": ({"document": signed.sign(payload, Ed25519PrivateKey.generate(), signed.DELETION)}, "key-unknown"),
    }
    answer, code = said[what]
    changed = replace(back, requests=(replace(back.requests[0], answer=answer),))
    assert refused(place, signed_again(corporate, changed)) == code


def _deletions(corporate: Vendor) -> dict[str, object]:
    return dict(signed.ring(corporate.server.keys.of(DELETIONS).public_key()))


def test_an_edited_file_is_refused_by_both_sides(place: Island, corporate: Vendor) -> None:
    ask(place, Scope(deletion.EVERYTHING))
    (data,) = place.out()
    entries = container.read(data)
    edited = [
        replace(entry, data=entry.data.replace(b"everything", b"leaving"))
        if entry.name == "request-1.ndjson"
        else entry
        for entry in entries
    ]
    spoilt = {
        "edited": container.write(edited),
        "dropped": container.write(entries[:-2]),
        "cut": data[:-20],
        "relisted": carried.write_out(
            carried.Out(place.home.installation, requests=carried.read_out(data, lambda _: ring(place)).requests),
            Ed25519PrivateKey.generate(),
        ),
    }
    for what, bad in spoilt.items():
        with pytest.raises((CarriedRefused, SignatureRefused)) as no:
            corporate.bring(bad)
        assert no.value.hint, what
    back = corporate.bring(data)
    told = container.read(back)
    listed = replace(told[0], data=told[0].data.replace(b'"status":200', b'"status":400'))
    assert refused(place, container.write((listed, *told[1:]))) == "signature-wrong"
    assert refused(place, back[:-9]) == "file-cut"
    assert place.into(back).asked[0].outcome == "accepted"


def test_a_file_for_another_installation_is_refused(
    place: Island, corporate: Vendor, shop: Path, tmp_path: Path
) -> None:
    other = island(tmp_path / "other", corporate.root, shop)
    other.enrol(corporate)
    ask(other, Scope(deletion.EVERYTHING))
    (theirs,) = other.out()
    assert refused(place, corporate.bring(theirs)) == "other-installation"
    stolen = carried.read_out(theirs, lambda _: ring(other)).requests
    ours = carried.write_out(carried.Out(place.home.installation, requests=stolen), place.home.keys.installation)
    (said,) = answers(corporate.bring(ours)).requests
    assert (said.status, said.answer["code"]) == (401, "identity-differs")
    other.home.close()


def test_a_request_that_somebody_else_signed_does_nothing(place: Island, corporate: Vendor) -> None:
    sent(place, corporate, "event")
    ask(place, Scope(deletion.EVERYTHING))
    (data,) = place.out()
    (entry,) = carried.read_out(data, lambda _: ring(place)).requests
    token = signed.sign(entry.body, Ed25519PrivateKey.generate(), signed.REQUEST, detached=True)
    out = carried.Out(place.home.installation, requests=(replace(entry, signature=token),))
    (said,) = answers(corporate.bring(carried.write_out(out, place.home.keys.installation))).requests
    assert (said.status, said.answer["code"]) == (401, "signature")
    assert [batch.deleted_at for batch in held(corporate, place)] == [None]


def test_what_corporate_refuses_is_told_and_can_be_asked_again(place: Island, corporate: Vendor) -> None:
    asked = ask_of_a_field_that_nobody_knows(place)
    (data,) = place.out()
    (told,) = place.into(corporate.bring(data)).asked
    assert (told.outcome, told.code) == ("rejected", "field")
    assert row(place, asked).final
    assert place.out() == []
    place.verify()


def test_leaving_by_hand_is_answered_and_nothing_is_kept_of_the_file(place: Island, corporate: Vendor) -> None:
    sent(place, corporate, "event", "browser")
    asked = ask(place, Scope(deletion.LEAVING))
    (data,) = place.out()
    back = corporate.bring(data)
    assert held(corporate, place) == []
    with corporate.server.store.reading(EVERYBODY) as session:
        mine = select(Brought).where(Brought.installation_id == place.home.installation)
        assert session.scalars(mine).all() == []
    assert answers(corporate.bring(data)).requests == answers(back).requests
    assert place.into(back).asked[0].outcome == "accepted"
    assert row(place, asked).outcome == "accepted"
    place.verify()


def test_what_breaks_off_before_the_file_is_written_is_unknown_and_goes_again(place: Island, corporate: Vendor) -> None:
    asked = ask(place, Scope(deletion.EVERYTHING))
    with place.home.store.write() as session:
        requests_by_hand.begin(session, session.get_one(models.Request, asked.id), "ab" * 32, place.now())
    (data,) = place.out()
    assert (row(place, asked).tries, row(place, asked).code) == (2, "carried")
    assert place.into(corporate.bring(data)).asked[0].outcome == "accepted"
    place.verify()


def test_verifying_finds_an_answer_that_belongs_to_no_request(place: Island, corporate: Vendor) -> None:
    asked = ask(place, Scope(deletion.EVERYTHING))
    (data,) = place.out()
    place.into(corporate.bring(data))
    entry = record.AnswerByHand(
        at=record.instant(place.now()),
        code=None,
        document=row(place, asked).document,
        outcome="accepted",
        request=row(place, asked).carried_leaf or 0,
        sha256=asked.sha256,
        status=200,
    )
    with place.home.store.write() as session:
        ledger.append(session, entry)
    found = verifying.verify(place.home, place.now())
    assert [finding.code for finding in found.findings] == ["answer-without-request"]


def test_what_rides_on_receipts_is_heard_from_files_too(place: Island, corporate: Vendor, tmp_path: Path) -> None:
    """Statements of what staff deleted, the published list with its entries, incidents and conflicts."""
    sent(place, corporate, "event")
    assert len(listing.releases(place.home)) > 0
    server = corporate.server
    done = at_corporate.by_staff(
        server.store,
        server.keys.of(DELETIONS),
        35,
        place.home.installation,
        Scope(deletion.CASE, "event"),
        "ada",
        place.now(),
    )
    later = tmp_path / "later.toml"
    later.write_text(LATER)
    releases.add(server.store, [later], None, None, place.now())
    publishing.publish(server.store, place.now())
    place.work("browser")
    (data,) = place.out()
    place.into(corporate.bring(data))
    assert [one.document for one in deletions.listed(place.home)] == [done]
    assert listing.releases(place.home)[0].release == "later.toml"
    place.verify()


def test_entries_of_the_list_that_did_not_come_along_accuse_nobody(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (data,) = place.out()
    back = answers(corporate.bring(data))
    for tail in (None, b"", b"[]", b'{"entries":[],"first":0}', b'{"entries":[],"first":9}'):
        note = back.answers[0].answer["catalogues"]
        fetch = partial(listing.carried, tail)
        keys = manifest.stored(place.home, place.now()).of(manifest.CATALOGUES)
        assert not listing.hear(place.home, note, lambda _, keys=keys: keys, fetch, place.now())
    with place.home.store.read() as session:
        assert session.scalars(select(models.Notice).where(models.Notice.code == listing.REFUSED)).all() == []
    assert place.into(corporate.bring(data)).told[0].outcome == "accepted"
    assert len(listing.releases(place.home)) > 0


def test_undeclared_content_that_arrived_by_hand_opens_an_incident_here(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (data,) = place.out()
    back = answers(corporate.bring(data))
    (given,) = back.answers
    said = incident.Incident("ab" * 16, place.home.installation, given.sha256, {"shop.x": 1}, place.now())
    refusal = {"code": "undeclared", "message": "undeclared", "hint": "", "retry": False, "undeclared": {"shop.x": 1}}
    refusal["incident"] = incident.issue(said, corporate.server.keys.of(DELETIONS))
    place.into(signed_again(corporate, replace(back, answers=(replace(given, status=400, answer=refusal),))))
    (shown,) = incidents.listed(place.home)
    assert (shown.token, shown.source, shown.case) == ("ab" * 16, "corporate", "event")


LATER = """[catalogue]
namespace = "later"
[kind."later/thing-done"]
case = "event"
brief = "something that only a later release knows"
since = "2.0.0"
"""
