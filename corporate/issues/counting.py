"""Counts errors: into groups, parts, hours and shapes; and keeps what an issue says of itself equal to its parts.

Leaves to others: reading messages (following), taking out (forgetting), what a state becomes (states). Rules: the
caller holds the lock of `alone`, so that one transaction at a time changes what is counted; a sighting is added once,
which is the caller's to know; an issue's own numbers are summed up anew, never carried forward, so they cannot drift.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, case, distinct, func, select, update
from sqlalchemy.orm import Session

from corporate.database import alone, put
from corporate.issues import states
from corporate.models import Issue, IssueAct, IssueGroup, IssueHour, IssuePart, IssueShape, Sighting
from event.issue import Group

AT_A_TIME = 500
"""So many keys are asked for in one statement."""
HOUR_S = 3600
_Part = tuple[int, str, str]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Seen:
    """One error that arrived: where its message is, who sent it, when it happened, its group and shapes by hole."""

    batch_id: int
    position: int
    customer: int
    installation: str
    release: str
    at: datetime
    group: Group
    holes: tuple[tuple[str, str], ...]


def lock(session: Session) -> None:
    """Let no other transaction change what is counted until this one ends."""
    alone(session, IssueGroup)


def hour_of(at: datetime) -> int:
    """The hour of a moment, counted from 1970-01-01T00Z."""
    return int(at.timestamp()) // HOUR_S


def add(session: Session, seen: Sequence[Seen], now: datetime) -> None:
    """Count every error of `seen`, open issues for new groups, and let states follow. Holds the lock."""
    if not seen:
        return
    groups = _groups(session, {one.group.key: one for one in seen}, now)
    found = _parts(session, seen, groups)
    parts = [found[(groups[one.group.key][0], one.installation, one.release)] for one in seen]
    _count(session, seen, parts)
    rows = [
        {"batch_id": o.batch_id, "position": o.position, "customer_id": o.customer, "part_id": part, "at": o.at}
        for o, part in zip(seen, parts, strict=True)
    ]
    put(session, Sighting, rows)
    releases: dict[int, set[str]] = {}
    for one in seen:
        releases.setdefault(groups[one.group.key][1], set()).add(one.release)
    refresh(session, releases)
    states.follow(session, releases, now)


def refresh(session: Session, issues: Iterable[int]) -> None:
    """Sum up what the issues say of themselves; for everybody's rows. An issue without parts keeps what it said."""
    of_it = select(
        IssueGroup.issue_id,
        func.sum(IssuePart.count),
        func.count(distinct(IssuePart.installation_id)),
        func.min(IssuePart.first_at),
        func.max(IssuePart.last_at),
    ).join(IssuePart, IssuePart.group_id == IssueGroup.id)
    names = ("of", "new_count", "new_installations", "new_first", "new_last")
    for chunk in chunks(sorted(issues)):
        wanted = of_it.where(IssueGroup.issue_id.in_(chunk)).group_by(IssueGroup.issue_id)
        rows = [dict(zip(names, row, strict=True)) for row in session.execute(wanted)]
        if rows:
            session.connection().execute(_SUMMED, rows)
    session.expire_all()


def chunks(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """The items, AT_A_TIME of them at once."""
    return (items[n : n + AT_A_TIME] for n in range(0, len(items), AT_A_TIME))


_ISSUE = Issue.__table__
_SUMMED = (
    update(_ISSUE)  # type: ignore[arg-type]
    .where(_ISSUE.c.id == bindparam("of"))
    .values(
        count=bindparam("new_count"),
        installations=bindparam("new_installations"),
        first_at=bindparam("new_first"),
        last_at=bindparam("new_last"),
    )
)


def _groups(session: Session, seen: Mapping[str, Seen], now: datetime) -> Mapping[str, tuple[int, int]]:
    """Key → number of the group and of its issue; new ones are made."""
    found: dict[str, tuple[int, int]] = {}
    for chunk in chunks(sorted(seen)):
        wanted = select(IssueGroup.key, IssueGroup.id, IssueGroup.issue_id).where(IssueGroup.key.in_(chunk))
        found |= {key: (group, issue) for key, group, issue in session.execute(wanted)}
    for key in sorted(seen.keys() - found.keys()):
        found[key] = _opened(session, seen[key], now)
    return found


def _opened(session: Session, first: Seen, now: datetime) -> tuple[int, int]:
    said = {
        "title": first.group.title,
        "culprit": first.group.culprit,
        "types": " ".join(first.group.types),
        "in_product": first.group.in_product,
    }
    times = {"first_at": first.at, "last_at": first.at, "made_at": now}
    issue = Issue(**said, **times, state=states.OPEN, count=0, installations=0)
    session.add(issue)
    session.flush()
    group = IssueGroup(key=first.group.key, issue_id=issue.id, **said)
    session.add_all((group, IssueAct(issue_id=issue.id, at=now, actor=states.ITSELF, what="opened", words="")))
    session.flush()
    return group.id, issue.id


def _parts(session: Session, seen: Sequence[Seen], groups: Mapping[str, tuple[int, int]]) -> Mapping[_Part, int]:
    """Group, installation and release → number of the part, whose count and times are brought up."""
    rows: dict[_Part, dict[str, Any]] = {}
    for one in seen:
        key = (groups[one.group.key][0], one.installation, one.release)
        row = rows.get(key)
        if row is None:
            names = dict(zip(("group_id", "installation_id", "release"), key, strict=True))
            rows[key] = names | {"customer_id": one.customer, "count": 1, "first_at": one.at, "last_at": one.at}
            continue
        row["count"] += 1
        row["first_at"], row["last_at"] = min(row["first_at"], one.at), max(row["last_at"], one.at)
    put(session, IssuePart, list(rows.values()), ("group_id", "installation_id", "release"), _brought_up)
    return _numbers(session, rows)


def _brought_up(old: Any, given: Any) -> Mapping[str, Any]:
    return {
        "count": old.count + given.count,
        "first_at": case((given.first_at < old.first_at, given.first_at), else_=old.first_at),
        "last_at": case((given.last_at > old.last_at, given.last_at), else_=old.last_at),
    }


def _numbers(session: Session, keys: Iterable[_Part]) -> Mapping[_Part, int]:
    wanted_keys = set(keys)
    found: dict[_Part, int] = {}
    columns = (IssuePart.id, IssuePart.group_id, IssuePart.installation_id, IssuePart.release)
    installations = {installation for _, installation, _ in wanted_keys}
    for chunk in chunks(sorted({group for group, _, _ in wanted_keys})):
        wanted = select(*columns).where(IssuePart.group_id.in_(chunk), IssuePart.installation_id.in_(installations))
        found |= {(group, of, release): number for number, group, of, release in session.execute(wanted)}
    return found


def _count(session: Session, seen: Sequence[Seen], parts: Sequence[int]) -> None:
    hours: Counter[tuple[int, int]] = Counter()
    shapes: Counter[tuple[int, str, str]] = Counter()
    customers: dict[int, int] = {}
    for one, part in zip(seen, parts, strict=True):
        customers[part] = one.customer
        hours[part, hour_of(one.at)] += 1
        shapes.update((part, slot, shape) for slot, shape in one.holes)
    more(session, IssueHour, ("part_id", "hour"), hours, customers)
    more(session, IssueShape, ("part_id", "slot", "shape"), shapes, customers)


def more(
    session: Session,
    table: type[IssueHour | IssueShape],
    key: tuple[str, ...],
    counts: Mapping[Any, int],
    customers: Mapping[int, int],
) -> None:
    """Add counts to rows by key, whose first column is the part; rows that are not there yet are made."""
    rows = [
        {**dict(zip(key, values, strict=True)), "customer_id": customers[values[0]], "count": count}
        for values, count in sorted(counts.items())
    ]
    put(session, table, rows, key, lambda old, given: {"count": old.count + given.count})
