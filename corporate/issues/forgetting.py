"""Takes out of the issues what a deletion takes away: sightings, counts, shapes, what is then empty; down to nothing.

Leaves to others: messages and batches (removing). Rules: `lock` is held before anything is weighed, so that nothing is
counted meanwhile; what would go (`foreseen`) and what goes (`subtract`) is told by the same weighing; a group without
parts goes, and an issue without groups, with its history and comments: nothing is left that says it once was.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from corporate.database import for_everybody
from corporate.issues import counting
from corporate.issues.counting import chunks, hour_of
from corporate.issues.following import error_of, moment
from corporate.models import Issue, IssueAct, IssueGroup, IssueHour, IssuePart, IssueShape, Message, Sighting
from event.issue import holes_of

TABLES = ("issue", "issue_act", "issue_group", "issue_hour", "issue_part", "issue_shape", "sighting")
"""Every table that a deletion may take rows from here, or change rows of."""
_Place = tuple[int, int]
_COUNTED: tuple[tuple[type[IssueHour | IssueShape], tuple[str, ...]], ...] = (
    (IssueHour, ("part_id", "hour")),
    (IssueShape, ("part_id", "slot", "shape")),
)


@dataclass(slots=True)
class Taken:
    """What is to go: all sightings of `batches`, and those in `gone`; how much of each part, hour and shape.

    A negative count is added instead.
    """

    batches: list[int] = field(default_factory=list)
    gone: list[_Place] = field(default_factory=list)
    sightings: int = 0
    moved: list[dict[str, Any]] = field(default_factory=list)
    parts: Counter[int] = field(default_factory=Counter)
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)
    shapes: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    touched: set[int] = field(default_factory=set)

    def whole(self, part: int, at: datetime, values: Mapping[str, Any]) -> None:
        """A sighting goes."""
        self.sightings += 1
        self.touched.add(part)
        self.parts[part] += 1
        self.hours[part, hour_of(at)] += 1
        self.shapes.update((part, slot, shape) for slot, shape in holes_of(error_of(values) or {"chain": ()}))

    def later(self, place: _Place, part: int, before: datetime, at: datetime) -> None:
        """A sighting stays and has another time."""
        self.moved.append({"in_batch": place[0], "at_position": place[1], "new": at})
        self.touched.add(part)
        self.hours[part, hour_of(before)] += 1
        self.hours[part, hour_of(at)] -= 1


@dataclass(frozen=True, slots=True)
class Vanishing:
    """Rows that go as a whole, by number."""

    parts: tuple[int, ...]
    groups: tuple[int, ...]
    issues: tuple[int, ...]


def weigh(session: Session, batches: Sequence[int], taken: Taken) -> None:
    """Add to `taken` every sighting in these batches, whose messages are still there."""
    taken.batches += batches
    for (_, _, part, at), line in _sightings(session, Sighting.batch_id.in_(batches)):
        taken.whole(part, at, msgspec.json.decode(line))


def weigh_lines(
    session: Session, changed: Mapping[_Place, str], received: Mapping[int, datetime], taken: Taken
) -> None:
    """Add to `taken` what differs for messages that get shorter lines; `received` is by batch."""
    for chunk in chunks(sorted(changed)):
        at_places = tuple_(Sighting.batch_id, Sighting.position).in_(chunk)
        for (batch, position, part, at), line in _sightings(session, at_places):
            after = msgspec.json.decode(changed[batch, position])
            if error_of(after) is None:
                taken.gone.append((batch, position))
                taken.whole(part, at, msgspec.json.decode(line))
            elif (new := moment(after, received[batch])) != at:
                taken.later((batch, position), part, at, new)


def foreseen(session: Session, taken: Taken) -> Mapping[str, int]:
    """How many rows `subtract` would remove, by table; looks at everybody's rows."""
    going = _vanishing(session, taken)
    counts = {"sighting": taken.sightings, "issue_part": len(going.parts), "issue_group": len(going.groups)}
    for table, key in _COUNTED:
        counts[table.__tablename__] = len(_emptied(session, table, key, taken))
    acts = select(func.count()).select_from(IssueAct).where(IssueAct.issue_id.in_(going.issues))
    return counts | {"issue": len(going.issues), "issue_act": session.execute(acts).scalar_one()}


def subtract(session: Session, taken: Taken) -> Mapping[str, int]:
    """Take it out, within a transaction of the customer that holds the lock; returns rows removed by table."""
    if not taken.touched:
        return {}
    with for_everybody(session):
        counts = foreseen(session, taken)
        going = _vanishing(session, taken)
        concerned = _concerned(session, taken)
    for table, key in _COUNTED:
        _less(session, table, key, taken)
    for chunk in chunks(taken.batches):
        _run(session, delete(Sighting).where(Sighting.batch_id.in_(chunk)))
    for chunk in chunks(taken.gone):
        _run(session, delete(Sighting).where(tuple_(Sighting.batch_id, Sighting.position).in_(chunk)))
    if taken.moved:
        session.connection().execute(_MOVED, taken.moved)
    for chunk in chunks(going.parts):
        _run(session, delete(IssuePart).where(IssuePart.id.in_(chunk)))
    _recount(session, sorted(taken.touched - set(going.parts)))
    with for_everybody(session):
        _close(session, going, concerned - set(going.issues))
    return counts


_SIGHTING = Sighting.__table__
_MOVED = (
    update(_SIGHTING)  # type: ignore[arg-type]
    .where(_SIGHTING.c.batch_id == bindparam("in_batch"), _SIGHTING.c.position == bindparam("at_position"))
    .values(at=bindparam("new"))
)


def _sightings(session: Session, chosen: ColumnElement[bool]) -> Iterable[tuple[tuple[int, int, int, datetime], str]]:
    here = and_(Message.batch_id == Sighting.batch_id, Message.position == Sighting.position)
    columns = (Sighting.batch_id, Sighting.position, Sighting.part_id, Sighting.at, Message.line)
    for *found, line in session.execute(select(*columns).join(Message, here).where(chosen)):
        yield tuple(found), line  # type: ignore[misc]


def _vanishing(session: Session, taken: Taken) -> Vanishing:
    parts: list[int] = []
    concerned: set[int] = set()
    for chunk in chunks(sorted(taken.parts)):
        wanted = select(IssuePart.id, IssuePart.group_id, IssuePart.count).where(IssuePart.id.in_(chunk))
        for number, group, count in session.execute(wanted):
            if count <= taken.parts[number]:
                parts.append(number)
                concerned.add(group)
    groups = _left_empty(session, IssuePart.group_id, IssuePart.id, concerned, parts)
    issues = {of for chunk in chunks(groups) for of in _issues_of(session, IssueGroup.id.in_(chunk))}
    emptied = _left_empty(session, IssueGroup.issue_id, IssueGroup.id, issues, groups)
    return Vanishing(tuple(parts), tuple(groups), tuple(emptied))


def _left_empty(session: Session, of: Any, member: Any, owners: set[int], going: Sequence[int]) -> list[int]:
    """Which of `owners` have no member but those that go."""
    gone = set(going)
    kept: set[int] = set()
    for chunk in chunks(sorted(owners)):
        found = session.execute(select(of, member).where(of.in_(chunk)))
        kept |= {owner for owner, number in found if number not in gone}
    return sorted(owners - kept)


def _issues_of(session: Session, chosen: ColumnElement[bool]) -> set[int]:
    return set(session.execute(select(IssueGroup.issue_id).where(chosen)).scalars())


def _emptied(session: Session, table: Any, key: tuple[str, ...], taken: Taken) -> list[tuple[Any, ...]]:
    """Keys of rows of which all goes."""
    going: Counter[Any] = taken.hours if table is IssueHour else taken.shapes
    columns = [getattr(table, name) for name in key]
    found: list[tuple[Any, ...]] = []
    for chunk in chunks(sorted({part for part, *_ in going})):
        for *values, count in session.execute(select(*columns, table.count).where(table.part_id.in_(chunk))):
            if count <= going.get(tuple(values), 0):
                found.append(tuple(values))
    return found


def _less(session: Session, table: Any, key: tuple[str, ...], taken: Taken) -> None:
    """Take counts away; rows of which nothing is left go, and those that a moved sighting needs are made."""
    going: Counter[Any] = taken.hours if table is IssueHour else taken.shapes
    emptied = set(_emptied(session, table, key, taken))
    names = [f"of_{name}" for name in key]
    of_it = and_(*(table.__table__.c[name] == bindparam(f"of_{name}") for name in key))
    if emptied:
        rows = [dict(zip(names, values, strict=True)) for values in sorted(emptied)]
        session.connection().execute(delete(table.__table__).where(of_it), rows)
    rest = {values: count for values, count in going.items() if count and values not in emptied}
    less = update(table.__table__).where(of_it).values(count=table.__table__.c.count - bindparam("less"))
    if lower := {values: count for values, count in rest.items() if count > 0}:
        rows = [dict(zip(names, values, strict=True)) | {"less": count} for values, count in sorted(lower.items())]
        session.connection().execute(less, rows)
    higher = {values: -count for values, count in rest.items() if count < 0}
    if higher:
        counting.more(session, table, key, higher, _customers(session, {part for part, *_ in higher}))


def _customers(session: Session, parts: set[int]) -> Mapping[int, int]:
    wanted = select(IssuePart.id, IssuePart.customer_id).where(IssuePart.id.in_(parts))
    return {int(part): customer for part, customer in session.execute(wanted)}


def _recount(session: Session, parts: Sequence[int]) -> None:
    """Parts of which something is left: count and times are those of the sightings that are left."""
    sums = (func.count(), func.min(Sighting.at), func.max(Sighting.at))
    for chunk in chunks(parts):
        wanted = select(Sighting.part_id, *sums).where(Sighting.part_id.in_(chunk)).group_by(Sighting.part_id)
        for part, count, first, last in session.execute(wanted).all():
            change = update(IssuePart).where(IssuePart.id == part)
            _run(session, change.values(count=count, first_at=first, last_at=last))


def _concerned(session: Session, taken: Taken) -> set[int]:
    """Issues of which anything goes or moves."""
    found: set[int] = set()
    for chunk in chunks(sorted(taken.touched)):
        found |= _issues_of(session, IssueGroup.id.in_(select(IssuePart.group_id).where(IssuePart.id.in_(chunk))))
    return found


def _close(session: Session, going: Vanishing, left: set[int]) -> None:
    """Groups and issues of which nothing is left go; the others say what is left of them."""
    for chunk in chunks(going.groups):
        _run(session, delete(IssueGroup).where(IssueGroup.id.in_(chunk)))
    for chunk in chunks(going.issues):
        _run(session, delete(IssueAct).where(IssueAct.issue_id.in_(chunk)))
        _run(session, delete(Issue).where(Issue.id.in_(chunk)))
    rename(session, left)
    counting.refresh(session, left)


def rename(session: Session, issues: Iterable[int]) -> None:
    """Call each issue by the oldest of its groups: one that went may have given it the name it has."""
    names = ("title", "culprit", "types", "in_product")
    # Columns, not objects: a group that this session has loaded still says the issue that it belonged to before.
    columns = (IssueGroup.issue_id, *(getattr(IssueGroup, name) for name in names))
    for chunk in chunks(sorted(issues)):
        oldest = select(func.min(IssueGroup.id)).where(IssueGroup.issue_id.in_(chunk)).group_by(IssueGroup.issue_id)
        for issue, *values in session.execute(select(*columns).where(IssueGroup.id.in_(oldest))).all():
            _run(session, update(Issue).where(Issue.id == issue).values(dict(zip(names, values, strict=True))))


def _run(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
