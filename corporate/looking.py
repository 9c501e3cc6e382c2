"""What a person looks at of all that is held about an installation: its rows, page by page, and its days as a picture.

Leaves to others: counting and the file (holdings), what people did (acts). Rules: a row is shown as the file has it,
but for texts that are too long for a page, which are cut and say so; pages go by key, so that each costs the same;
the picture is geometry only, in attributes, since the policy of the pages allows no styles.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Table, case, cast, func, select, tuple_

from corporate import holdings
from corporate.database import EVERYBODY, Store
from corporate.models import Base, Batch, Kind

PAGE = 50
DAYS = 60
MOST_CHARACTERS = 600
"""Of one text on a page; the file has it whole."""
HEIGHT, STEP, BAR = 64, 12, 9
_LOWEST = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a table: each row as one line of JSON, and the key that the next page begins after, or None."""

    table: str
    about: str
    lines: tuple[str, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: batches that arrived and are here, those whose content was deleted since, and what is here."""

    day: date
    here: int = 0
    gone: int = 0
    messages: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the picture: `what` is "here" or "gone"."""

    x: int
    y: int
    height: int
    what: str


def rows(store: Store, installation: str, name: str, after: str | None) -> Rows | None:
    """The rows of the table `name` about `installation` beyond the key `after`; None for a table without any."""
    if name not in holdings.ABOUT:
        return None
    table = Base.metadata.tables[name]
    key = tuple(table.primary_key)
    wanted = select(table).where(holdings.about(table, installation)).order_by(*key).limit(PAGE)
    begin = _key(table, after)
    if begin is not None:
        wanted = wanted.where(tuple_(*key) > tuple_(*begin))
    with store.reading(EVERYBODY) as session:
        found = session.execute(wanted).mappings().all()
        kinds = {one.id: one.name for one in session.execute(select(Kind)).scalars()} if name == "message" else {}
        lines = tuple(_line(holdings.plain(table, row, kinds)) for row in found)
    more = json.dumps([found[-1][column.name] for column in key]) if len(found) == PAGE else None
    return Rows(name, holdings.ABOUT[name], lines, more)


def days(store: Store, installation: str, now: datetime) -> tuple[Day, ...]:
    """The last DAYS days, oldest first, those without a batch too."""
    last = now.astimezone(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    at = cast(func.timezone("UTC", Batch.received_at), Date) if store.is_postgresql else func.date(Batch.received_at)
    here = Batch.deleted_at.is_(None)
    sums = (func.sum(case((here, what), else_=0)) for what in (1, Batch.messages, Batch.size_bytes))
    wanted = select(at, func.count(), *sums).where(
        Batch.installation_id == installation,
        Batch.received_at >= datetime(first.year, first.month, first.day, tzinfo=UTC),
    )
    with store.reading(EVERYBODY) as session:
        found = {str(day): tuple(map(int, counts)) for day, *counts in session.execute(wanted.group_by(at))}
    every = (first + timedelta(days=n) for n in range(DAYS))
    return tuple(_day(day, found.get(day.isoformat())) for day in every)


def bars(shown: Sequence[Day]) -> tuple[Bar, ...]:
    """Stacked bars, oldest day first: batches that are here below, those whose content was deleted above."""
    most = max((day.here + day.gone for day in shown), default=0)
    drawn: list[Bar] = []
    for column, day in enumerate(shown):
        floor = HEIGHT - 1
        for number, what in ((day.here, "here"), (day.gone, "gone")):
            if number:
                height = max(_LOWEST, round(number / most * (HEIGHT - 4)))
                floor -= height
                drawn.append(Bar(column * STEP + 1, floor, height, what))
    return tuple(drawn)


def _day(day: date, counts: tuple[int, ...] | None) -> Day:
    if counts is None:
        return Day(day)
    every, here, messages, size_bytes = counts
    return Day(day, here, every - here, messages, size_bytes)


def _key(table: Table, text: str | None) -> list[Any] | None:
    """The key in an address, if it is one of this table's; anybody may have changed it since we wrote it."""
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    types = [column.type.python_type for column in table.primary_key]
    if not isinstance(found, list) or [type(value) for value in found] != types:
        return None
    return None if any(isinstance(value, int) and not 0 <= value < 2**63 for value in found) else found


def _line(values: Mapping[str, Any]) -> str:
    shown = {name: _cut(value) for name, value in values.items()}
    return json.dumps(shown, ensure_ascii=False, sort_keys=True)


def _cut(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= MOST_CHARACTERS:
        return value
    return f"{value[:MOST_CHARACTERS]} … {len(value):,} characters in the file"
