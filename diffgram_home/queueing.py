"""What pages and commands show of the queue: batches that wait for approval before sending, and who decided what.

Reads only, one snapshot each. A batch that was approved and has not gone yet is still in it, with who approved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.approval import LEVELS, NONE, TWO, enough, stricter
from audit.modes import MODES
from diffgram_home import approvals, bodies, rules
from diffgram_home.approving import expires_at
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, VOIDED, VOIDING, Batch, BatchDecision

MOST = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """One batch in the queue. `expires_at` is when it is voided without approval, None once `enough` approved it."""

    sha256: str
    case: str
    sequence: int
    messages: int
    size_bytes: int
    sealed_at: datetime
    asks: str
    actors: tuple[str, ...]
    enough: bool
    refused: bool
    expires_at: datetime | None
    tries: int


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about one batch's bytes."""

    at: datetime
    decision: str
    actor: str
    role: str | None
    reason: str | None
    note: str | None
    leaf: int


@dataclass(frozen=True, slots=True)
class One:
    """One batch in full: its exact bytes, every decision about them, and the void in its place if there is one."""

    sha256: str
    case: str
    sequence: int
    messages: int
    size_bytes: int
    sealed_at: datetime
    state: str
    waiting: Waiting | None
    decisions: tuple[Decided, ...]
    body: bytes | None
    void_sha256: str | None
    void: bytes | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What one case asks for; `since` is None where it was never changed, `stated` what the settings file says."""

    case: str
    asks: str
    stated: str
    since: datetime | None
    expires_h: int
    lowering: approvals.Lowering | None

    @property
    def choices(self) -> tuple[str, ...]:
        """The levels that the case may ask for: none below what it always asks for."""
        always = approvals.ALWAYS.get(self.case, NONE)
        return tuple(level for level in LEVELS if stricter(always, level) == level)


def waiting(home: Home, now: datetime, *, case: str | None = None, limit: int = MOST) -> tuple[Waiting, ...]:
    """The queue, oldest number first within each case."""
    with home.store.read() as session:
        asked = [name for name, level in _levels(home, session).items() if level != NONE and case in (None, name)]
        wanted = select(Batch).where(Batch.state == QUEUED, Batch.case.in_(asked))
        return _rows(
            home, session, list(session.scalars(wanted.order_by(Batch.case, Batch.sequence).limit(limit))), now
        )


def one(home: Home, sha256: str, now: datetime) -> One | None:
    """A batch by the hash of its bytes, whether it waits still or was voided since; None if there is none."""
    with home.store.read() as session:
        named = (Batch.sha256 == sha256) | (Batch.voided_sha256 == sha256)
        batch = session.scalars(select(Batch).where(named)).first()
        if batch is None:
            return None
        asks = _levels(home, session)[batch.case] != NONE
        found = _rows(home, session, [batch], now) if batch.state == QUEUED and asks else ()
        voided = batch.state in (VOIDING, VOIDED)
        body = bodies.get(session, sha256)
        rows = select(BatchDecision).where(BatchDecision.sha256 == sha256).order_by(BatchDecision.id)
        return One(
            sha256,
            batch.case,
            batch.sequence,
            batch.messages,
            batch.size_bytes,
            batch.sealed_at,
            batch.state,
            found[0] if found else None,
            tuple(Decided(r.at, r.decision, r.actor, r.role, r.reason, r.note, r.leaf) for r in session.scalars(rows)),
            body,
            batch.sha256 if voided else None,
            bodies.get(session, batch.sha256) if voided else None,
        )


def ruled(home: Home) -> tuple[Rule, ...]:
    """What each case asks for."""
    stated = rules.stated_levels(home)
    with home.store.read() as session:
        stands = approvals.standing(session)
        levels = approvals.levels(stands, stated)
        return tuple(
            Rule(
                case,
                levels[case],
                stated.get(case, NONE),
                stands.holds[case][1] if case in stands.holds else None,
                stands.expires_h,
                stands.lowering.get(case),
            )
            for case in MODES
        )


def counts_with(home: Home, sha256: str, actor: str) -> bool:
    """Whether this actor's approval of these bytes would count beside those that are there."""
    with home.store.read() as session:
        batch = session.scalars(select(Batch).where(Batch.sha256 == sha256, Batch.state == QUEUED)).first()
        if batch is None:
            return False
        actors, _ = approvals.decided(session, [sha256])
        others, known = actors.get(sha256, ()), approvals.makers(session)
        if actor in others:
            return False
        if _levels(home, session)[batch.case] != TWO:
            return True
        return enough(TWO, (*others, actor), known) if others else actor.startswith("person:")


def _levels(home: Home, session: Session) -> Mapping[str, str]:
    return approvals.levels(approvals.standing(session), rules.stated_levels(home))


def _rows(home: Home, session: Session, batches: list[Batch], now: datetime) -> tuple[Waiting, ...]:
    stands, levels = approvals.standing(session), _levels(home, session)
    actors, refused = approvals.decided(session, [batch.sha256 for batch in batches])
    known = approvals.makers(session) if actors else {}
    found = []
    for batch in batches:
        by = actors.get(batch.sha256, ())
        ready = batch.sha256 not in refused and enough(levels[batch.case], by, known)
        found.append(
            Waiting(
                batch.sha256,
                batch.case,
                batch.sequence,
                batch.messages,
                batch.size_bytes,
                batch.sealed_at,
                levels[batch.case],
                by,
                ready,
                batch.sha256 in refused,
                None if ready else expires_at(stands, batch, now),
                batch.tries,
            )
        )
    return tuple(found)
