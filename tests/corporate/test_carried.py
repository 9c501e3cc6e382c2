"""Files carried by hand, at corporate: judged like what comes over the wire, and nothing of a spoilt one is used."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from audit import carried, container, deletion, gate, receipt, signed
from audit.canonical import sha256_hex
from audit.deletion import Scope
from audit.errors import CarriedRefused, SignatureRefused
from corporate import enrolment, importing, incidents, storing
from corporate.database import EVERYBODY
from corporate.errors import OperatorError
from corporate.keys import DELETIONS
from corporate.models import Batch, Certificate, Gap
from corporate.server import Corporate, open_corporate
from tests.corporate.pretend import CORE, Pretend, message
from tests.corporate.running import Server, command
from tests.corporate.visiting import Visitor


@pytest.fixture
def corporate(server: Server) -> Iterator[Corporate]:
    """The running server's own keys and database, opened here."""
    made = open_corporate(server.settings)
    yield made
    made.store.close()


def now() -> datetime:
    return datetime.now(UTC)


def out(one: Pretend, *bodies: bytes, key: Ed25519PrivateKey | None = None) -> bytes:
    """What `one` carries out: these bodies, each signed, and its certificate."""
    signer = key or one.key
    batches = [
        carried.Batch(head["case"], head["sequence"], body, signed.sign(body, signer, signed.BATCH, detached=True))
        for body in bodies
        if (head := json.loads(body.partition(b"\n")[0]))
    ]
    return carried.write_out(carried.Out(one.id, tuple(batches), one.certificate or None), signer)


def answers(corporate: Corporate, data: bytes) -> carried.In:
    """A file of answers, as an installation reads it."""
    return carried.read_in(data, lambda _: signed.ring(corporate.keys.receipts.public_key()))


def stored(corporate: Corporate, one: Pretend) -> list[Batch]:
    with corporate.store.reading(EVERYBODY) as session:
        wanted = select(Batch).where(Batch.installation_id == one.id).order_by(Batch.sequence)
        return list(session.execute(wanted).scalars())


def codes(taken: importing.Taken) -> list[str]:
    return [str(answer.answer.get("code", "accepted")) for answer in taken.answers]


def test_batches_in_a_file_are_stored_exactly_and_signed_for(corporate: Corporate, one: Pretend) -> None:
    bodies = one.seal(1, [message()] * 3), one.seal(2, void="withdrawn"), one.seal(1, case="licensing", void="mode")
    data = out(one, *bodies)
    taken = importing.take(corporate, data, "os:test", now())
    back = answers(corporate, taken.data)
    assert (back.installation, back.file) == (one.id, sha256_hex(data))
    assert [answer.status for answer in back.answers] == [200, 200, 200]
    keys = signed.ring(corporate.keys.receipts.public_key())
    held = [receipt.read(answer.answer["receipt"], keys) for answer in back.answers]
    assert {one_held.authenticated for one_held in held} == {"signature+by-hand"}
    assert [(h.sha256, h.messages, h.void) for h in held] == [
        (sha256_hex(bodies[0]), 3, False),
        (sha256_hex(bodies[1]), 0, True),
        (sha256_hex(bodies[2]), 0, True),
    ]
    with corporate.store.reading(EVERYBODY) as session:
        assert sorted(storing.body_of(session, batch) for batch in stored(corporate, one)) == sorted(bodies)


def test_the_same_file_again_and_the_wire_give_the_same_receipt(corporate: Corporate, one: Pretend) -> None:
    body = one.seal(1)
    first = importing.take(corporate, out(one, body), "os:test", now()).answers
    again = importing.take(corporate, out(one, body), "os:test", now()).answers
    assert first[0].answer["receipt"] == again[0].answer["receipt"] == one.send(body).json["receipt"]
    assert len(stored(corporate, one)) == 1


def test_what_came_over_the_wire_is_not_stored_again_from_a_file(corporate: Corporate, one: Pretend) -> None:
    body = one.seal(1)
    given = one.send(body).json["receipt"]
    assert importing.take(corporate, out(one, body), "os:test", now()).answers[0].answer["receipt"] == given


def spoilt(data: bytes) -> dict[str, bytes]:
    """The same file with one thing planted in it."""
    entries = container.read(data)
    body = next(entry for entry in entries if entry.name == "event-1.ndjson")
    changed = [
        e if e != body else container.Entry(e.name, e.data.replace(b"home/error", b"home/eRror")) for e in entries
    ]
    return {
        "a changed byte": container.write(changed),
        "a dropped batch": container.write(entries[:-2]),
        "another order": container.write([*entries[:3], *entries[5:], *entries[3:5]]),
        "a cut": data[:-30],
        "more behind": data + b"\0",
        "nothing": b"",
        "a huge file": bytes(container.MAX_BYTES + 1),
    }


def test_nothing_of_a_spoilt_file_is_used(corporate: Corporate, one: Pretend) -> None:
    for what, data in spoilt(out(one, one.seal(1), one.seal(2))).items():
        with pytest.raises((CarriedRefused, SignatureRefused)) as no:
            importing.take(corporate, data, "os:test", now())
        assert no.value.hint, what
    assert stored(corporate, one) == []
    assert importing.imports(corporate.store, one.id) == []


def test_a_file_that_somebody_else_signed_is_refused_whole(corporate: Corporate, one: Pretend) -> None:
    with pytest.raises(SignatureRefused) as no:
        importing.take(corporate, out(one, one.seal(1), key=Ed25519PrivateKey.generate()), "os:test", now())
    assert no.value.code == "key-unknown"
    assert stored(corporate, one) == []


def test_a_batch_of_another_installation_is_refused_alone(
    corporate: Corporate, one: Pretend, server: Server, tmp_path: Path
) -> None:
    other = Pretend(server, tmp_path)
    assert other.enrol().status == 201
    taken = importing.take(corporate, out(one, one.seal(1), other.seal(2)), "os:test", now())
    assert codes(taken) == ["accepted", "identity-differs"]
    assert stored(corporate, other) == []
    other.use("")


def test_a_batch_that_the_gate_refuses_is_answered_with_its_reason(corporate: Corporate, one: Pretend) -> None:
    odd = one.seal(1).replace(b'"kind":"home/error",', b'"kind":"home/error","rose":"ward 3",')
    strange = one.seal(2).replace(one.rules.catalogue.hash.encode(), b"0" * 64)
    assert importing.take(corporate, out(one, one.seal(3)), "os:test", now()).refused == ()
    other = one.seal(3, [message(), message()])
    taken = importing.take(corporate, out(one, odd, strange, other), "os:test", now())
    assert codes(taken) == ["undeclared", "unknown-catalogue", "sequence-differs"]
    assert [answer.status for answer in taken.answers] == [400, 404, 409]
    assert taken.answers[0].answer["undeclared"] == {"home/error.<undeclared>": 1}
    assert b"ward 3" not in taken.data
    assert [batch.sequence for batch in stored(corporate, one)] == [3]


def test_gaps_are_noted_and_filled_whatever_the_way(corporate: Corporate, one: Pretend) -> None:
    def gaps() -> list[tuple[int, int]]:
        with corporate.store.reading(EVERYBODY) as session:
            rows = session.execute(select(Gap).where(Gap.installation_id == one.id)).scalars()
            return [(gap.first, gap.last) for gap in rows]

    importing.take(corporate, out(one, one.seal(4), one.seal(2)), "os:test", now())
    assert sorted(gaps()) == [(1, 1), (3, 3)]
    assert one.send(one.seal(3)).status == 200
    importing.take(corporate, out(one, one.seal(1)), "os:test", now())
    assert gaps() == []


def test_a_revoked_installation_gets_refusals_and_nothing_is_stored(corporate: Corporate, one: Pretend) -> None:
    enrolment.revoke(corporate.store, one.id, "os:test", now())
    taken = importing.take(corporate, out(one, one.seal(1)), "os:test", now())
    assert codes(taken) == ["revoked"]
    assert stored(corporate, one) == []


def test_a_certificate_that_was_revoked_or_is_no_other_than_ours_is_refused(corporate: Corporate, one: Pretend) -> None:
    data = out(one, one.seal(1))
    with corporate.store.writing(EVERYBODY) as session:
        session.execute(
            select(Certificate).where(Certificate.installation_id == one.id)
        ).scalar_one().revoked_at = now()
    assert codes(importing.take(corporate, data, "os:test", now())) == ["revoked"]


def test_a_file_that_travelled_for_months_is_taken_and_brings_a_fresh_certificate_back(
    corporate: Corporate, one: Pretend
) -> None:
    later = now() + timedelta(days=90)
    taken = importing.take(corporate, out(one, one.seal(1), one.seal(2)), "os:test", later)
    assert codes(taken) == ["accepted", "accepted"]
    fresh = {answer.answer["certificate"] for answer in taken.answers}
    assert len(fresh) == 1
    assert one.certificate not in fresh


def test_without_a_certificate_the_signatures_are_enough(corporate: Corporate, one: Pretend) -> None:
    one.certificate = ""
    assert codes(importing.take(corporate, out(one, one.seal(1)), "os:test", now())) == ["accepted"]


def test_many_batches_in_one_file_are_not_held_to_the_rate_of_the_wire(corporate: Corporate, one: Pretend) -> None:
    bodies = [one.seal(n) for n in range(1, carried.MAX_BATCHES + 1)]
    assert importing.take(corporate, out(one, *bodies), "os:test", now()).refused == ()
    assert one.send(one.seal(101)).status == 200


def request(stranger: Pretend, token: str, *, csr: str = "", key: Ed25519PrivateKey | None = None) -> bytes:
    asked = carried.Request(token, csr or stranger.csr())
    return carried.write_out(carried.Out(stranger.id, enrolment=asked), key or stranger.key)


def test_a_machine_without_a_network_is_enrolled(corporate: Corporate, server: Server, stranger: Pretend) -> None:
    data = request(stranger, server.token("St Luke"))
    taken = importing.take(corporate, data, "os:test", now())
    back = answers(corporate, taken.data)
    assert back.enrolment is not None
    status, answer = back.enrolment
    assert (status, answer["customer"], taken.enrolled) == (201, "St Luke", True)
    again = importing.take(corporate, data, "os:test", now())
    assert answers(corporate, again.data).enrolment == back.enrolment
    stranger.use(answer["certificate"])
    assert stranger.send(stranger.seal(1)).status == 200


def test_a_request_is_refused_as_on_the_wire(corporate: Corporate, server: Server, stranger: Pretend) -> None:
    cases = {
        "token-unknown": request(stranger, "dhe_nobody-made-this"),
        "csr": request(stranger, server.token(), csr="please"),
    }
    for code, data in cases.items():
        with pytest.raises(OperatorError) as no:
            importing.take(corporate, data, "os:test", now())
        assert no.value.code == code
    with pytest.raises(SignatureRefused):  # the file was signed by another key than the one that asks
        importing.take(corporate, request(stranger, server.token(), key=Ed25519PrivateKey.generate()), "os:test", now())


def test_a_stranger_is_told_to_ask_elsewhere(corporate: Corporate, stranger: Pretend) -> None:
    with pytest.raises(OperatorError) as no:
        importing.take(corporate, out(stranger, stranger.seal(1)), "os:test", now())
    assert no.value.code == "unknown-installation"


def test_the_command_takes_files_in_writes_answers_and_says_what_it_refused(
    server: Server, one: Pretend, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    good.write_bytes(out(one, one.seal(1)))
    bad.write_bytes(good.read_bytes()[:-9])
    done = command(server.config, "import", str(good), str(bad), "--json", code=1)
    first, second = map(json.loads, done.stdout.splitlines())
    assert [answer["status"] for answer in first["answers"]] == [200]
    assert (
        carried.read_in(
            Path(first["answers_file"]).read_bytes(),
            lambda _: signed.ring(open_corporate(server.settings).keys.receipts.public_key()),
        ).installation
        == one.id
    )
    assert (second["code"], bool(second["hint"])) == ("file-cut", True)
    shown = command(server.config, "import", str(good)).stdout
    assert "event 1: accepted" in shown


def upload(visitor: Visitor, data: bytes, form: str | None = None) -> urllib3.BaseHTTPResponse:
    """Choose a file on the page and send the form."""
    fields = {"form": visitor.form if form is None else form, "file": ("out.zip", data, "application/zip")}
    headers = {"Cookie": f"corporate={visitor.cookie}"}
    return visitor.http.request("POST", visitor.url + "/carried", fields=fields, headers=headers, redirect=False)


def test_the_page_takes_a_file_in_and_offers_the_answers(server: Server, corporate: Corporate, one: Pretend) -> None:
    visitor = Visitor(server)
    visitor.sign_in()
    visitor.ask("GET", "/carried")
    done = upload(visitor, out(one, one.seal(1), one.seal(2).replace(b"home/error", b"home/eRror")))
    assert done.status == 201
    assert b"1 accepted, 1 refused" in done.data
    assert b"undeclared" in done.data
    (brought,) = importing.imports(corporate.store, one.id)
    assert (brought.actor, brought.accepted, brought.refused) == ("administrator", 1, 1)
    file = visitor.ask("GET", f"/carried/{brought.id}/answers")
    assert answers(corporate, file.data).installation == one.id
    assert file.headers["Content-Disposition"].endswith('.in.zip"')
    assert visitor.ask("GET", "/carried/999999999/answers").status == 404


def test_the_page_refuses_what_is_forged_spoilt_or_too_large(
    server: Server, corporate: Corporate, one: Pretend
) -> None:
    visitor = Visitor(server)
    visitor.ask("GET", "/sign-in")
    assert upload(visitor, out(one, one.seal(1))).status == 303
    visitor.sign_in()
    visitor.ask("GET", "/carried")
    assert upload(visitor, out(one, one.seal(1)), form="0" * 64).status == 403
    assert upload(visitor, b"PK\x03\x04 and no more").status == 400
    assert upload(visitor, b"").status == 400
    assert upload(visitor, bytes(container.MAX_BYTES + 100_000)).status == 413
    assert stored(corporate, one) == []
    assert upload(visitor, out(one, one.seal(1))).status == 201


def asked(one: Pretend, scope: Scope, *, key: Ed25519PrivateKey | None = None, **more: object) -> carried.Asked:
    """A request for deletion as it stands in a file."""
    request = gate.Request(deletion.KIND, one.id, now().replace(microsecond=0), 1000, "ab" * 32, scope.values() | more)
    body = gate.make_request(request, CORE)
    return carried.Asked(deletion.KIND, body, signed.sign(body, key or one.key, signed.REQUEST, detached=True))


def requested(one: Pretend, *requests: carried.Asked, bodies: tuple[bytes, ...] = ()) -> bytes:
    """A file with these requests, and batches before them."""
    held = carried.read_out(out(one, *bodies), lambda _: signed.ring(one.key.public_key())).batches if bodies else ()
    return carried.write_out(carried.Out(one.id, held, one.certificate or None, requests=requests), one.key)


def test_a_request_in_a_file_is_done_and_answered_as_on_the_wire(corporate: Corporate, one: Pretend) -> None:
    assert one.send(one.seal(1, [message()] * 3)).status == 200
    data = requested(one, asked(one, Scope("everything")), bodies=(one.seal(2),))
    taken = importing.take(corporate, data, "os:test", now())
    (said,) = answers(corporate, taken.data).requests
    ring = signed.ring(corporate.keys.of(DELETIONS).public_key())
    found = deletion.read(said.answer["document"], ring)
    assert [lane.numbers for lane in found.lanes] == ["1-2"]
    assert [batch.deleted_at is None for batch in stored(corporate, one)] == [False, False]
    assert (taken.accepted, taken.refused) == (2, ())
    again = importing.take(corporate, data, "os:test", now())
    assert again.requests == taken.requests
    assert again.answers[0].answer["receipt"] == taken.answers[0].answer["receipt"]
    assert [batch.deleted_at is None for batch in stored(corporate, one)] == [False, False]


def test_requests_that_are_not_in_order_are_refused_alone(
    corporate: Corporate, one: Pretend, server: Server, tmp_path: Path
) -> None:
    other = Pretend(server, tmp_path)
    assert other.enrol().status == 201
    assert one.send(one.seal(1)).status == 200
    forged = asked(one, Scope("everything"), key=Ed25519PrivateKey.generate())
    theirs = asked(other, Scope("everything"))
    odd = replace(asked(one, Scope("everything")), body=b'{"kind":"home/deletion-asked","patient":"Rose"}\n')
    strange = replace(asked(one, Scope("everything")), kind="home/everything-wanted")
    taken = importing.take(corporate, requested(one, forged, theirs, odd, strange), "os:test", now())
    assert [said.answer.get("code") for said in taken.requests] == [
        "signature",
        "identity-differs",
        "malformed",
        "undeclared",
    ]
    assert b"Rose" not in taken.data
    assert [batch.deleted_at for batch in stored(corporate, one)] == [None]
    other.use("")


def test_who_leaves_by_a_file_has_the_answers_and_nothing_is_kept_of_it(
    server: Server, corporate: Corporate, one: Pretend
) -> None:
    assert one.send(one.seal(1)).status == 200
    data = requested(one, asked(one, Scope("leaving")))
    visitor = Visitor(server)
    visitor.sign_in()
    visitor.ask("GET", "/carried")
    done = upload(visitor, data)
    assert (done.status, done.headers["Content-Type"]) == (200, "application/zip")
    assert answers(corporate, done.data).requests[0].status == 200
    assert importing.imports(corporate.store, one.id) == []
    visitor.ask("GET", "/carried")
    assert answers(corporate, upload(visitor, data).data).requests == answers(corporate, done.data).requests


def test_the_command_and_the_page_say_what_became_of_a_request(
    server: Server, corporate: Corporate, one: Pretend, tmp_path: Path
) -> None:
    file = tmp_path / "asked.zip"
    file.write_bytes(requested(one, asked(one, Scope("case", "event"))))
    assert f"{deletion.KIND}: done" in command(server.config, "import", str(file)).stdout
    visitor = Visitor(server)
    visitor.sign_in()
    visitor.ask("GET", "/carried")
    done = upload(visitor, file.read_bytes())
    assert done.status == 201
    assert b"signed statement" in done.data


def test_a_declared_incident_is_one_here_too_with_its_timeline(
    server: Server, corporate: Corporate, one: Pretend
) -> None:
    assert one.send(one.seal(1)).status == 200
    declared = asked(one, Scope("field", field=CORE.fields["home.project_id"].hash), incident=True)
    plain = asked(one, Scope("case", "event"))
    data = requested(one, declared, plain)
    importing.take(corporate, data, "os:test", now())
    importing.take(corporate, data, "os:test", now())
    (shown,) = incidents.listed(corporate.store, installation=one.id)
    assert (shown.token, shown.source) == (sha256_hex(declared.body)[:32], "customer")
    assert dict(shown.paths) == {"home/error.project_id": 1}
    assert (shown.told_at, shown.closed_at) == (shown.deleted_at, None)
    assert shown.statement is not None
    assert deletion.read(shown.statement, signed.ring(corporate.keys.of(DELETIONS).public_key())).request is not None
    visitor = Visitor(server)
    visitor.sign_in()
    page = visitor.ask("GET", f"/installations/{one.id}").data
    assert b"it should not have left" in page
    assert visitor.ask("POST", f"/incidents/{shown.token}/close").status == 303
    (row,) = server.command("incidents", "--installation", one.id)
    assert (row["source"], row["closed_by"]) == ("customer", "administrator")
    gone = asked(one, Scope("leaving"), incident=True)
    importing.take(corporate, requested(one, gone), "os:test", now())
    assert incidents.listed(corporate.store, installation=one.id) == []
