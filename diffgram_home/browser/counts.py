"""The counts of sessions that are kept: taken from the day's table, shown on the page, told when the day is over.

`gather` is a stage of the scheduler. While a day lasts it writes down what the table on the memory file system counts
so far (a machine that loses its power loses no more than a minute of it; the next table of the day has another `run`,
and the sums are added). When the day is over it counts a last time, removes table and key, and hands each count to the
collector as a message `home/session`.

Rules: with the kind off, nothing is kept and what is there goes at once. A day is told at most once: it is marked
first, so that a crash in between loses a day's message and never doubles it. What is stored is what leaves: small
groups are folded before they reach the database (`groups`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from diffgram_home import ways
from diffgram_home.browser import day_key, memory, seen
from diffgram_home.browser.groups import ALL, BROWSER, CLASSES, PROGRAM, Row, rows
from diffgram_home.browser.session import KIND
from diffgram_home.home import Home
from diffgram_home.models import SessionCount
from event.ways import Way

WRITTEN_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(days=800)
_WRITTEN = "sessions-written"


@dataclass(frozen=True, slots=True)
class Day:
    """The counts of one UTC day; `over` once they are final. `rows` are summed over releases and runs."""

    day: str
    sessions: int
    errored: int
    programs: int
    programs_errored: int
    rows: tuple[Row, ...]


def gather(home: Home, now: datetime) -> None:
    """Write down what was counted, and end the days that are over. Raises StoreError, OSError, sqlite3.Error."""
    way, folder = ways.way(home, "browser"), memory.existing(home.installation)
    if folder is not None and not way.collects(KIND):
        _let_go(folder)
    elif folder is not None:
        _take(home, folder, now)
    _tell(home, way, day_key.day_of(now))


def days(home: Home, now: datetime, count: int = 30) -> tuple[Day, ...]:
    """The last days until that of `now`, oldest first, also those on which nothing was counted."""
    first = now - timedelta(days=count - 1)
    wanted = [day_key.day_of(first + timedelta(days=n)) for n in range(count)]
    with home.store.read() as session:
        by_day = _summed(session, wanted[0])
    return tuple(_day(day, by_day.get(day, ())) for day in wanted)


def releases(home: Home, now: datetime, count: int = 30) -> tuple[Row, ...]:
    """Sessions of the last days by release, most first; the release is empty where pages did not say it."""
    first = day_key.day_of(now - timedelta(days=count - 1))
    c, sums = SessionCount, (func.sum(SessionCount.sessions), func.sum(SessionCount.errored))
    wanted = select(c.release, *sums).where(c.day >= first, c.by == ALL).group_by(c.release).order_by(sums[0].desc())
    with home.store.read() as session:
        return tuple(Row(release, ALL, "", 0, int(n), int(e)) for release, n, e in session.execute(wanted))


def values(day: str, row: Row) -> dict[str, Any]:
    """The message of one count; `event` reduces each value by its declared type."""
    told: dict[str, Any] = {
        "day": date.fromisoformat(day),
        "counted": "programs" if row.by == PROGRAM else "browsers",
        "sessions": row.sessions,
        "errored": row.errored,
    }
    if row.release:
        told["release"] = row.release
    if row.by in CLASSES:
        told[row.by] = row.value
    if row.by == BROWSER and row.major:
        told["major"] = str(row.major)
    return told


def prune(session: Session, now: datetime) -> None:
    """Let go of counts that are older than others are kept."""
    session.execute(delete(SessionCount).where(SessionCount.day < day_key.day_of(now - KEPT_FOR)))


def _let_go(folder: Path) -> None:
    for day in seen.days(folder):
        seen.drop(folder, day)
    day_key.remove_others(folder, "")


def _take(home: Home, folder: Path, now: datetime) -> None:
    today = day_key.day_of(now)
    day_key.remove_others(folder, today)
    for day in seen.days(folder):
        if day >= today and not _due(home, now):
            continue
        found = seen.grouped(folder, day)
        if found is not None:
            with home.store.write() as session:
                _write(session, day, found.run, rows(found))
        if day < today:
            seen.drop(folder, day)


def _due(home: Home, now: datetime) -> bool:
    """Whether today is to be written down again: once a minute, since it costs a look at every session."""
    last = home.cache.get(_WRITTEN)
    if last is not None and last <= now < last + WRITTEN_EVERY:
        return False
    home.cache[_WRITTEN] = now
    return True


def _write(session: Session, day: str, run: str, found: Iterable[Row]) -> None:
    session.execute(delete(SessionCount).where(SessionCount.day == day, SessionCount.run == run))
    for row in found:
        session.add(
            SessionCount(
                day=day,
                run=run,
                release=row.release,
                by=row.by,
                value=row.value,
                major=row.major,
                sessions=row.sessions,
                errored=row.errored,
                told=False,
            )
        )


def _tell(home: Home, way: Way, today: str) -> None:
    """Hand the counts of the days that are over, and were not told yet, to the collector."""
    untold = SessionCount.told.is_(False) & (SessionCount.day < today)
    with home.store.read() as session:
        if not session.scalar(select(func.count()).select_from(SessionCount).where(untold)):
            return
    with home.store.write() as session:
        waiting = [day for (day,) in session.execute(select(SessionCount.day).where(untold).distinct())]
        session.execute(update(SessionCount).where(untold).values(told=True))
        found = {day: _summed(session, day, apart=True).get(day, ()) for day in sorted(waiting)}
    for day, counts in found.items():
        for row in counts:
            way.new(KIND, values(day, row))


def _summed(session: Session, first: str, *, apart: bool = False) -> Mapping[str, tuple[Row, ...]]:
    """The counts since a day, added over runs, and over releases unless they are to stay `apart`."""
    c = SessionCount
    keys = (c.day, *((c.release,) if apart else ()), c.by, c.value, c.major)
    sums = func.sum(c.sessions), func.sum(c.errored)
    wanted = select(*keys, *sums).where(c.day >= first).group_by(*keys).order_by(*keys)
    by_day: dict[str, list[Row]] = defaultdict(list)
    for day, *key, sessions, errored in session.execute(wanted):
        release, by, value, major = key if apart else ("", *key)
        by_day[day].append(Row(release, by, value, major, int(sessions), int(errored)))
    return {day: tuple(found) for day, found in by_day.items()}


def _day(day: str, found: Iterable[Row]) -> Day:
    sums = {row.by: (row.sessions, row.errored) for row in found if row.by in (ALL, PROGRAM)}
    return Day(day, *sums.get(ALL, (0, 0)), *sums.get(PROGRAM, (0, 0)), tuple(r for r in found if r.by in CLASSES))
