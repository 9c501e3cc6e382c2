"""Attempts to send: what is written before a socket opens, and what becomes of the batch when it has ended.

The door and `sending` decide when and how to send; every row and leaf about it is written here. Rules:
- `begin` is durable before the socket opens. An attempt without outcome after a start was interrupted: `unknown`.
- `accepted` only with corporate's receipt; `rejected` only where it is certain that nothing was stored; all else is
  `unknown`, since the bytes may have arrived.
- An answer decides about the bytes that the attempt carried, not about what the batch has become meanwhile: a batch
  that was voided while its bytes were under way, and was accepted, is sent and not sealed again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import record
from diffgram_home import counting, ledger, patience, sealing
from diffgram_home.home import Home
from diffgram_home.models import (
    ACCEPTED,
    OUTCOMES,
    QUEUED,
    REFUSED,
    REJECTED,
    SENT,
    UNKNOWN,
    VOIDED,
    VOIDING,
    Attempt,
    Batch,
    Body,
    Source,
)

Outcome = TypeVar("Outcome", record.Outcome, record.OutcomeByHand)

BY_HAND = "by hand"
"""The destination of an attempt that was carried in a file."""
CARRIED = "carried"
"""The code of such an attempt while its file is on the way."""
REFUSED_NOTICE = "batch-refused"
SEQUENCE_DIFFERS = "sequence-differs"
"""Corporate's code when it holds other bytes under the number: ours are not there, and may go under another number."""
_AGAIN = "nothing to do: it is tried again, and stored once"
_KEPT = "its bytes are kept and shown under Sent; its messages are not sent again"
_TAKEN = "its messages get a new number; was a backup restored, or does a copy of this installation run elsewhere?"


def begin(session: Session, batch: Batch, destination: str, now: datetime) -> Attempt:
    """Record that a connection to `destination` ("host:port") is about to open for the batch's bytes."""
    entry = record.Attempt(destination=destination, **_of(batch, now))
    return _begun(session, batch, destination, entry, now)


def begin_by_hand(session: Session, batch: Batch, file: str, now: datetime) -> Attempt:
    """Record that the batch's bytes are about to be written into the file with the SHA-256 `file`."""
    entry = record.AttemptByHand(file=file, **_of(batch, now))
    return _begun(session, batch, BY_HAND, entry, now)


def _of(batch: Batch, now: datetime) -> dict[str, Any]:
    """What every leaf of an attempt says of its batch."""
    return {
        "at": record.instant(now),
        "case": batch.case,
        "sequence": batch.sequence,
        "sha256": batch.sha256,
        "size_bytes": batch.size_bytes,
    }


def _begun(session: Session, batch: Batch, destination: str, entry: record.Record, now: datetime) -> Attempt:
    leaf = ledger.append(session, entry)
    attempt = Attempt(batch_id=batch.id, case=batch.case, sequence=batch.sequence, at=now, destination=destination)
    attempt.sha256, attempt.size_bytes, attempt.messages = batch.sha256, batch.size_bytes, batch.messages
    attempt.void, attempt.leaf = batch.void if batch.state == VOIDING else None, leaf
    batch.tries += 1
    session.add(attempt)
    session.flush()
    return attempt


def unfinished(session: Session) -> list[Attempt]:
    """Attempts without an outcome: under way now, or interrupted if nobody is sending."""
    return list(session.scalars(select(Attempt).where(Attempt.outcome.is_(None)).order_by(Attempt.id)))


def finish(
    home: Home,
    session: Session,
    attempt: Attempt,
    *,
    outcome: str,
    now: datetime,
    code: str | None = None,
    status: int | None = None,
    detail: str | None = None,
    receipt: str | None = None,
    retry_at: datetime | None = None,
    final: bool = False,
    already: str | None = None,
) -> None:
    """Record how an attempt ended and move its batch on; inside a write transaction.

    `final` says that trying the same bytes again cannot help; `already` is the receipt's: other bytes had arrived.
    Raises ValueError for an outcome that contradicts itself, or an attempt that has ended.
    """
    if outcome not in OUTCOMES or attempt.outcome is not None or (outcome == ACCEPTED) != (receipt is not None):
        raise ValueError(f"attempt {attempt.id} cannot end as '{outcome}'")
    attempt.outcome, attempt.ended_at, attempt.code, attempt.status = outcome, now, code, status
    attempt.detail, attempt.receipt = detail, receipt
    with session.no_autoflush:  # one statement for each row, not one for each look at another table
        attempt.outcome_leaf = ledger.append(session, _outcome(record.Outcome, attempt, now))
        batch = session.get_one(Batch, attempt.batch_id)
        _count(session, batch, attempt, now)
    _settle(home, session, batch, attempt, now, retry_at=retry_at, final=final, already=already)


def answer_by_hand(
    home: Home,
    session: Session,
    attempt: Attempt,
    *,
    outcome: str,
    now: datetime,
    code: str | None,
    status: int,
    detail: str | None,
    receipt: str | None,
    final: bool,
    already: str | None,
) -> None:
    """Record corporate's answer to an attempt by hand, and move its batch on; arguments as for `finish`.

    The attempt has ended as unknown while its file was on the way, or as an earlier answer said. Raises ValueError for
    any other attempt, or an outcome that contradicts itself.
    """
    waits = attempt.destination == BY_HAND and attempt.outcome in (UNKNOWN, REJECTED)
    if not waits or (outcome == ACCEPTED) != (receipt is not None):
        raise ValueError(f"attempt {attempt.id} cannot be answered as '{outcome}'")
    attempt.outcome, attempt.ended_at, attempt.code, attempt.status = outcome, now, code, status
    attempt.detail, attempt.receipt = detail, receipt
    with session.no_autoflush:
        attempt.outcome_leaf = ledger.append(session, _outcome(record.OutcomeByHand, attempt, now))
        batch = session.get_one(Batch, attempt.batch_id)
    _settle(home, session, batch, attempt, now, retry_at=None, final=final, already=already)


def _settle(
    home: Home,
    session: Session,
    batch: Batch,
    attempt: Attempt,
    now: datetime,
    *,
    retry_at: datetime | None,
    final: bool,
    already: str | None,
) -> None:
    """Move the batch on by its attempt's outcome."""
    current = attempt.sha256 == batch.sha256
    if attempt.outcome == ACCEPTED:
        _accepted(home, session, batch, current, already, now)
    elif current:
        _not_accepted(home, session, batch, attempt, retry_at or now, final, now)
    elif attempt.outcome == UNKNOWN:
        batch.may_be_received = True
    session.flush()


def close_interrupted(home: Home, now: datetime) -> None:
    """Attempts whose process ended before their outcome: nobody knows what arrived."""
    with home.store.read() as session:
        if not unfinished(session):
            return
    with home.store.write() as session:
        for attempt in unfinished(session):
            finish(
                home,
                session,
                attempt,
                outcome=UNKNOWN,
                now=now,
                code="interrupted",
                detail=f"the process ended before the answer; {_AGAIN}",
                retry_at=now + _pause(home, session.get_one(Batch, attempt.batch_id)),
            )


def _pause(home: Home, batch: Batch) -> timedelta:
    """A process that was ended once may go on at once; what ends it again and again must not fill the ledger."""
    if batch.tries <= 1:
        return timedelta(0)
    return patience.wait(batch.tries, home.settings.sending.every_s)


def _accepted(home: Home, session: Session, batch: Batch, current: bool, already: str | None, now: datetime) -> None:
    batch.last_outcome, batch.last_code, batch.settled_at, batch.next_try_at = ACCEPTED, None, now, None
    if batch.state == VOIDING and current and already != batch.voided_sha256:
        # Another `already` is of bytes that we never made (a restored backup, a clone): ours are certainly not there.
        batch.state = VOIDED
        if batch.reseal:
            batch.reseal = False
            sealing.seal_again(home, session, batch, now)
        return
    if not current or batch.state == VOIDING:
        _restore(session, batch)
    batch.state = SENT
    counting.end_notice(session, now, REFUSED_NOTICE, f"{batch.case} {batch.sequence}")


def _restore(session: Session, batch: Batch) -> None:
    """The batch arrived before its void did: the number stands for its first bytes after all."""
    if batch.voided_sha256 is None:
        return
    batch.sha256, batch.voided_sha256 = batch.voided_sha256, batch.sha256
    batch.size_bytes = session.get_one(Body, batch.sha256).size_bytes
    batch.messages = sum(sum(kept) for kept in session.scalars(select(Source.kept).where(Source.batch_id == batch.id)))
    batch.last_code = "already-received"


def _not_accepted(
    home: Home, session: Session, batch: Batch, attempt: Attempt, retry_at: datetime, final: bool, now: datetime
) -> None:
    batch.last_outcome, batch.last_code, batch.next_try_at = attempt.outcome, attempt.code, retry_at
    if attempt.outcome == UNKNOWN and batch.state == QUEUED:
        batch.may_be_received = True
    if not final:
        return
    taken = attempt.code == SEQUENCE_DIFFERS
    text = f"corporate refused number {batch.sequence} of case '{batch.case}': {attempt.code or attempt.status}"
    counting.notice(session, now, REFUSED_NOTICE, f"{batch.case} {batch.sequence}", text, _TAKEN if taken else _KEPT)
    if batch.state == QUEUED and sealing.void_within(home, session, batch.id, "refused", now, reseal=taken):
        return
    batch.state, batch.settled_at, batch.next_try_at = REFUSED, now, None


def _count(session: Session, batch: Batch, attempt: Attempt, now: datetime) -> None:
    """Bytes count each time they may have left, messages once."""
    left = attempt.outcome != REJECTED or attempt.status is not None
    if not left:
        return counting.add_hour(session, now, attempt.case, attempts=1)
    first = batch.left_at is None and attempt.void is None
    if first:
        batch.left_at = now
    messages = attempt.messages if first else 0
    return counting.add_hour(session, now, attempt.case, messages=messages, size_bytes=attempt.size_bytes, attempts=1)


def count_waiting(session: Session) -> dict[str, int]:
    """Batches that wait, by case."""
    wanted = (
        select(Batch.case, func.count().label("count")).where(Batch.state.in_((QUEUED, VOIDING))).group_by(Batch.case)
    )
    return {row.case: row.count for row in session.execute(wanted)}


def _outcome(kind: type[Outcome], attempt: Attempt, now: datetime) -> Outcome:
    return kind(
        at=record.instant(now),
        attempt=attempt.leaf,
        case=attempt.case,  # type: ignore[arg-type]
        code=attempt.code,
        outcome=attempt.outcome,  # type: ignore[arg-type]
        receipt=attempt.receipt,
        sequence=attempt.sequence,
        sha256=attempt.sha256,
        status=attempt.status,
    )
