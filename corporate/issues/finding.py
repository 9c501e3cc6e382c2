"""The list of issues: filters, order, pages.

Leaves to others: rendering. Rules: pages go by key, so that each costs the same; what is looked for in words stands in
title, culprit or types, whatever its case; numbers are those of the whole issue, whatever it is filtered by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from corporate.database import EVERYBODY, Store
from corporate.issues import states
from corporate.models import Account, Customer, Issue, IssueGroup, IssuePart, StoredIndex

PAGE = 50
UNRESOLVED, ALL = "unresolved", "all"
STATES = (UNRESOLVED, *states.STATES, ALL)
NOBODY = "-"
"""In place of an account: issues that are assigned to nobody."""
SORTS: Mapping[str, Any] = {
    "last": Issue.last_at,
    "first": Issue.first_at,
    "count": Issue.count,
    "installations": Issue.installations,
}
"""Name of an order → what it goes by, largest first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which issues; "" and None are no filter. `since` and `until` are days on which it may have been seen.

    `after` is the value and number of the last issue of the page before, as `key_of` gives it.
    """

    state: str = UNRESOLVED
    words: str = ""
    release: str = ""
    installation: str = ""
    customer: str = ""
    assigned: str = ""
    in_product: bool = False
    since: date | None = None
    until: date | None = None
    sort: str = "last"
    after: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One page: issues, how many there are in all, and the key that the next page begins after, or None."""

    rows: tuple[Issue, ...]
    total: int
    after: str | None


def find(store: Store, chosen: Filter) -> Found:
    """The issues that fit, in the order of `chosen.sort`, at most PAGE."""
    by = SORTS.get(chosen.sort, Issue.last_at)
    fitting = and_(*_conditions(chosen))
    wanted = select(Issue).where(fitting).order_by(by.desc(), Issue.id.desc()).limit(PAGE)
    beyond = _beyond(by, chosen.after)
    with store.reading(EVERYBODY) as session:
        total = session.execute(select(func.count()).select_from(Issue).where(fitting)).scalar_one()
        rows = tuple(session.execute(wanted if beyond is None else wanted.where(beyond)).scalars())
    return Found(rows, total, _key(rows[-1], by) if len(rows) == PAGE else None)


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be chosen in the filter."""

    releases: tuple[str, ...]
    customers: tuple[str, ...]
    accounts: tuple[str, ...]


def offered(store: Store) -> Offered:
    """Releases, the one added last first; customers and accounts by name."""
    with store.reading(EVERYBODY) as session:
        newest = (
            select(StoredIndex.release).group_by(StoredIndex.release).order_by(func.max(StoredIndex.added_at).desc())
        )
        return Offered(
            tuple(session.execute(newest).scalars()),
            tuple(session.execute(select(Customer.name).order_by(Customer.name)).scalars()),
            tuple(session.execute(select(Account.name).order_by(Account.name)).scalars()),
        )


def _conditions(chosen: Filter) -> list[ColumnElement[bool]]:
    made: list[ColumnElement[bool]] = [Issue.id > 0]
    if chosen.state == UNRESOLVED:
        made.append(Issue.state.in_(states.UNRESOLVED))
    elif chosen.state in states.STATES:
        made.append(Issue.state == chosen.state)
    for word in chosen.words.split():
        said = (column.icontains(word, autoescape=True) for column in (Issue.title, Issue.culprit, Issue.types))
        made.append(or_(*said))
    if chosen.assigned:
        made.append(Issue.assigned_to.is_(None) if chosen.assigned == NOBODY else Issue.assigned_to == chosen.assigned)
    if chosen.in_product:
        made.append(Issue.in_product)
    if chosen.since is not None:
        made.append(Issue.last_at >= _midnight(chosen.since))
    if chosen.until is not None:
        made.append(Issue.first_at < _midnight(chosen.until) + timedelta(days=1))
    shown = _shown(chosen)
    return made if shown is None else [*made, Issue.id.in_(shown)]


def _shown(chosen: Filter) -> Select[tuple[int]] | None:
    """Numbers of the issues that such a part shows: one release on one installation, where both are stated."""
    here: list[ColumnElement[bool]] = []
    if chosen.release:
        here.append(IssuePart.release == chosen.release)
    if chosen.installation:
        here.append(IssuePart.installation_id == chosen.installation)
    if chosen.customer:
        here.append(IssuePart.customer_id.in_(select(Customer.id).where(Customer.name == chosen.customer)))
    if not here:
        return None
    return select(IssueGroup.issue_id).join(IssuePart, IssuePart.group_id == IssueGroup.id).where(*here)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _key(issue: Issue, by: Any) -> str:
    value = getattr(issue, by.key)
    return f"{value.isoformat() if isinstance(value, datetime) else value}~{issue.id}"


def _beyond(by: Any, after: str) -> ColumnElement[bool] | None:
    """What comes after a key, if it is one of this order; anybody may have changed it since we wrote it."""
    text, mark, number = after.rpartition("~")
    if not mark or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    value: Any
    try:
        value = datetime.fromisoformat(text) if by.key.endswith("_at") else int(text)
    except ValueError:
        return None
    if (isinstance(value, datetime) and value.tzinfo is None) or (isinstance(value, int) and abs(value) >= 2**31):
        return None
    return or_(by < value, and_(by == value, Issue.id < int(number)))
