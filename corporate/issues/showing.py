"""One issue, as a page or a command shows it.

Leaves to others: rendering, and the vendor's source lines (by `Shown.index` and the places). Rules: reading changes
nothing; every list is bounded; the error is read from a message that is here, so what was deleted is not shown.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, desc, func, select
from sqlalchemy.orm import Session

from audit.types import NO_PLACE
from corporate.database import EVERYBODY, Store
from corporate.issues import drawing
from corporate.issues.drawing import Graph
from corporate.issues.following import error_of
from corporate.models import (
    Batch,
    Customer,
    Issue,
    IssueAct,
    IssueGroup,
    IssueHour,
    IssuePart,
    IssueShape,
    Message,
    Sighting,
)
from event.issue import HOLE

ROWS = 10
EVENTS = 10
SHAPES = 8  # of one hole, the most frequent first
ACTS = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a message: literal `text`, or a hole with the shape it had here and all that were seen in it."""

    text: str
    shape: str = ""
    seen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of the chain: its type, its words with holes, or without known words the shapes it came with."""

    type: str
    pieces: tuple[Piece, ...]
    has_words: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One place on the way, outermost call first."""

    place: str
    in_product: bool

    @property
    def known(self) -> bool:
        """Whether the index names it."""
        return self.place != NO_PLACE


@dataclass(frozen=True, slots=True)
class Row:
    """How much of the issue one release, or one installation, showed; `spread` counts the other."""

    name: str
    customer: str
    count: int
    spread: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """One event: which message, whose, when."""

    batch_id: int
    position: int
    at: datetime
    release: str
    installation: str
    customer: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything about one issue. `index` is the hash of that of the `chosen` event, which chain and frames are of."""

    issue: Issue
    groups: tuple[IssueGroup, ...]
    chain: tuple[Link, ...]
    frames: tuple[Frame, ...]
    error_log: Mapping[str, Any]
    index: str
    chosen: Happened
    events: tuple[Happened, ...]
    hours: Graph
    days: Graph
    releases: tuple[Row, ...]
    installations: tuple[Row, ...]
    acts: tuple[IssueAct, ...]


def show(store: Store, number: int, now: datetime, wanted: tuple[int, int] | None = None) -> Shown | None:
    """The issue `number`, or None; `wanted` is batch and position of the event to show, else the newest one."""
    with store.reading(EVERYBODY) as session:
        issue = session.get(Issue, number)
        if issue is None:
            return None
        parts = _parts(session, number)
        every = _events(session, parts)
        chosen = _event(session, parts, wanted) or every[0]
        line, header, group = _message(session, chosen)
        error_log = error_of(msgspec.json.decode(line)) or {"chain": [], "frames": []}
        hours = _hours(session, number, now)
        acts = select(IssueAct).where(IssueAct.issue_id == number).order_by(IssueAct.id.desc()).limit(ACTS)
        groups = select(IssueGroup).where(IssueGroup.issue_id == number).order_by(IssueGroup.id)
        return Shown(
            issue=issue,
            groups=tuple(session.execute(groups).scalars()),
            chain=_chain(error_log, _shapes(session, group)),
            frames=tuple(Frame(place, bool(mine)) for place, mine in error_log["frames"]),
            error_log=error_log,
            index=str(json.loads(header)["index"]),
            chosen=chosen,
            events=every,
            hours=drawing.hours(hours, now),
            days=drawing.days(_by_day(hours), now),
            releases=_releases(parts),
            installations=_installations(parts),
            acts=tuple(session.execute(acts).scalars()),
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the issue, with its customer's name."""

    id: int
    group: int
    installation: str
    customer: str
    release: str
    count: int
    first_at: datetime
    last_at: datetime


def _parts(session: Session, number: int) -> list[_Part]:
    wanted = (
        select(
            IssuePart.id,
            IssuePart.group_id,
            IssuePart.installation_id,
            Customer.name,
            IssuePart.release,
            IssuePart.count,
            IssuePart.first_at,
            IssuePart.last_at,
        )
        .join(IssueGroup, IssueGroup.id == IssuePart.group_id)
        .join(Customer, Customer.id == IssuePart.customer_id)
        .where(IssueGroup.issue_id == number)
    )
    return [_Part(*row) for row in session.execute(wanted)]


def _events(session: Session, parts: Sequence[_Part]) -> tuple[Happened, ...]:
    """The newest events: they are in the parts that were seen last, so no others need to be looked at."""
    latest = {part.id: part for part in sorted(parts, key=lambda part: part.last_at)[-EVENTS:]}
    newest = (desc(Sighting.at), desc(Sighting.batch_id), desc(Sighting.position))
    wanted = select(*_HAPPENED).where(Sighting.part_id.in_(latest)).order_by(*newest).limit(EVENTS)
    return tuple(_happened(latest[part], *rest) for part, *rest in session.execute(wanted))


_HAPPENED = (Sighting.part_id, Sighting.batch_id, Sighting.position, Sighting.at)


def _happened(part: _Part, batch: int, position: int, at: datetime) -> Happened:
    return Happened(batch, position, at, part.release, part.installation, part.customer)


def _event(session: Session, parts: Sequence[_Part], wanted: tuple[int, int] | None) -> Happened | None:
    if wanted is None:
        return None
    here = select(*_HAPPENED).where(Sighting.batch_id == wanted[0], Sighting.position == wanted[1])
    of_it = {part.id: part for part in parts}
    return next((_happened(of_it[part], *rest) for part, *rest in session.execute(here) if part in of_it), None)


def _message(session: Session, one: Happened) -> tuple[str, str, int]:
    """The line of an event, the header of its batch, and its group."""
    same = and_(Sighting.batch_id == Message.batch_id, Sighting.position == Message.position)
    wanted = (
        select(Message.line, Batch.header, IssuePart.group_id)
        .join(Sighting, same)
        .join(Batch, Batch.id == Message.batch_id)
        .join(IssuePart, IssuePart.id == Sighting.part_id)
        .where(Message.batch_id == one.batch_id, Message.position == one.position)
    )
    line, header, group = session.execute(wanted).one()
    return line, header, group


def _shapes(session: Session, group: int) -> Mapping[str, list[tuple[str, int]]]:
    """Hole → shapes that were seen in it, the most frequent first."""
    total = func.sum(IssueShape.count)
    wanted = (
        select(IssueShape.slot, IssueShape.shape, total)
        .join(IssuePart, IssuePart.id == IssueShape.part_id)
        .where(IssuePart.group_id == group)
        .group_by(IssueShape.slot, IssueShape.shape)
        .order_by(total.desc(), IssueShape.shape)
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for slot, shape, count in session.execute(wanted):
        found.setdefault(slot, []).append((shape, int(count)))
    return found


def _chain(error_log: Mapping[str, Any], shapes: Mapping[str, Sequence[tuple[str, int]]]) -> tuple[Link, ...]:
    def hole(slot: str, shape: str) -> Piece:
        return Piece(HOLE, shape, tuple(shapes.get(slot, ())[:SHAPES]))

    made = []
    for n, link in enumerate(error_log["chain"]):
        code_text = link.get("code_text")
        if code_text is None:
            bare = tuple(hole(f"{n}.{m}", shape) for m, shape in enumerate(link["shapes"]))
            made.append(Link(link["type"], bare, has_words=False))
            continue
        pieces: list[Piece] = []
        for a, argument in enumerate(code_text["arguments"]):
            pieces += [Piece(", ")] if a else []
            pieces += [
                Piece(part) if isinstance(part, str) else hole(f"{n}.{a}.{m}", part[0])
                for m, part in enumerate(argument)
            ]
        made.append(Link(link["type"], tuple(pieces), has_words=True))
    return tuple(made)


def _hours(session: Session, number: int, now: datetime) -> Mapping[int, int]:
    """Events by hour, for as long as the graph of days goes back."""
    first = (int(now.timestamp()) // 86_400 - drawing.DAYS + 1) * 24
    wanted = (
        select(IssueHour.hour, func.sum(IssueHour.count))
        .join(IssuePart, IssuePart.id == IssueHour.part_id)
        .join(IssueGroup, IssueGroup.id == IssuePart.group_id)
        .where(IssueGroup.issue_id == number, IssueHour.hour >= first)
        .group_by(IssueHour.hour)
    )
    return {hour: int(count) for hour, count in session.execute(wanted)}


def _by_day(hours: Mapping[int, int]) -> Mapping[int, int]:
    days: Counter[int] = Counter()
    for hour, count in hours.items():
        days[hour // 24] += count
    return days


def _rows(parts: Iterable[_Part], name: Callable[[_Part], tuple[str, str]], other: Callable[[_Part], str]) -> list[Row]:
    """One row for each name (and customer), with the number of different others."""
    found: dict[tuple[str, str], list[_Part]] = {}
    for part in parts:
        found.setdefault(name(part), []).append(part)
    return [
        Row(
            *key,
            sum(part.count for part in mine),
            len({other(part) for part in mine}),
            min(part.first_at for part in mine),
            max(part.last_at for part in mine),
        )
        for key, mine in found.items()
    ]


def _releases(parts: Sequence[_Part]) -> tuple[Row, ...]:
    rows = _rows(parts, lambda part: (part.release, ""), lambda part: part.installation)
    return tuple(sorted(rows, key=lambda row: row.last_at, reverse=True)[:ROWS])


def _installations(parts: Sequence[_Part]) -> tuple[Row, ...]:
    rows = _rows(parts, lambda part: (part.installation, part.customer), lambda part: part.release)
    return tuple(sorted(rows, key=lambda row: (-row.count, row.name))[:ROWS])
