"""What the page and the command show of reports: each reporter, its last numbers, its series, and how it is made.

The same numbers, by the same definitions, are what an answer to support holds; nothing here counts anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from diffgram_home import rules
from diffgram_home.home import Home
from diffgram_home.reports import keeping, timing
from diffgram_home.reports.keeping import Kept
from diffgram_home.reports.running import COUNTED, FAILED, TIMED_OUT
from support_routes.reporting import ROLES, Reporter

LONGEST = 800
OUTCOMES: Mapping[str, str] = {
    TIMED_OUT: "-1: the time for it was over before all was counted, so that there is no number",
    FAILED: "-2: it failed, or the database could not be asked, so that there is no number",
}
"""What the two numbers that are none mean."""
REASONS: Mapping[str, str] = {
    "timed-out": "the time was over",
    "unreachable": "the database could not be reached",
    "refused": "the database refused the query",
    "no-replica": "the address is not one of a replica, and [reports] asks for one",
    "columns": "the query has other columns than were declared",
    "rows": "the query has another number of rows than is possible",
    "bounds": "a number lay outside its declared bounds",
    "no-number": "a column had no whole number",
    "key": "the key column has no whole numbers",
    "killed": "the process that counted was ended",
}
"""Why there is no number, by the word that is kept; another word is the class of an exception."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number over time, of one `group` ("" for all): a value for each measurement, None where there is none."""

    key: str
    unit: str
    group: str
    values: tuple[int | None, ...]

    @property
    def last(self) -> int | None:
        """The last value, if the last measurement has one."""
        return self.values[-1] if self.values else None


@dataclass(frozen=True, slots=True)
class Report:
    """One reporter: what it says of itself, when it counts, and what it has counted since a moment."""

    name: str
    kind: str
    brief: str
    explain: str
    query: str
    key: str
    place: str
    version: str
    permission: tuple[str, ...]
    budget_ms: int
    every_hours: int
    mode: str
    off: str
    next_at: datetime
    since: datetime
    until: datetime
    measurements: tuple[Kept, ...]
    lines: tuple[Line, ...]

    @property
    def last(self) -> Kept | None:
        """The last measurement."""
        return self.measurements[-1] if self.measurements else None


def reports(home: Home, now: datetime, days: int, roles: Collection[str] = ROLES) -> tuple[Report, ...]:
    """Every reporter that somebody with these roles may look at, with the last `days` days; at most LONGEST."""
    since = now - timedelta(days=min(days, LONGEST))
    seen = (one for one in home.reporters if not set(one.permission).isdisjoint(roles))
    return tuple(report(home, one, since, now) for one in seen)


def report(home: Home, reporter: Reporter, since: datetime, now: datetime) -> Report:
    """One reporter with its measurements since then."""
    found = keeping.series(home, reporter, since)
    method = next((m for m in home.catalogue.methods if m.place == reporter.place), None)
    return Report(
        name=reporter.name,
        kind=reporter.answer,
        brief=home.catalogue.kinds[reporter.answer].brief,
        explain=reporter.explain,
        query=reporter.query(home.catalogue),
        key=reporter.key,
        place=reporter.place,
        version=method.version if method is not None else "",
        permission=reporter.permission,
        budget_ms=reporter.budget_ms,
        every_hours=reporter.every_hours,
        mode=rules.current(home, now).modes.of(reporter.answer).mode,
        off=keeping.why_off(home, reporter, now),
        next_at=timing.following(home.installation, reporter, now),
        since=since,
        until=now,
        measurements=found,
        lines=_lines(home, reporter, found),
    )


def _lines(home: Home, reporter: Reporter, found: Sequence[Kept]) -> tuple[Line, ...]:
    """For each count, a line for each group that was ever told, in the order of the catalogue's choices."""
    group = reporter.group(home.catalogue)
    told = {name for one in found for name in one.counts}
    order = [*group.params["choices"], "other"] if group is not None else [""]
    return tuple(
        Line(field.key, field.unit or field.type, name, tuple(_value(one, name, field.key) for one in found))
        for field in reporter.counts(home.catalogue)
        for name in order
        if name in told
    )


def _value(one: Kept, group: str, key: str) -> int | None:
    return one.counts[group][key] if one.outcome == COUNTED and group in one.counts else None
