"""How often one may try to sign in: failures under a key, and how long the next try waits.

A try is counted before the password is looked at; a right one takes its own count back. What the keys are, and which
limits they have, is `people`'s business; all of it runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from diffgram_home.models import Throttle

FIRST_WAIT = timedelta(seconds=2)
FORGET_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and how long the next try waits at most."""

    free: int
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Counted:
    """A try under one key: failures with it, how long the next waits, when the one before was, and when it was free."""

    failures: int
    wait: timedelta
    before: datetime
    free_at: datetime


def wait(session: Session, limits: Mapping[str, Limit], now: datetime) -> timedelta:
    """How long this try must wait: only after more failures than are free.

    A moment beyond the longest wait was written by a wrong clock, and holds nobody out.
    """
    rows = session.scalars(select(Throttle).where(Throttle.key.in_(limits)))
    waits = (row.until - now for row in rows if row.failures > limits[row.key].free)
    longest = max(limit.longest for limit in limits.values())
    return max((wait for wait in waits if wait <= longest), default=timedelta(0))


def count(session: Session, key: str, limit: Limit, now: datetime) -> Counted:
    """Count a try as failed."""
    row = session.get(Throttle, key)
    if row is None:
        row = Throttle(key=key, failures=0, last_at=now, until=now)
        session.add(row)
    before, free_at = row.last_at, row.until
    row.failures = 1 if now - before > FORGET_AFTER else row.failures + 1
    over = min(row.failures - limit.free - 1, 12)
    waits = min(FIRST_WAIT * 2**over, limit.longest) if over >= 0 else timedelta(0)
    row.last_at, row.until = now, now + waits
    return Counted(row.failures, waits, before, free_at)


def take_back(session: Session, key: str, counted: Counted) -> None:
    """The password was right: this try did not fail. What others failed meanwhile, and before, stays counted."""
    row = session.get(Throttle, key)
    if row is None:
        return
    if row.failures == counted.failures:
        row.until, row.last_at = counted.free_at, counted.before
    row.failures -= 1


def seconds(wait: timedelta) -> int:
    """Whole seconds, rounded up, of which nobody waits too few."""
    return max(0, -(-int(wait.total_seconds() * 1000) // 1000))
