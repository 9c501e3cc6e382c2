"""Which numbers are missing, since when; and settling statements of one identity that contradict each other.

Leaves to others: noticing them (storing, watching). Rules: a hole closes only when its number arrives, as a batch or as
a void; a conflict is settled by a person, who has asked the customer, and opens again when it is seen again.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import Conflict, Customer, Gap, Installation


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers `first` to `last` of a case that have not arrived; `since` is None where nobody noted it."""

    customer: str
    installation: str
    case: str
    first: int
    last: int
    since: datetime | None


def holes(store: Store, *, installation: str | None = None, limit: int = 1000) -> list[Hole]:
    """What is missing, oldest first: everywhere, or of one installation."""
    columns = (Gap.installation_id, Gap.case, Gap.first, Gap.last, Gap.since)
    wanted = select(Customer.name, *columns).join(Customer, Customer.id == Gap.customer_id)
    if installation is not None:
        wanted = wanted.where(Gap.installation_id == installation)
    with store.reading(EVERYBODY) as session:
        return [Hole(*row) for row in session.execute(wanted.order_by(Gap.since, Gap.id).limit(limit))]


def settle(store: Store, installation: str, actor: str, now: datetime) -> int:
    """Say that the conflicts of `installation` are cleared up; returns how many. Raises OperatorError."""
    with store.writing(EVERYBODY) as session:
        if session.get(Installation, installation) is None:
            raise OperatorError(
                "installation", f"no installation {installation!r}", "see diffgram-corporate installations"
            )
        open_ones = Conflict.installation_id == installation, Conflict.settled_at.is_(None)
        found = list(session.execute(select(Conflict.id).where(*open_ones)).scalars())
        session.execute(update(Conflict).where(Conflict.id.in_(found)).values(settled_at=now, settled_by=actor))
        return len(found)
