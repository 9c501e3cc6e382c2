"""Deletion from here: asked once seen, recorded before, answered with a statement that holds, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import deletion, gate, record, signed
from audit.deletion import Scope
from audit.errors import Refused, SignatureRefused
from diffgram_home import bodies, deleting, deletions, ledger, manifest, models, requests, switching, verifying
from diffgram_home.requests import RequestError
from tests.corporate import running as corporates
from tests.door.conftest import Misbehaving
from tests.door.places import ANNOTATOR, Place, found

EVERYTHING = Scope("everything")


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
    """An installation that the real corporate enrolled, with two batches there."""
    made = found(tmp_path / "home", server.wire, server.root)
    made.enrol(server.token())
    made.work(messages=3, batches=2)
    assert {sent.outcome for sent in made.send()} == {"accepted"}
    yield made
    made.home.close()


def ask(place: Place, scope: Scope = EVERYTHING) -> int:
    """See the bytes and decide."""
    return deleting.ask(place.home, deleting.preview(place.home, scope, place.now()).body, "account:anna", place.now())


def leaves(place: Place) -> list[record.Record]:
    """The records of the ledger about requests and their answers, in order."""
    with place.home.store.read() as session:
        size = ledger.standing(session).size
        every = [ledger.leaf(session, position) for position in range(size)]
    return [one for one in every if isinstance(one, record.Request | record.Answer | record.Deletion)]


def test_everything_is_deleted_also_when_every_case_is_off_and_the_statement_is_in_the_ledger(here: Place) -> None:
    switching.set_mode(here.home, "event", None, "off", "os:1000", here.now())
    shown = deleting.preview(here.home, EVERYTHING, here.now())
    assert (shown.batches, shown.messages, shown.waiting) == (2, 6, 0)
    one = deleting.ask(here.home, shown.body, "account:anna", here.now())
    row = deleting.send(here.home, here.door, one, here.now())
    assert (row.outcome, row.code) == ("accepted", None)
    asked, answered = leaves(here)
    assert isinstance(asked, record.Request)
    assert (asked.actor, asked.sha256, asked.request) == ("account:anna", shown.sha256, "POST /v1/deletions")
    assert isinstance(answered, record.Answer)
    assert answered.document == row.document
    (told,) = deletions.listed(here.home)
    assert told.statement is not None
    assert (told.statement.batches, dict(told.statement.counts)) == (2, {"message": 6, "batch": 2})
    assert told.agrees
    with here.home.store.read() as session:
        assert len(deletions.deleted(session, [attempt.sha256 for attempt in here.rows()])) == 2
        assert all(bodies.get(session, attempt.sha256) for attempt in here.rows()), "our own bytes stay"
    assert deleting.send(here.home, here.door, one, here.now()).tries == 1, "what was answered is not sent again"
    found = verifying.verify(here.home, here.now())
    assert (found.findings, found.report.faults) == ((), 0)


def test_what_waits_here_and_is_meant_goes_no_more(here: Place) -> None:
    here.work(messages=2)
    shown = deleting.preview(here.home, Scope("case", "event"), here.now())
    assert (shown.batches, shown.waiting) == (2, 1)
    deleting.send(here.home, here.door, deleting.ask(here.home, shown.body, "os:0", here.now()), here.now())
    assert [batch.state for batch in here.batches()] == ["sent", "sent", "voiding"]
    here.work(messages=1)
    assert {sent.outcome for sent in here.send()} == {"accepted"}, "the void, and what came afterwards"
    assert [(batch.state, batch.messages) for batch in here.batches()] == [
        ("sent", 3), ("sent", 3), ("voided", 0), ("sent", 1),
    ]  # fmt: skip


def test_one_batch_and_one_field(here: Place, server: corporates.Server) -> None:
    one = here.rows()[0].sha256
    deleting.send(here.home, here.door, ask(here, Scope("batch", batch=one)), here.now())
    with here.home.store.read() as session:
        assert deletions.deleted(session, [row.sha256 for row in here.rows()]).keys() == {one}
    name = next(n for n in here.home.catalogue.fields if n.startswith("annotator.") and n.endswith(".member_id"))
    field = Scope("field", field=here.home.catalogue.fields[name].hash)
    row = deleting.send(here.home, here.door, ask(here, field), here.now())
    assert row.outcome == "accepted"
    assert deletions.listed(here.home)[0].statement is not None
    holdings = server.command("holdings", here.home.installation)
    assert {table["table"]: table["rows"] for table in holdings["tables"]}["message"] == 3


def test_twice_and_what_was_never_received(here: Place) -> None:
    deleting.send(here.home, here.door, ask(here), here.now())
    deleting.send(here.home, here.door, ask(here), here.now())
    deleting.send(here.home, here.door, ask(here, Scope("batch", batch="0" * 64)), here.now())
    never, again, first = (one.statement for one in deletions.listed(here.home))
    assert [None if one is None else (one.batches, one.already) for one in (first, again, never)] == [
        (2, 0), (0, 2), (0, 0),
    ]  # fmt: skip
    assert verifying.verify(here.home, here.now()).holds


def test_a_statement_of_corporates_staff_rides_on_an_answer_or_comes_in_a_file(
    here: Place, server: corporates.Server, tmp_path: Path
) -> None:
    file = tmp_path / "statement.jws"
    corporates.command(
        server.config, "delete", here.home.installation, "--everything", "--yes", "--statement", str(file)
    )
    here.work()
    assert [sent.outcome for sent in here.send()] == ["accepted"]
    (told,) = deletions.listed(here.home)
    assert (told.request, told.actor, told.agrees) == (None, "corporate", True)
    assert not deleting.take(here.home, file.read_text(), "os:0", here.now()), "it is here already"
    assert [type(leaf) for leaf in leaves(here)] == [record.Deletion]
    assert verifying.verify(here.home, here.now()).holds
    with pytest.raises(SignatureRefused):
        deleting.take(here.home, file.read_text()[:-8] + "AAAAAAA\n", "os:0", here.now())


def test_with_corporate_down_the_request_stays_and_goes_when_asked_again(place: Place, corporate: Misbehaving) -> None:
    url = place.home.settings.corporate.url
    place.move("https://127.0.0.1:1")
    one = ask(place)
    row = deleting.send(place.home, place.door, one, place.now())
    assert (row.outcome, row.code, row.tries) == ("rejected", "connection-refused", 1)
    assert "deletion-waits" in place.notices()
    assert deleting.waiting(place.home) == [one]
    place.move(url)
    corporate.order("answer", status=200, body=json.dumps({"document": stated(place, one, corporate.deletions)}))
    assert deleting.send(place.home, place.door, one, place.now()).outcome == "accepted"
    assert "deletion-waits" not in place.notices()
    assert [type(leaf).__name__ for leaf in leaves(place)] == ["Request", "Answer", "Request", "Answer"]


def test_by_itself_a_request_goes_only_while_a_case_is_on(place: Place, corporate: Misbehaving) -> None:
    one = ask(place)
    switching.set_mode(place.home, "event", None, "off", "os:1000", place.now())
    deleting.send_due(place.home, place.door, place.now() + timedelta(days=1))
    assert corporate.all_told() == [], "off is silent"
    switching.set_mode(place.home, "event", None, "on", "os:1000", place.now())
    corporate.order("answer", status=200, body=json.dumps({"document": stated(place, one, corporate.deletions)}))
    deleting.send_due(place.home, place.door, place.now() + timedelta(days=1))
    assert corporate.told()["line"] == "POST /v1/deletions HTTP/1.1"


def test_a_forged_statement_is_refused_and_the_request_stays(place: Place, corporate: Misbehaving) -> None:
    one = ask(place)
    other = Ed25519PrivateKey.generate()
    for key, request, code in (
        (other, None, "key-unknown"),
        (corporate.receipts, None, "key-unknown"),
        (corporate.deletions, "f" * 64, "deletion-differs"),
    ):
        document = stated(place, one, key, request)
        corporate.order("answer", status=200, body=json.dumps({"document": document}))
        row = deleting.send(place.home, place.door, one, place.now())
        assert (row.outcome, row.code, row.document) == ("unknown", code, None)
    assert deleting.waiting(place.home) == [one]
    with place.home.store.read() as session:
        assert list(session.query(models.Deletion)) == []


def test_a_request_whose_process_was_killed_is_called_unknown_and_sent_again_as_it_was(
    place: Place, corporate: Misbehaving
) -> None:
    one = ask(place)
    with place.home.store.write() as session:
        row = session.get_one(models.Request, one)
        row.leaf, row.under_way, row.tries = requests._begin(session, row, place.door.destination, place.now()), True, 1
    corporate.order("answer", status=200, body=json.dumps({"document": stated(place, one, corporate.deletions)}))
    assert deleting.send(place.home, place.door, one, place.now()).outcome == "accepted"
    kinds = [(type(leaf).__name__, getattr(leaf, "outcome", None)) for leaf in leaves(place)]
    assert kinds == [("Request", None), ("Answer", "unknown"), ("Request", None), ("Answer", "accepted")]


def test_only_what_was_shown_lately_can_be_asked(place: Place) -> None:
    body = deleting.preview(place.home, EVERYTHING, place.now()).body
    with pytest.raises(RequestError):
        deleting.ask(place.home, body, "account:anna", place.now() + timedelta(hours=2))
    with pytest.raises(Refused):
        deleting.ask(place.home, body.replace(b"everything", b"else"), "account:anna", place.now())
    other = body.replace(place.home.installation.encode(), b"0" * 32)
    with pytest.raises(RequestError):
        deleting.ask(place.home, other, "account:anna", place.now())


def stated(place: Place, one: int, key: Ed25519PrivateKey | bytes, request: str | None = None) -> str:
    """A statement that answers request `one`, or the one with the hash `request`."""
    signer = key if isinstance(key, Ed25519PrivateKey) else Ed25519PrivateKey.from_private_bytes(key)
    with place.home.store.read() as session:
        row = session.get_one(models.Request, one)
        asked = gate.check_request(bodies.get(session, row.sha256) or b"", place.home.catalogue)
    now = place.now().replace(microsecond=0)
    made = deletion.Deletion(
        place.home.installation, request or row.sha256, deletion.scope_of(asked), asked.ledger_size, now, (), 0, {},
        ("sha256",), now + timedelta(days=35), "overwritten",
    )  # fmt: skip
    return deletion.issue(made, signer)


def test_the_manifest_here_names_the_key(place: Place) -> None:
    assert len(manifest.stored(place.home, place.now()).of(manifest.DELETIONS)) == 1
    assert signed.DELETION != signed.RECEIPT
