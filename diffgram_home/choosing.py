"""Which batch is tried next, for `sending` only: what waits, may go now, and is due.

The gate in the door decides what may leave; here nothing is tried that it would refuse anyway, hence no noise. Rules:

- A batch that was tried less often goes first, and waits longer after each try: one that corporate always fails on
  holds up no other.
- Where a case asks for approval before sending, a batch without it is not tried; a void needs none.
- A time that lies beyond every wait was written by a wrong clock, and holds nothing up.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from audit.gate import Rules
from diffgram_home import patience, rules
from diffgram_home.home import Home
from diffgram_home.mending import Round
from diffgram_home.models import QUEUED, VOIDING, Batch, BatchDecision

# Asked for with every batch: made once.
_NEXT = (
    select(Batch)
    .where(Batch.state.in_((QUEUED, VOIDING)), Batch.case.in_(bindparam("cases", expanding=True)))
    .where(Batch.id.not_in(bindparam("tried", expanding=True)))
    .order_by(Batch.tries, Batch.case, Batch.sequence)
    .limit(1)
)
_TIME = (
    Batch.next_try_at.is_(None) | (Batch.next_try_at <= bindparam("now")) | (Batch.next_try_at > bindparam("beyond"))
)
_DECIDED = select(BatchDecision.id).where(BatchDecision.sha256 == Batch.sha256).exists()
_FREE = or_(Batch.state == VOIDING, Batch.case.not_in(bindparam("asks", expanding=True)), _DECIDED)
_STATEMENTS = {
    (False, False): _NEXT.where(_TIME),
    (False, True): _NEXT.where(_TIME).where(_FREE),
    (True, False): _NEXT,
    (True, True): _NEXT.where(_FREE),
}


def following(current: Round, session: Session, force: bool, now: datetime) -> Batch | None:
    """The batch to try now, or None. With `force` waiting times are passed over.

    Without approval of header and envelope the gate refuses all: then there is none.
    """
    home = current.home
    held = rules.seen(home, session, now)
    if held.consent.stopped or not all(map(held.consent.allows, home.catalogue.wrapping())):
        return None
    asks = held.approvals.asks
    bound = {"cases": _on(held)} | ({"asks": list(asks)} if asks else {})
    if not force:
        bound |= {"now": now, "beyond": now + patience.LONGEST_ASKED_WAIT}
    wanted = _STATEMENTS[force, bool(asks)]
    while (batch := session.scalars(wanted, bound | {"tried": list(current.tried)}).first()) is not None:
        if _may_go(held, batch):
            return batch
        current.tried.add(batch.id)  # decided about, but not by enough: a few at most
    return None


def count(home: Home) -> int:
    """How many batches wait and may go, in cases that are on."""
    held = rules.current(home)
    cases = _on(held)
    if not cases:
        return 0
    free = Batch.case.not_in(held.approvals.asks) | (Batch.state == VOIDING)
    waits = select(Batch).where(Batch.state.in_((QUEUED, VOIDING)), Batch.case.in_(cases))
    with home.store.read() as session:
        number = session.scalar(select(func.count()).select_from(waits.where(free).subquery())) or 0
        asked = session.scalars(waits.where(~free, _DECIDED)) if held.approvals.asks else ()
        return number + sum(_may_go(held, batch) for batch in asked)


def _may_go(held: Rules, batch: Batch) -> bool:
    return batch.state == VOIDING or batch.case not in held.approvals.asks or batch.sha256 in held.approvals.approved


def _on(held: Rules) -> list[str]:
    return [case for case, mode in held.modes.cases.items() if mode == "on"]
