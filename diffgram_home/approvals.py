"""What the store says of approval before sending: which cases ask for it, since when, and which bytes have it.

Reads only; `approving` decides about batches and `asking` changes what a case asks for. The fact `approval` holds

    holds      case → [level, since when]: what was recorded
    stated     case → level: what the settings file said when it was looked at last
    expires_h  hours that a batch waits for approval
    lowering   case → [level, actor, when]: one of two persons asks for less, and the other has not agreed yet

Rules: of file and record the stricter holds, so the file can ask for more at once and never for less. Who made an
account, or set its password, is read from the ledger's own leaves. A hash that somebody refused is never approved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from audit.approval import NONE, NOTHING_ASKED, ONE, Approvals, enough, stricter
from audit.modes import MODES
from diffgram_home import facts
from diffgram_home.models import QUEUED, Batch, BatchDecision, Leaf

FACT = "approval"
APPROVED, REFUSED, EXPIRED = "approved", "refused", "expired"
DEFAULT_EXPIRES_H = 72
ALWAYS: Mapping[str, str] = {"support": ONE}
"""What a case asks for whatever record and file say: nothing of support leaves that nobody has read (decision 0042)."""
_decision, _batch = BatchDecision.__table__.c, Batch.__table__.c


@dataclass(frozen=True, slots=True)
class Lowering:
    """One person asks for a case to ask for less; it takes a second one."""

    to: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What was recorded about approval: see the module."""

    holds: Mapping[str, tuple[str, datetime]]
    stated: Mapping[str, str]
    expires_h: int
    lowering: Mapping[str, Lowering]

    def level(self, case: str) -> str:
        """What the record says that a case asks for."""
        return self.holds[case][0] if case in self.holds else NONE


def standing(session: Session | Connection) -> Standing:
    """What is recorded now."""
    kept: dict[str, Any] = facts.get(session, FACT, {})
    return Standing(
        {case: (level, datetime.fromisoformat(at)) for case, (level, at) in kept.get("holds", {}).items()},
        kept.get("stated", {}),
        kept.get("expires_h", DEFAULT_EXPIRES_H),
        {
            case: Lowering(to, who, datetime.fromisoformat(at))
            for case, (to, who, at) in kept.get("lowering", {}).items()
        },
    )


def put(session: Session, stands: Standing) -> None:
    """Write down what is recorded now."""
    kept = {
        "holds": {case: [level, at.isoformat()] for case, (level, at) in stands.holds.items()},
        "stated": dict(stands.stated),
        "expires_h": stands.expires_h,
        "lowering": {case: [one.to, one.actor, one.at.isoformat()] for case, one in stands.lowering.items()},
    }
    facts.put(session, FACT, kept)


def levels(stands: Standing, stated: Mapping[str, str]) -> dict[str, str]:
    """What each case asks for: the strictest of the record, of what the file says (`stated`), and of ALWAYS."""
    return {
        case: stricter(ALWAYS.get(case, NONE), stricter(stands.level(case), stated.get(case, NONE))) for case in MODES
    }


def current(session: Session | Connection, stated: Mapping[str, str]) -> Approvals:
    """What the gate has to know: cases that ask, and the hashes of waiting batches that enough people approved."""
    held = {case: level for case, level in levels(standing(session), stated).items() if level != NONE}
    if not held:
        return NOTHING_ASKED
    waiting = select(_batch.sha256, _batch.case).where(_batch.state == QUEUED, _batch.case.in_(held))
    rows = session.execute(waiting.where(_is_decided()))
    return _approved(session, held, {row.sha256: row.case for row in rows})


def of_these(session: Session, stated: Mapping[str, str], batches: Iterable[Batch]) -> Approvals:
    """The same for these batches, whatever became of them: a file that was carried out can be asked for again."""
    held = {case: level for case, level in levels(standing(session), stated).items() if level != NONE}
    return _approved(session, held, {batch.sha256: batch.case for batch in batches})


def _is_decided():
    return select(_decision.id).where(_decision.sha256 == _batch.sha256, _decision.decision == APPROVED).exists()


def _approved(session: Session | Connection, held: Mapping[str, str], cases: Mapping[str, str]) -> Approvals:
    """Which of these (hash → case) enough people approved."""
    actors, refused = decided(session, cases)
    known = makers(session) if actors else {}
    approved = {
        sha256
        for sha256, case in cases.items()
        if sha256 not in refused and enough(held.get(case, NONE), actors.get(sha256, ()), known)
    }
    return Approvals(frozenset(held), frozenset(approved))


def decided(session: Session | Connection, hashes: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Who approved each of these hashes, in order; and which of them somebody refused, or the time ended."""
    actors: dict[str, list[str]] = defaultdict(list)
    ended = set()
    wanted = list(hashes)
    for start in range(0, len(wanted), 500):
        some = _decision.sha256.in_(wanted[start : start + 500])
        rows = select(_decision.sha256, _decision.actor, _decision.decision).where(some).order_by(_decision.id)
        for sha256, actor, decision in session.execute(rows):
            if decision == APPROVED:
                actors[sha256].append(actor)
            else:
                ended.add(sha256)
    return {sha256: tuple(dict.fromkeys(found)) for sha256, found in actors.items()}, frozenset(ended)


def makers(session: Session | Connection) -> dict[str, frozenset[str]]:
    """For each account those who made it or ever set its password, by the ledger's leaves about persons."""
    found: dict[str, set[str]] = defaultdict(set)
    leaf = Leaf.__table__.c
    for data in session.scalars(select(leaf.data).where(leaf.type == "person").order_by(leaf.position)):
        entry = msgspec.json.decode(data)
        actor, account = entry["actor"], entry["account"]
        if entry["change"] in ("added", "password-set") and actor != account:
            found[account].add(actor)
    return {account: frozenset(by) for account, by in found.items()}
