"""What corporate has not acknowledged: numbers that were given out here and for which no receipt is in hand.

Reads only. Numbers of a case have no gap here; corporate shows the holes on its side, so both can compare.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from diffgram_home import conflicts, facts, views
from diffgram_home.home import Home
from diffgram_home.models import REFUSED, SENT, VOIDED, Attempt, Batch

PAGE = 100
_WHY = {
    "queued": "it waits to go",
    "voiding": "its number is being voided",
    REFUSED: "corporate refused it for good; its bytes are kept here",
}


def unacknowledged(
    home: Home, *, case: str | None = None, before: int | None = None, limit: int = PAGE
) -> tuple[views.Unacknowledged, ...]:
    """Batches without a receipt, newest number first, with an id below `before`."""
    wanted = select(Batch).where(Batch.state.not_in((SENT, VOIDED))).order_by(Batch.id.desc()).limit(limit)
    if case is not None:
        wanted = wanted.where(Batch.case == case)
    if before is not None:
        wanted = wanted.where(Batch.id < before)
    with home.store.read() as session:
        return tuple(_view(session, row) for row in session.scalars(wanted))


def identity(home: Home) -> views.Identity:
    """Who this installation is to corporate, and what contradicts it."""
    with home.store.read() as session:
        enrolment = facts.get(session, "enrolment") or {}
        numbers = select(Batch.case, func.max(Batch.sequence)).group_by(Batch.case).order_by(Batch.case)
        return views.Identity(
            installation=home.installation,
            customer=enrolment.get("customer"),
            certificate_ends_at=enrolment.get("expires_at"),
            succeeds=facts.get(session, "succeeds"),
            numbers={case: int(last) for case, last in session.execute(numbers)},
            conflict=conflicts.now_open(session),
        )


def _view(session: Session, row: Batch) -> views.Unacknowledged:
    left = select(func.count()).where(Attempt.batch_id == row.id, Attempt.outcome.is_distinct_from("rejected"))
    may_be_there = bool(session.scalar(left)) and row.state != REFUSED
    why = _WHY.get(row.state, row.state)
    return views.Unacknowledged(
        id=row.id,
        case=row.case,
        sequence=row.sequence,
        state=row.state,
        sealed_at=row.sealed_at,
        messages=row.messages,
        tries=row.tries,
        last_outcome=row.last_outcome,
        last_code=row.last_code,
        may_be_there=may_be_there,
        why=f"{why}, and corporate may have it: an answer was lost" if may_be_there else why,
    )
