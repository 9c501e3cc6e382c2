"""What corporate asked of this installation, as it is kept here: the newest instructions, and what of them still holds.

What a document may say is `audit.instructions`'; `rules` combines it with the customer's own settings, `hearing` takes
it from answers. Rules:

- An ask ends by its date, and what ended stays ended, whatever the clock does afterwards.
- The customer's own settings are never written by anything here: when an ask ends, they hold as they are then.
- Documents taken, and asks that ended, are leaves of the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import instructions, record
from audit.instructions import Ask, Instructions
from diffgram_home import facts, ledger
from diffgram_home.home import Home

FACT = "instructions"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def asks(session: Session) -> tuple[Ask, ...]:
    """What holds now."""
    return _asks(facts.get(session, FACT) or {})


def number(session: Session) -> int:
    """The number of the newest instructions that were taken; 0 before the first."""
    return int((facts.get(session, FACT) or {}).get("number", 0))


def is_known(session: Session, token: str) -> bool:
    """Whether this very document is the newest one here: it comes with every answer while it is current."""
    return bool((facts.get(session, FACT) or {}).get("sha256") == _digest(token))


def keep(session: Session, token: str, taken: Instructions, now: datetime) -> None:
    """Put `taken`, read from `token`, in force; inside a write transaction."""
    entry = record.Instruction(
        actor="corporate", at=record.instant(now), document=token, number=taken.number, over=None, step="taken"
    )
    ledger.append(session, entry)
    held = [_written(ask) for ask in instructions.in_force(taken.asks, now)]
    fact = {"number": taken.number, "sha256": _digest(token), "asks": held, "taken_at": now.isoformat()}
    facts.put(session, FACT, fact)


def end_what_is_over(home: Home, now: datetime) -> bool:
    """Let asks end whose date has come; True if one did. Raises StoreError."""
    with home.store.read() as session:
        held = asks(session)
    if len(instructions.in_force(held, now)) == len(held):
        return False
    with home.store.write() as session:
        fact = facts.get(session, FACT) or {}
        held = _asks(fact)
        left = instructions.in_force(held, now)
        if len(left) == len(held):
            return False
        over = sorted(f"{ask.what} {ask.name}" for ask in held if ask not in left)
        entry = record.Instruction(
            actor="home", at=record.instant(now), document=None, number=fact["number"], over=over, step="over"
        )
        ledger.append(session, entry)
        facts.put(session, FACT, {**fact, "asks": [_written(ask) for ask in left]})
    return True


def about(held: Sequence[Ask], case: str, kinds: Sequence[str], fields: Sequence[str]) -> tuple[Ask, ...]:
    """Those that concern a case: itself, one of its kinds, or one of its fields."""
    names = {instructions.CASE: (case,), instructions.KIND: kinds, instructions.FIELD: fields}
    return tuple(ask for ask in held if ask.name in names[ask.what])


def _asks(fact: Mapping[str, Any]) -> tuple[Ask, ...]:
    return tuple(
        Ask(a["what"], a["name"], a["to"], datetime.strptime(a["until"], _TIME).replace(tzinfo=UTC), a["why"])
        for a in fact.get("asks", ())
    )


def _written(ask: Ask) -> dict[str, str]:
    until = ask.until.strftime(_TIME)
    return {"what": ask.what, "name": ask.name, "to": ask.to, "until": until, "why": ask.why}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
