"""Undeclared content arrives at a real corporate: both sides have the same incident, with times and proofs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from audit import deletion, gate, incident
from audit.canonical import sha256_hex
from audit.deletion import Scope
from diffgram_home import declaring, deleting, hearing, incidents, judging, manifest, models, reading, rules, verifying
from diffgram_home.exchange import Answer
from diffgram_home.judging import Verdict
from tests.corporate import running as corporates
from tests.corporate.pretend import Pretend
from tests.corporate.visiting import Visitor
from tests.door.conftest import Misbehaving
from tests.door.places import ANNOTATOR, Place, found

SECRET = b"rose_in_ward_3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def home(server: corporates.Server, tmp_path: Path) -> Iterator[Place]:
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token())
    yield made
    made.home.close()


def faulty(place: Place, server: corporates.Server, folder: Path) -> tuple[models.Batch, bytes, Verdict]:
    """What a release whose gate is broken would send, with this installation's own key, and what corporate answers."""
    place.work()
    batch = place.batches()[-1]
    body = (reading.body(place.home, "event", batch.sequence) or b"").replace(b'"member_id"', b'"' + SECRET + b'"')
    pem = (place.home.keys.folder / "certificate.pem").read_text()
    wire = Pretend(server, folder, id=place.home.installation, key=place.home.keys.installation, certificate=pem)
    reply = wire.send(body)
    wire.use("")
    header, _, _ = gate.header_of(body, rules.CODEC)
    stated = manifest.stored(place.home, place.now())
    answer = Answer(reply.status, msgspec.json.encode(dict(reply.json)), None)
    return batch, body, judging.of_answer(answer, header, sha256_hex(body), stated.of(manifest.RECEIPTS))


def hear(place: Place, batch: models.Batch, body: bytes, verdict: Verdict) -> None:
    stated = manifest.stored(place.home, place.now())
    batch.sha256 = sha256_hex(body)
    sent = {"case": batch.case, "sequence": batch.sequence, "sha256": batch.sha256}
    hearing.hear_of_undeclared(place.home, verdict, lambda _: stated.of(manifest.DELETIONS), place.now(), **sent)


def test_it_is_reported_at_once_kept_nowhere_and_both_sides_have_its_timeline(
    home: Place, server: corporates.Server, tmp_path: Path
) -> None:
    batch, body, verdict = faulty(home, server, tmp_path)
    assert (verdict.outcome, verdict.code) == ("rejected", "undeclared")
    hear(home, batch, body, verdict)
    (mine,) = incidents.listed(home.home)
    (theirs,) = server.command("incidents", "--installation", home.home.installation)
    path = "annotator/task-completed.<undeclared>"
    assert mine.paths == theirs["paths"] == {path: 1}
    assert (mine.token, mine.statement) == (theirs["token"], theirs["statement"])
    assert [step.what for step in mine.steps if step.at and step.leaf is not None] == ["noticed", "told", "deleted"]
    assert theirs["deleted_at"] is not None
    stated = incident.read(mine.statement or "", manifest.stored(home.home, home.now()).of(manifest.DELETIONS))
    assert (stated.kept, stated.sha256) == ("nothing", sha256_hex(body))
    folder = server.config.parent
    assert not [file for file in folder.rglob("*") if file.is_file() and SECRET in file.read_bytes()]
    assert verifying.verify(home.home, home.now()).holds


def test_the_same_bytes_again_are_the_same_incident(home: Place, server: corporates.Server, tmp_path: Path) -> None:
    batch, body, verdict = faulty(home, server, tmp_path)
    for _ in range(2):
        hear(home, batch, body, verdict)
    (mine,) = incidents.listed(home.home)
    assert mine.count == 2
    assert len(server.command("incidents", "--installation", home.home.installation)) == 1


def test_each_side_closes_it_by_page_or_command(home: Place, server: corporates.Server, tmp_path: Path) -> None:
    hear(home, *faulty(home, server, tmp_path))
    (mine,) = incidents.listed(home.home)
    visitor = Visitor(server)
    visitor.sign_in()
    page = visitor.ask("GET", f"/installations/{home.home.installation}").data.decode()
    assert mine.token in page
    assert visitor.ask("POST", f"/incidents/{mine.token}/close").status == 303
    assert visitor.ask("POST", f"/incidents/{mine.token}/close").status == 404
    assert mine.token in visitor.ask("GET", "/incidents").data.decode()
    corporates.command(server.config, "close-incident", mine.token, code=1)
    incidents.close(home.home, mine.token, "os:1000", home.now())
    assert not incidents.listed(home.home)[0].is_open


def test_a_statement_that_does_not_hold_opens_the_incident_without_its_proof(
    place: Place, corporate: Misbehaving
) -> None:
    place.work()
    corporate.order(
        "answer",
        status=400,
        body={
            "code": "undeclared",
            "message": "no",
            "hint": "",
            "retry": False,
            "undeclared": {"a.b": 2, "x y": 1},
            "incident": "e30.e30.AAAA",
        },
    )
    place.send()
    (mine,) = incidents.listed(place.home)
    assert mine.paths == {"<undeclared>": 1, "a.b": 2}
    assert (mine.statement, [s.what for s in mine.steps if s.at]) == (None, ["noticed", "told"])
    assert "not proved" in mine.steps[2].text
    assert (mine.case, mine.sequence) == ("event", 1)


def test_what_should_not_have_left_is_declared_deleted_and_proved(home: Place, server: corporates.Server) -> None:
    home.work(messages=3)
    home.send()
    (attempt,) = home.rows()
    shown = declaring.preview(home.home, Scope(deletion.BATCH, batch=attempt.sha256), home.now())
    assert declaring.shown(home.home, shown.body).sha256 == shown.sha256
    with pytest.raises(ValueError, match="declares nothing"):
        declaring.shown(home.home, deleting.preview(home.home, shown.scope, home.now()).body)
    with pytest.raises(ValueError, match="no reason"):
        declaring.declare(home.home, shown, "because", "os:1000", home.now())
    assert incidents.listed(home.home) == ()
    number = declaring.declare(home.home, shown, "identifies-somebody", "os:1000", home.now())
    (mine,) = incidents.listed(home.home)
    assert (mine.source, mine.paths) == ("customer", {f"identifies-somebody/{attempt.sha256}": 1})
    assert [step.what for step in mine.steps if step.at] == ["noticed"]
    assert deleting.send(home.home, home.door, number, home.now()).outcome == "accepted"
    (mine,) = incidents.listed(home.home)
    assert [step.what for step in mine.steps if step.at and step.leaf is not None] == ["noticed", "told", "deleted"]
    stated = deletion.read(mine.deletion or "", manifest.stored(home.home, home.now()).of(manifest.DELETIONS))
    assert (stated.batches, stated.counts["message"]) == (1, 3)
    (theirs,) = server.command("incidents", "--installation", home.home.installation)
    assert (theirs["token"], theirs["source"], theirs["statement"]) == (mine.token, "customer", mine.deletion)
    incidents.close(home.home, mine.token, "os:1000", home.now())
    assert verifying.verify(home.home, home.now()).holds
