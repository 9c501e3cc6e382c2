"""How long to wait before the next try, and what is known of corporate: failing since when, or asking us to wait.

Kept in the database, since scheduler and command line share it. Rules: waits double up to a bound and are spread;
corporate's own Retry-After is honoured, also when a person asks; a moment beyond every wait was written by a wrong
clock and counts as past.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from diffgram_home import counting, facts
from diffgram_home.judging import Verdict

LONGEST_WAIT = timedelta(minutes=15)
"""Between two tries of the same batch, or of a corporate that fails, unless corporate asks for longer."""
LONGEST_ASKED_WAIT = timedelta(hours=24)
"""However long corporate asks; a later moment than this is an error of a clock, here or there."""

SUBJECT = "corporate"
"""The fact that holds the state, and the subject of the notice about it."""

_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class State:
    """What is known of corporate: failures in a row, when it may be asked again, and whether it said so itself."""

    failures: int = 0
    not_before: datetime | None = None
    asked: bool = False
    code: str | None = None


def state(session: Session) -> State:
    """What is known of corporate now."""
    kept = facts.get(session, SUBJECT, {})
    not_before = kept.get("not_before")
    return State(
        failures=kept.get("failures", 0),
        not_before=datetime.fromisoformat(not_before) if not_before else None,
        asked=kept.get("asked", False),
        code=kept.get("code"),
    )


def backoff(tries: int, first_s: float, share: float, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """How long to wait after `tries` failures (from 1): doubled up to `longest`, less (1 - `share`) of half.

    The half that stays keeps the waiting; the other half is spread, so that many installations do not come together.
    """
    whole = min(first_s * 2.0 ** min(tries - 1, 30), longest.total_seconds())
    return timedelta(seconds=whole / 2 + share * whole / 2)


def wait(tries: int, first_s: float, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """`backoff`, spread at random."""
    return backoff(tries, first_s, _random.random(), longest)


def is_waiting(was: State, now: datetime) -> bool:
    """Whether corporate must not be asked yet."""
    return was.not_before is not None and now < was.not_before <= now + LONGEST_ASKED_WAIT


def fails(session: Session, first_s: float, verdict: Verdict, now: datetime) -> datetime:
    """One more failure in a row; returns when corporate may be asked again."""
    was = state(session)
    failures, asked = was.failures + 1, verdict.retry_after_s is not None
    pause = wait(failures, first_s)
    if verdict.retry_after_s is not None:
        pause = max(min(timedelta(seconds=verdict.retry_after_s), LONGEST_ASKED_WAIT), timedelta(seconds=1))
    if was.code != verdict.code and was.code is not None:
        counting.end_notice(session, now, was.code, SUBJECT)
    code = verdict.code or "failed"
    counting.notice(session, now, code, SUBJECT, verdict.detail, verdict.hint)
    not_before = (now + pause).isoformat()
    facts.put(session, SUBJECT, {"failures": failures, "not_before": not_before, "asked": asked, "code": code})
    return now + pause


def answers(session: Session, now: datetime) -> None:
    """Corporate answers as it should: what was known of its failing is over."""
    was = state(session)
    if was.code is not None:
        counting.end_notice(session, now, was.code, SUBJECT)
    if was != State():
        facts.put(session, SUBJECT, {})
