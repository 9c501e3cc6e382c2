"""Two machines with one identity, or a restored backup: what corporate saw that contradicts itself, and settling it.

Leaves to others: what is done with the batch (attempts), and becoming an installation of one's own (renewal). Rules:

- A conflict only tells: no number is given out again, and what corporate holds under one is never written over. The
  messages of a batch whose number was taken go under the next number that is free.
- It stands in the ledger once while it is open, and only a person settles it, saying why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from audit import record
from diffgram_home import counting, facts, ledger
from diffgram_home.errors import HomeError
from diffgram_home.home import Home

FACT, NOTICE = "conflict", "identity-conflict"
WHYS: Final = ("restored", "copy-ended", "renewed-elsewhere", "other")
_TEXTS: Mapping[str, str] = {
    "sequence-differs": "corporate has other bytes under a number of ours",
    "ledger-differs": "corporate has another root for a size of our ledger",
    "ledger-shrank": "our ledger is shorter than corporate has seen it",
}
_HINT = (
    "if this machine was restored from a backup, it goes on by itself: settle it. If it is a copy of a machine that "
    "still runs, stop it and run 'diffgram-home identity renew'. See Identity"
)


class ConflictError(HomeError):
    """There is no conflict to settle."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What contradicts: corporate's `code`, where it was seen last, how often, and since when."""

    code: str
    text: str
    case: str
    sequence: int
    count: int
    since: datetime
    last_at: datetime


def note(session: Session, code: str, case: str, sequence: int, now: datetime) -> None:
    """Corporate said that number `sequence` of `case` contradicts an earlier one; inside a write transaction."""
    if code not in _TEXTS:
        code = "ledger-differs"
    known = facts.get(session, FACT)
    if known is None:
        _record(session, "conflict", "corporate", now, code=code, case=case, sequence=sequence)
        known = {"since": now.isoformat(), "count": 0}
    seen = {"code": code, "case": case, "sequence": sequence, "last_at": now.isoformat(), "count": known["count"] + 1}
    facts.put(session, FACT, {**known, **seen})
    text = f"{_TEXTS[code]} (case {case}, number {sequence}): two machines may use this identity, or a backup came back"
    counting.notice(session, now, NOTICE, "", text, _HINT)


def now_open(session: Session) -> Conflict | None:
    """The conflict that nobody has settled, or None."""
    known = facts.get(session, FACT)
    if known is None:
        return None
    moments = (datetime.fromisoformat(known[name]) for name in ("since", "last_at"))
    code = known["code"]
    return Conflict(code, _TEXTS[code], known["case"], known["sequence"], known["count"], *moments)


def settle(home: Home, why: str, actor: str, now: datetime) -> None:
    """A person says that it is over, and why (one of WHYS). Raises ConflictError if none is open, ValueError."""
    if why not in WHYS:
        raise ValueError(f"'{why}' is no reason; write one of {', '.join(WHYS)}")
    with home.store.write() as session:
        if facts.get(session, FACT) is None:
            raise ConflictError("no-conflict", "corporate has told of no conflict that is open", "nothing to do")
        facts.put(session, FACT, None)
        _record(session, "settled", actor, now, code=why)
        counting.end_notice(session, now, NOTICE)


def _record(
    session: Session,
    step: str,
    actor: str,
    now: datetime,
    *,
    code: str | None = None,
    case: str | None = None,
    sequence: int | None = None,
) -> None:
    entry = record.Identity(
        actor=actor,
        at=record.instant(now),
        case=case,  # type: ignore[arg-type]
        code=code,
        ledger_root=None,
        ledger_size=None,
        other=None,
        sequence=sequence,
        step=step,  # type: ignore[arg-type]
    )
    ledger.append(session, entry)
