"""Store a batch exactly once, with its receipt, its place in the sequence and what contradicts it.

Leaves to others: whether it may be stored (ingest). Rules: everything of one batch is one transaction; the row of its
installation is updated first (`seen`), which locks it, so that workers racing with the same batch, or with neighbours,
take turns; the cost does not depend on how much is stored already (index look-ups only).

What a number can meet, for bodies A ≠ B:

    A, then A             the receipt of the first time, word for word
    A, then B             refused (sequence-differs), shown as a conflict; also when A was a void: B's number is over
    A, then its void      acknowledged: A counts, the receipt names it in `already`
    void, then a void     acknowledged again
    A, deleted, then A    the receipt of the first time: its hash and number are still here, its content is not

A batch that was sealed before a deletion which covers it, and arrives only now, is noted and acknowledged with a
receipt that counts no stored messages.

PostgreSQL refuses COPY into tables with row-level security, so the lines go in as one text that the server splits:
as quick as COPY, and four times as quick as an array. SQLite takes the driver's executemany.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import BigInteger, bindparam, case, delete, select, update
from sqlalchemy.orm import Session

from audit import receipt
from audit.canonical import sha256_hex
from audit.gate import Batch as Declared
from corporate import keeping_out, watching
from corporate.database import Store
from corporate.identity import Sender
from corporate.limiting import clock_us
from corporate.models import Batch, Gap, Installation, Lane, Message
from corporate.removing import Pairs, without

_POSTGRESQL = """
WITH given AS MATERIALIZED (SELECT string_to_array(%s, ',')::int[] AS kinds)
INSERT INTO message (batch_id, position, customer_id, kind_id, line)
SELECT %s, n, %s, given.kinds[n], line
FROM given, string_to_table(%s, chr(10)) WITH ORDINALITY AS lines(line, n)
"""
# Asked with every batch: made once, since putting a statement together costs more than the database's answer.
_INSTALLATION = Installation.__table__
_FREE_AT = _INSTALLATION.c.next_at_us
_SEEN = (
    update(_INSTALLATION)
    .where(_INSTALLATION.c.id == bindparam("sender"))
    .values(
        last_seen_at=bindparam("now"),
        last_authenticated=bindparam("how"),
        next_at_us=case((bindparam("now_us") < _FREE_AT, _FREE_AT), else_=bindparam("now_us"))
        + bindparam("interval_us", type_=BigInteger),
    )
)
_LANE = select(Lane).where(Lane.installation_id == bindparam("installation"), Lane.case == bindparam("wanted_case"))
_TAKEN = select(Batch).where(
    Batch.installation_id == bindparam("installation"),
    Batch.case == bindparam("wanted_case"),
    Batch.sequence == bindparam("number"),
)
_SQLITE = "INSERT INTO message (batch_id, position, customer_id, kind_id, line) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Arrived:
    """An authenticated batch that passed the gate, ready to be stored."""

    sender: Sender
    declared: Declared
    body: bytes
    signature: str
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of it: the receipt, or None when another body has its number; `conflict` is its code if it is one."""

    receipt: str | None
    conflict: str | None = None


def store_batch(store: Store, arrived: Arrived, key: Ed25519PrivateKey, interval_us: int, now: datetime) -> Stored:
    """Store `arrived` unless its number is taken, and say so with a receipt. Commits before it returns."""
    sha256 = sha256_hex(arrived.body)
    with store.writing(arrived.sender.customer) as session:
        seen(session, arrived.sender, interval_us, now)
        lane = _lane(store, session, arrived)
        header = arrived.declared.header
        is_newest = header.sequence > lane.highest  # then nothing is stored under this number, nor after it
        taken = None if is_newest else _taken(session, arrived)
        if taken is not None:
            return _again(store, session, taken, arrived, sha256, key, now)
        conflict = watching.compare_ledgers(store, session, arrived.sender, header, sha256, now, is_newest=is_newest)
        held = keeping_out.standing(session, header.installation, header)
        is_out = keeping_out.keeps_out(held, header, sha256)
        stored = 0 if is_out else len(arrived.declared.messages)
        given = receipt.issue(replace(_receipt(arrived, sha256, now), messages=stored), key)
        batch = _row(arrived, sha256, given, now)
        if is_out:
            batch.header, batch.signature, batch.deleted_at = "", "", now
        batch.read_at = None if stored else now  # with messages, what follows ingest looks for errors in them
        session.add(batch)
        session.flush()
        if not is_out:
            _messages(store, session, batch, arrived, keeping_out.pairs_of(held))
        _number(session, lane, header.sequence, now)
        return Stored(given, conflict)


def seen(session: Session, sender: Sender, interval_us: int, now: datetime) -> None:
    """Note that the installation was here, and move the clock of its rate limit. Locks its row until the commit."""
    moved = {"sender": sender.installation, "now": now, "how": sender.authenticated}
    session.execute(_SEEN, {**moved, "now_us": clock_us(now), "interval_us": interval_us})


def body_of(session: Session, batch: Batch) -> bytes:
    """The exact bytes that were received, put together again."""
    from_rows = session.execute(
        select(Message.line).where(Message.batch_id == batch.id).order_by(Message.position)
    ).scalars()
    return "".join(f"{line}\n" for line in (batch.header, *from_rows)).encode()


def _lane(store: Store, session: Session, arrived: Arrived) -> Lane:
    header = arrived.declared.header
    wanted = {"installation": header.installation, "wanted_case": header.case}
    found = session.execute(_LANE, wanted).scalar_one_or_none()
    if found is not None:
        return found
    key = {"installation_id": header.installation, "case": header.case}
    new = store.insert(Lane).values(**key, customer_id=arrived.sender.customer, highest=0)
    session.execute(new.on_conflict_do_nothing())
    return session.execute(_LANE, wanted).scalar_one()


def _taken(session: Session, arrived: Arrived) -> Batch | None:
    header = arrived.declared.header
    place = {"installation": header.installation, "wanted_case": header.case, "number": header.sequence}
    return session.execute(_TAKEN, place).scalar_one_or_none()


def _again(
    store: Store, session: Session, taken: Batch, arrived: Arrived, sha256: str, key: Ed25519PrivateKey, now: datetime
) -> Stored:
    if taken.sha256 == sha256:
        return Stored(taken.receipt)
    if arrived.declared.header.void is None:
        watching.note(store, session, arrived.sender, "sequence-differs", arrived.declared.header, taken, sha256, now)
        return Stored(None)
    already = None if taken.void else taken.sha256
    return Stored(receipt.issue(_receipt(arrived, sha256, now, already=already), key))


def _receipt(arrived: Arrived, sha256: str, now: datetime, already: str | None = None) -> receipt.Receipt:
    header = arrived.declared.header
    return receipt.Receipt(
        installation=header.installation,
        case=header.case,
        sequence=header.sequence,
        sha256=sha256,
        ledger_size=header.ledger_size,
        ledger_root=header.ledger_root,
        messages=len(arrived.declared.messages),
        received_at=now,
        authenticated=arrived.sender.authenticated,
        void=header.void is not None and already is None,
        already=already,
    )


def _row(arrived: Arrived, sha256: str, given: str, now: datetime) -> Batch:
    header = arrived.declared.header
    return Batch(
        customer_id=arrived.sender.customer,
        installation_id=header.installation,
        case=header.case,
        sequence=header.sequence,
        sha256=sha256,
        size_bytes=len(arrived.body),
        messages=len(arrived.declared.messages),
        void=header.void,
        header=arrived.body[: arrived.body.index(b"\n")].decode(),
        signature=arrived.signature,
        ledger_size=header.ledger_size,
        ledger_root=header.ledger_root,
        received_at=now,
        authenticated=arrived.sender.authenticated,
        receipt=given,
    )


def _messages(store: Store, session: Session, batch: Batch, arrived: Arrived, gone: Pairs) -> None:
    """Positions count from 1: the header is line 0. Fields in `gone` were asked to be deleted before it arrived."""
    if not arrived.declared.messages:
        return
    text = arrived.body[arrived.body.index(b"\n") + 1 : -1].decode()
    if gone:
        shorter = "\n".join(without(line, gone) for line in text.split("\n"))
        batch.altered_at = batch.received_at if shorter != text else None
        text = shorter
    kinds = [arrived.kinds[message["kind"]] for message in arrived.declared.messages]
    connection = session.connection()
    if store.is_postgresql:
        connection.exec_driver_sql(_POSTGRESQL, (",".join(map(str, kinds)), batch.id, batch.customer_id, text))
        return
    customer, lines = batch.customer_id, text.split("\n")
    rows = [(batch.id, n, customer, kind, line) for n, (kind, line) in enumerate(zip(kinds, lines, strict=True), 1)]
    connection.exec_driver_sql(_SQLITE, rows)


def _number(session: Session, lane: Lane, sequence: int, now: datetime) -> None:
    """Note that `sequence` arrived: either the lane grows, perhaps leaving a gap, or a gap shrinks."""
    if sequence > lane.highest:
        _gap(session, lane, lane.highest + 1, sequence - 1, now)
        lane.highest = sequence
        return
    wanted = select(Gap).where(
        Gap.installation_id == lane.installation_id, Gap.case == lane.case, Gap.first <= sequence
    )
    found = session.execute(wanted.order_by(Gap.first.desc()).limit(1)).scalar_one()
    session.execute(delete(Gap).where(Gap.id == found.id))
    _gap(session, lane, found.first, sequence - 1, found.since)
    _gap(session, lane, sequence + 1, found.last, found.since)


def _gap(session: Session, lane: Lane, first: int, last: int, since: datetime | None) -> None:
    if first > last:
        return
    place = {"customer_id": lane.customer_id, "installation_id": lane.installation_id, "case": lane.case}
    session.add(Gap(**place, first=first, last=last, since=since))
