"""What the page and the command show of sessions: the stored counts, summed over a period, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from diffgram_home import ways
from diffgram_home.browser import counts, day_key, memory
from diffgram_home.browser.groups import CLASSES, SMALLEST, Row
from diffgram_home.browser.session import KIND
from diffgram_home.home import Home
from diffgram_home.models import Tally

LONGEST = 366


@dataclass(frozen=True, slots=True)
class Class:
    """The counts of a period by one class, most sessions first."""

    by: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """What a number of days counted, the last of them today's so far."""

    days: tuple[counts.Day, ...]
    sessions: int
    errored: int
    programs: int
    programs_errored: int
    classes: tuple[Class, ...]
    releases: tuple[Row, ...]
    not_counted: tuple[tuple[str, int], ...]
    smallest: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the key of the day can be: whether sessions are `wanted`, a memory file system is `there`, `old_keys`."""

    wanted: bool
    there: bool
    old_keys: tuple[str, ...]


def in_memory(home: Home, now: datetime) -> Memory:
    """How things stand with the memory file system; makes nothing. A key may stay a minute past midnight."""
    folder = memory.existing(home.installation)
    days = day_key.keys(folder) if folder is not None else ()
    recent = {day_key.day_of(now), day_key.day_of(now - timedelta(minutes=1))}
    wanted = ways.way(home, "browser").collects(KIND)
    return Memory(wanted, memory.available(), tuple(day for day in days if day not in recent))


def period(home: Home, now: datetime, days: int) -> Period:
    """The last `days` days until that of `now`, at most LONGEST."""
    found = counts.days(home, now, min(days, LONGEST))
    return Period(
        days=found,
        sessions=sum(day.sessions for day in found),
        errored=sum(day.errored for day in found),
        programs=sum(day.programs for day in found),
        programs_errored=sum(day.programs_errored for day in found),
        classes=tuple(Class(by, _summed(found, by)) for by in CLASSES),
        releases=counts.releases(home, now, len(found)),
        not_counted=_not_counted(home, found[0].day),
        smallest=SMALLEST,
    )


def _summed(days: Sequence[counts.Day], by: str) -> tuple[Row, ...]:
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for row in (row for day in days for row in day.rows if row.by == by):
        sessions, errored = sums.get((row.value, row.major), (0, 0))
        sums[row.value, row.major] = sessions + row.sessions, errored + row.errored
    found = (Row("", by, value, major, n, e) for (value, major), (n, e) in sums.items())
    return tuple(sorted(found, key=lambda row: (-row.sessions, row.value, row.major)))


def _not_counted(home: Home, first: str) -> tuple[tuple[str, int], ...]:
    """Requests that counted as no session, by the word of the reason."""
    counted = func.sum(Tally.count)
    wanted = select(Tally.path, counted).where(Tally.day >= first, Tally.path.startswith(f"{KIND}."))
    with home.store.read() as session:
        rows = session.execute(wanted.group_by(Tally.path).order_by(counted.desc()))
        return tuple((path.removeprefix(f"{KIND}."), int(n)) for path, n in rows)
