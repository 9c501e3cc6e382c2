"""Deletion at corporate: what goes, what stays, what is signed, and what does not come back."""

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.engine import make_url

from audit import deletion, gate, signed
from audit.canonical import sha256_hex
from audit.deletion import Scope
from corporate.database import EVERYBODY
from corporate.models import Batch, Deletion, Installation, Message
from tests.corporate.pretend import CORE, Pretend, Reply, message
from tests.corporate.running import Server, command
from tests.corporate.visiting import Visitor

PLANTED = 777_000_111


def ask(one: Pretend, scope: Scope, *, size: int = 1000, key: Any = None) -> tuple[bytes, Reply]:
    """Send a request for deletion; returns its bytes and the answer."""
    now = datetime.now(UTC).replace(microsecond=0)
    request = gate.Request(deletion.KIND, one.id, now, size, "ab" * 32, scope.values())
    body = gate.make_request(request, CORE)
    return body, send(one, body, key)


def send(one: Pretend, body: bytes, key: Any = None) -> Reply:
    headers = {
        "Content-Type": "application/x-ndjson",
        "Diffgram-Signature": signed.sign(body, key or one.key, signed.REQUEST, detached=True),
    }
    response = one.connection().request("POST", "/v1/deletions", body=body, headers=headers)
    return Reply(response.status, response.json(), response.headers)


def statement(one: Pretend, token: str) -> deletion.Deletion:
    """The statement, verified against the manifest's key for deletions."""
    manifest = one.get("/v1/manifest").json
    root = signed.from_jwk(manifest["root"])
    claims = msgspec.json.decode(signed.verify(manifest["manifest"], signed.ring(root), signed.MANIFEST))
    jwk = next(entry["jwk"] for entry in claims["keys"] if entry["purpose"] == "deletions")
    return deletion.read(token, signed.ring(signed.from_jwk(jwk)))


def lines(one: Pretend) -> list[str]:
    """Every line of a message that corporate has of this installation."""
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        wanted = select(Message.line).join(Batch, Batch.id == Message.batch_id).where(Batch.installation_id == one.id)
        return list(session.execute(wanted).scalars())


def rows(one: Pretend) -> Mapping[int, Batch]:
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        found = session.execute(select(Batch).where(Batch.installation_id == one.id).order_by(Batch.sequence)).scalars()
        return {row.sequence: row for row in found}


def filled(one: Pretend, count: int = 3) -> list[bytes]:
    """Some batches, each with the planted number in it."""
    bodies = [one.seal(n, [message(project_id=PLANTED, input_id=n)] * 2) for n in range(1, count + 1)]
    assert one.send_all(*bodies) == [200] * count
    return bodies


def sha(body: bytes) -> str:
    return sha256_hex(body)


def test_everything_goes_and_hash_number_and_receipt_stay(one: Pretend) -> None:
    bodies = filled(one)
    receipts = {n: row.receipt for n, row in rows(one).items()}
    body, reply = ask(one, Scope("everything"))
    assert reply.status == 200, reply.json
    found = statement(one, reply.json["document"])
    deletion.matches(found, one.id, (gate.check_request(body, CORE), sha(body)))
    assert [lane.hashes for lane in found.lanes] == [tuple(map(sha, bodies))]
    assert found.counts == {"message": 6, "batch": 3}
    assert found.backups_until - found.deleted_at == timedelta(days=35)
    assert lines(one) == []
    kept = rows(one)
    assert [(row.sha256, row.header, row.signature) for row in kept.values()] == [(sha(b), "", "") for b in bodies]
    assert {n: row.receipt for n, row in kept.items()} == receipts


def test_the_page_of_a_batch_says_what_was_deleted_and_gives_no_other_bytes_for_the_ones_received(
    one: Pretend,
) -> None:
    filled(one)
    ask(one, Scope("batch", batch=rows(one)[1].sha256))
    ask(one, Scope("field", field=CORE.fields["home.project_id"].hash))
    visitor = Visitor(one.server)
    visitor.sign_in()
    deleted, altered = rows(one)[1].id, rows(one)[2].id
    for number, said in ((deleted, b"They were deleted on"), (altered, b"A field was deleted from them on")):
        page = visitor.ask("GET", f"/batches/{number}")
        assert page.status == 200
        assert said in page.data
        assert str(PLANTED).encode() not in page.data
        assert visitor.ask("GET", f"/batches/{number}/body").status == 410
        assert visitor.ask("GET", f"/batches/{number}/receipt").status == 200


def test_one_batch_goes_and_its_neighbours_stay(one: Pretend) -> None:
    bodies = filled(one)
    found = statement(one, ask(one, Scope("batch", batch=sha(bodies[1])))[1].json["document"])
    assert (found.lanes[0].numbers, found.batches, found.counts["message"]) == ("2", 1, 2)
    assert len(lines(one)) == 4
    assert [row.deleted_at is None for row in rows(one).values()] == [True, False, True]


def test_a_range_means_when_the_batches_were_sealed(one: Pretend) -> None:
    filled(one)
    now = datetime.now(UTC).replace(microsecond=0)
    none = Scope("range", from_=now - timedelta(days=2), until=now - timedelta(days=1))
    assert statement(one, ask(one, none)[1].json["document"]).batches == 0
    later = Scope("range", from_=now - timedelta(days=2), until=now + timedelta(hours=1))
    assert ask(one, later)[1].status == 400, "a range cannot end after the request"
    assert len(lines(one)) == 6
    row = rows(one)[1]
    sealed_at = datetime.fromisoformat(json.loads(row.header)["sealed_at"])
    with one.server.store() as store, store.writing(EVERYBODY) as session:
        early = json.loads(row.header) | {"sealed_at": "2026-11-01T00:00:00Z"}
        session.execute(update(Batch).where(Batch.id == row.id).values(header=json.dumps(early)))
    first = datetime(2026, 11, 1, tzinfo=UTC)
    assert sealed_at > first
    found = statement(
        one, ask(one, Scope("range", from_=first, until=first + timedelta(seconds=1)))[1].json["document"]
    )
    assert found.lanes[0].numbers == "1"
    assert len(lines(one)) == 4


def test_a_field_goes_from_every_line_and_nothing_else_does(one: Pretend) -> None:
    filled(one)
    found = statement(one, ask(one, Scope("field", field=CORE.fields["home.project_id"].hash))[1].json["document"])
    assert (found.lanes[0].numbers, found.counts) == ("1-3", {"message": 6})
    left = [json.loads(line) for line in lines(one)]
    assert [sorted(one) for one in left] == [["at", "input_id", "kind"]] * 6
    assert all(row.altered_at and row.header for row in rows(one).values())


@pytest.mark.parametrize("name", ["home.header.sequence", "home.request.at"])
def test_what_goes_with_every_batch_is_no_field_to_delete(one: Pretend, name: str) -> None:
    reply = ask(one, Scope("field", field=CORE.fields[name].hash))[1]
    assert (reply.status, reply.json["code"]) == (400, "field")
    assert ask(one, Scope("field", field="0" * 64))[1].json["code"] == "field"


def test_the_same_request_has_the_same_statement_and_a_second_one_finds_nothing_left(one: Pretend) -> None:
    filled(one)
    body, first = ask(one, Scope("case", "event"))
    assert send(one, body).json == first.json
    second = statement(one, ask(one, Scope("case", "event"), size=1001)[1].json["document"])
    assert (second.batches, second.already, second.counts) == (0, 3, {})


def test_what_was_under_way_does_not_come_back(one: Pretend) -> None:
    first, late = one.seal(1, [message(project_id=PLANTED)]), one.seal(2, [message(project_id=PLANTED)] * 3)
    assert one.send(first).status == 200
    assert ask(one, Scope("everything"))[1].status == 200
    reply = one.send(late)
    assert reply.status == 200
    assert (one.receipt(reply).messages, one.receipt(reply).sha256) == (0, sha(late))
    assert one.send(first).status == 200, "a retry of bytes that were deleted is acknowledged"
    assert one.send(late).json["receipt"] == reply.json["receipt"]
    assert lines(one) == []
    after = one.seal(3, [message(project_id=5)], ledger=(2000, "c" * 64))
    assert one.receipt(one.send(after)).messages == 1, "what was sealed afterwards is stored"


def test_a_hash_that_was_never_received_is_kept_out(one: Pretend) -> None:
    unseen, other = one.seal(1, [message(project_id=PLANTED)]), one.seal(2, [message(project_id=5)])
    found = statement(one, ask(one, Scope("batch", batch=sha(unseen)))[1].json["document"])
    assert (found.batches, found.already, found.counts) == (0, 0, {})
    assert one.send_all(unseen, other) == [200, 200]
    assert [json.loads(line)["project_id"] for line in lines(one)] == [5]


def test_a_field_is_kept_out_of_what_was_under_way(one: Pretend) -> None:
    assert ask(one, Scope("field", field=CORE.fields["home.project_id"].hash))[1].status == 200
    assert one.send(one.seal(1, [message(project_id=PLANTED, input_id=4)])).status == 200
    assert [sorted(json.loads(line)) for line in lines(one)] == [["at", "input_id", "kind"]]


def test_batches_that_race_with_a_deletion_are_either_deleted_or_kept_out(one: Pretend) -> None:
    bodies = [one.seal(n, [message(project_id=PLANTED)] * 5, ledger=(n, "d" * 64)) for n in range(1, 25)]
    sender = threading.Thread(target=lambda: one.send_all(*bodies))
    sender.start()
    replies = [ask(one, Scope("everything"), size=1000 + n)[1] for n in range(4)]
    sender.join()
    assert [reply.status for reply in replies] == [200] * 4
    assert lines(one) == []
    assert len(rows(one)) == 24


def test_nobody_deletes_for_another(one: Pretend, stranger: Pretend) -> None:
    filled(one)
    body, reply = ask(one, Scope("everything"), key=stranger.key)
    assert reply.status == 401
    as_batch = signed.sign(body, one.key, signed.BATCH, detached=True)
    response = one.connection().request(
        "POST",
        "/v1/deletions",
        body=body,
        headers={"Content-Type": "application/x-ndjson", "Diffgram-Signature": as_batch},
    )
    assert response.status == 401, "a request is signed as a request"
    assert len(lines(one)) == 6


def test_leaving_forgets_all_but_what_must_be_stated(one: Pretend) -> None:
    filled(one)
    body, reply = ask(one, Scope("leaving"))
    found = statement(one, reply.json["document"])
    assert found.counts.keys() >= {"message", "batch", "certificate", "enrolment_token", "lane"}
    assert one.send(one.seal(9)).json["code"] == "revoked"
    assert send(one, body).json == reply.json, "the answer may have been lost: the same request is still answered"
    assert send(one, body, Pretend(one.server, one.folder).key).status in (401, 403)
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        left = session.get_one(Installation, one.id)
        assert (left.revoked_at is not None, left.last_seen_at) == (True, None)
        for table in Installation.metadata.sorted_tables:
            if "installation_id" in table.c and table.name != "deletion":
                wanted = select(func.count()).select_from(table).where(table.c.installation_id == one.id)
                assert (table.name, session.execute(wanted).scalar_one()) == (table.name, 0)
    again = Pretend(one.server, one.folder, id=one.id)
    assert again.enrol().status == 403, "nobody takes the name"


def test_staff_deletes_on_the_customers_wish_and_the_statement_rides_on_the_next_answers(one: Pretend) -> None:
    filled(one)
    done = command(one.server.config, "delete", one.id, "--everything", "--yes", "--json")
    token = json.loads(done.stdout)["statement"]
    found = statement(one, token)
    assert (found.request, found.batches) == (None, 3)
    assert lines(one) == []
    told = [one.send(one.seal(n)).json.get("deletion") for n in range(4, 8)]
    assert told == [token] * 3 + [None]


def test_a_customer_cannot_touch_the_rows_of_another(one: Pretend, stranger: Pretend) -> None:
    filled(one)
    assert stranger.enrol(stranger.server.token("Nordlicht Klinik")).status == 201
    with one.server.store() as store:
        if not store.is_postgresql:
            return
        with store.reading(EVERYBODY) as session:
            customer = session.get_one(Installation, stranger.id).customer_id
        with store.writing(customer) as session:
            session.execute(text("UPDATE batch SET header = '' WHERE installation_id = :id"), {"id": one.id})
            session.execute(text("DELETE FROM message"))
            assert session.execute(select(func.count()).select_from(Deletion)).scalar_one() == 0
    assert len(lines(one)) == 6


def test_a_planted_value_is_in_no_file_of_the_database_afterwards(one: Pretend) -> None:
    planted = 1_234_567_891
    bodies = [one.seal(n, [message(project_id=planted, input_id=n)] * 40) for n in range(1, 9)]
    assert one.send_all(*bodies) == [200] * 8
    needle = str(planted).encode()
    assert needle in _dumped(one.server), "the search finds it while it is there"
    half = Scope("field", field=CORE.fields["home.project_id"].hash)
    assert ask(one, half)[1].status == 200
    assert needle not in _dumped(one.server)
    assert json.dumps({"input_id": 8})[1:-1].replace(" ", "").encode() in _dumped(one.server)
    assert ask(one, Scope("everything"))[1].status == 200
    assert one.id.encode() in _dumped(one.server)
    assert [
        line for line in _dumped(one.server).split(b"\n") if b'"input_id":8}' in line and b"home/error" in line
    ] == []


def _dumped(server: Server) -> bytes:
    """SQLite: every byte of its files; PostgreSQL: a dump (its pages are only said to be free for use)."""
    url = server.settings.database_url
    if url.startswith("sqlite"):
        path = Path(make_url(url).database or "")
        return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run(
        ["pg_dump", "--enable-row-security", "--dbname", plain],
        capture_output=True,
        check=True,
        env={**os.environ, "PGOPTIONS": "-c corporate.customer=*"},
    )
    return done.stdout
