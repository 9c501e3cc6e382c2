"""Records what cases ask for before sending, for `switching` (from the file) and `asking` (from persons).

Leaf and fact together, inside a write transaction; what the file alone would lower is told, and stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from audit import record
from audit.approval import LEVELS, NONE
from diffgram_home import approvals, counting, ledger
from diffgram_home.approvals import Standing

SET, ASKED, KEPT = "set", "asked", "kept"
LOWERED = "approval-lowered-in-file"
"""The notice that the file asks for less than what holds."""


def take_over(
    session: Session, stated: Mapping[str, str], expires_h: int, actor: str, source: str, now: datetime
) -> None:
    """Record what the file says, as far as it asks for more; inside a write transaction of `switching`."""
    stands = approvals.standing(session)
    holds, lowering = dict(stands.holds), dict(stands.lowering)
    for case, level in stated.items():
        before = stands.level(case)
        if is_lower(before, level):
            holds[case] = (level, now)
            lowering.pop(case, None)
            note(session, case, before, level, SET, actor, source, expires_h, now)
        elif expires_h != stands.expires_h and before != NONE:
            note(session, case, before, before, SET, actor, source, expires_h, now)
    stands = Standing(holds, dict(stated), expires_h, lowering)
    approvals.put(session, stands)
    tell(session, stands, now)


def is_taken_over(stands: Standing, stated: Mapping[str, str], expires_h: int) -> bool:
    """Whether the record has already what the file says."""
    known = {**dict.fromkeys(stated, NONE), **stands.stated}
    return known == dict(stated) and stands.expires_h == expires_h


def tell(session: Session, stands: Standing, now: datetime) -> None:
    """One notice for all that the file says and that does not hold."""
    lower = [case for case, level in stands.stated.items() if is_lower(level, stands.level(case))]
    if not lower:
        counting.end_notice(session, now, LOWERED)
        return
    text = f"the settings file asks for less approval than was recorded, which a file cannot do: {', '.join(lower)}"
    hint = "run 'diffgram-home queue set CASE LEVEL', or correct the file; what was recorded holds"
    counting.reword(session, now, LOWERED, "", text, hint)


def is_lower(one: str, other: str) -> bool:
    """Whether `one` asks for less than `other`."""
    return LEVELS.index(one) < LEVELS.index(other)


def note(
    session: Session,
    case: str,
    before: str,
    after: str,
    step: str,
    actor: str,
    source: str,
    expires_h: int,
    now: datetime,
) -> None:
    """Append the leaf about one step."""
    entry = record.ApprovalRule(
        actor=actor,
        at=record.instant(now),
        case=case,  # type: ignore[arg-type]
        expires_h=expires_h,
        from_=before,  # type: ignore[arg-type]
        source=source,  # type: ignore[arg-type]
        step=step,  # type: ignore[arg-type]
        to=after,  # type: ignore[arg-type]
    )
    ledger.append(session, entry)
