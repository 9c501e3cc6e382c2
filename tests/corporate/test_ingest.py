"""A batch on its way in: stored once, signed for, or refused without a trace."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from audit.canonical import sha256_hex
from corporate import storing
from corporate.database import EVERYBODY
from corporate.models import Batch, Message
from tests.corporate.pretend import Pretend, message


def stored(one: Pretend) -> list[tuple[int, str]]:
    """Sequence and hash of what corporate has of this installation, after its bytes were put together again."""
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        rows = list(session.execute(select(Batch).where(Batch.installation_id == one.id).order_by(Batch.id)).scalars())
        for row in rows:
            assert sha256_hex(storing.body_of(session, row)) == row.sha256
        return [(row.sequence, row.sha256) for row in rows]


def test_a_batch_is_stored_and_signed_for(one: Pretend) -> None:
    body = one.seal(1, [message(), message("2026-11-21T14:02:05Z")])
    reply = one.send(body)
    assert reply.status == 200, reply
    assert "certificate" not in reply.json
    given = one.receipt(reply)
    assert (given.installation, given.case, given.sequence, given.sha256) == (one.id, "event", 1, sha256_hex(body))
    assert (given.messages, given.authenticated, given.void, given.already) == (2, "mtls+signature", False, None)
    assert stored(one) == [(1, sha256_hex(body))]


def test_the_same_batch_again_gets_the_same_receipt_and_is_stored_once(one: Pretend) -> None:
    body = one.seal(1)
    first, second = one.send(body), one.send(body, encoding="identity")
    assert first.json["receipt"] == second.json["receipt"]
    assert len(stored(one)) == 1


def test_workers_racing_with_the_same_batch_store_it_once(one: Pretend) -> None:
    bodies = [one.seal(n, [message()] * 20) for n in (1, 2, 3)]
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(one.send, bodies * 8))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json["receipt"] for reply in replies}) == 3
    assert sorted(stored(one)) == [(n, sha256_hex(body)) for n, body in enumerate(bodies, 1)]
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        mine = select(Batch.id).where(Batch.installation_id == one.id)
        assert session.execute(select(func.count()).where(Message.batch_id.in_(mine))).scalar_one() == 60


def test_other_bytes_under_a_number_are_refused(one: Pretend) -> None:
    first = one.seal(1)
    assert one.send_all(first, one.seal(1, [message(), message()])) == [200, 409]
    assert stored(one) == [(1, sha256_hex(first))]


def test_undeclared_content_is_counted_and_nothing_of_it_stored(one: Pretend) -> None:
    body = one.seal(1).replace(b'"kind":"home/error",', b'"kind":"home/error","colour":"rose",')
    reply = one.send(body)
    assert (reply.status, reply.json["code"]) == (400, "undeclared")
    assert reply.json["undeclared"] == {"home/error.<undeclared>": 1}
    assert stored(one) == []
    row = next(row for row in one.server.command("installations") if row["id"] == one.id)
    assert row["undeclared"] == 1
    assert one.send(one.seal(1)).status == 200, "the number is still free"
