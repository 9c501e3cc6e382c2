"""The time series of reports: counted when due, kept here, pruned by age, and what support's answer would be.

Rules:
- A reporter runs only while its kind is not off, and while none of its counts is switched off: off means not counted.
- One run at a time on this machine, under a lock. It is written down before it begins; one that never ended, since its
  process was killed, is found by the next and told as failed.
- What is kept is what could leave, after small groups are withheld: exact numbers of theirs are nowhere.
- An answer is the last measurement that was kept, never a new one: nobody outside chooses the moment of counting, and
  two questions in a row have no difference. It is of the definition and of the switch position of today, or it is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audit.modes import Switch
from audit.types import instant_text
from diffgram_home import locks, rules
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import Measurement
from diffgram_home.reports import running, timing
from diffgram_home.reports.running import COUNTED, FAILED, TIMED_OUT
from support_routes import Routes, reporting
from support_routes.aggregates import Aggregate, Numbers
from support_routes.reporting import AT, TOOK_MS, Reporter

LOCK = "reports.lock"
RUNNING, KILLED = "running", "killed"
SENTINELS: Mapping[str, int] = {TIMED_OUT: -1, FAILED: -2}
KEPT_FOR = timedelta(days=800)
_WAIT_S = 5.0


class ReportError(HomeError):
    """A report that cannot be made: unknown, switched off, or another one under way."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One measurement of a reporter as it is kept; `counts` is by group, "" where there are none."""

    name: str
    at: datetime
    outcome: str
    reason: str
    took_ms: int
    ranges: int
    counts: Mapping[str, Numbers]
    withheld: tuple[str, ...]


def attend(home: Home, now: datetime) -> int:
    """Count every reporter that is due; returns how many were. Raises StoreError. For the scheduler, every minute."""
    due = [one for one in home.reporters if _is_due(home, one, now)]
    if not due or home.settings.reports is None:
        return 0
    with locks.alone(home.settings.folder / LOCK) as held:
        for one in due if held else ():
            _measure(home, one, now)
    return len(due) if held else 0


def count(home: Home, reporter: Reporter, now: datetime) -> Kept:
    """Count one reporter now, because somebody here asks. Raises ReportError, StoreError."""
    if off := why_off(home, reporter, now):
        raise ReportError("report-off", f"reporter '{reporter.name}' is not counted: {off}", "switch it on to count")
    with locks.alone(home.settings.folder / LOCK, wait_s=_WAIT_S) as held:
        if not held:
            raise ReportError("report-busy", "another report is being counted", "try again when it has ended")
        return _measure(home, reporter, now)


def why_off(home: Home, reporter: Reporter, now: datetime) -> str:
    """Why a reporter is not counted, in words; nothing where it is."""
    if home.settings.reports is None:
        return "[reports] names no database"
    holding = rules.current(home, now)
    if holding.modes.of(reporter.answer).mode == "off":
        return f"'{reporter.answer}' is off"
    off = [field.name for field in reporter.counts(home.catalogue) if field.name in holding.consent.off]
    return f"field '{off[0]}' is off" if off else ""


def series(home: Home, reporter: Reporter, since: datetime) -> tuple[Kept, ...]:
    """What was measured since then by the definition of today, oldest first; runs under way are left out."""
    wanted = _of(home, reporter).where(Measurement.at >= since, Measurement.outcome != RUNNING)
    with home.store.read() as session:
        return tuple(map(_kept, session.scalars(wanted.order_by(Measurement.at, Measurement.id))))


def answer(home: Home, name: str, now: datetime) -> list[dict[str, Any]]:
    """The last measurement of a reporter as messages of its kind, one for each group; none while it may not leave.

    Raises ReportError for a name that is no reporter's.
    """
    reporter = next((one for one in home.reporters if one.name == name), None)
    if reporter is None:
        raise ReportError("report-unknown", f"there is no reporter '{name}'", "'diffgram-home report' lists them")
    switch = rules.current(home, now).modes.of(reporter.answer)
    if switch.mode != "on":
        return []
    wanted = _of(home, reporter).where(Measurement.outcome != RUNNING, Measurement.generation == switch.generation)
    with home.store.read() as session:
        row = session.scalar(wanted.order_by(Measurement.id.desc()).limit(1))
        return list(messages(home, reporter, _kept(row))) if row is not None else []


def add_routes(home: Home, routes: Routes) -> None:
    """Make each reporter a named support route. Raises SupportRouteError for a name that is taken."""
    for one in home.reporters:
        routes.add(reporting.as_route(one))


def makers(home: Home) -> dict[str, Callable[[], Any]]:
    """The resource that these routes read, for whoever asks them."""
    return {reporting.RESOURCE: lambda: lambda name, now: answer(home, name, now)}


def messages(home: Home, reporter: Reporter, kept: Kept) -> Iterator[dict[str, Any]]:
    """What a measurement would tell: a message for each group, or one with -1 or -2 where there is no number."""
    declared = home.catalogue.of_kind(reporter.answer)
    moment = instant_text(kept.at, declared[AT].params["precision"])
    took = {TOOK_MS: kept.took_ms} if TOOK_MS in declared else {}
    group = reporter.group(home.catalogue)
    for name, numbers in _told(home, reporter, kept).items():
        named = {group.key: name} if group is not None and name else {}
        yield {"kind": reporter.answer, AT: moment, **named, **numbers, **took}


def _told(home: Home, reporter: Reporter, kept: Kept) -> Mapping[str, Numbers]:
    if kept.outcome == COUNTED:
        return kept.counts
    return {"": {field.key: SENTINELS[kept.outcome] for field in reporter.counts(home.catalogue)}}


def prune(session: Session, now: datetime) -> None:
    """Let go of old measurements."""
    session.execute(delete(Measurement).where(Measurement.at < now - KEPT_FOR))


def definition(home: Home, reporter: Reporter) -> str:
    """The SHA-256 over the definitions of a reporter's counts and groups: another query is another series."""
    fields = [*reporter.counts(home.catalogue), *filter(None, (reporter.group(home.catalogue),))]
    return sha256("".join(sorted(field.hash for field in fields)).encode()).hexdigest()


def _is_due(home: Home, reporter: Reporter, now: datetime) -> bool:
    if why_off(home, reporter, now):
        return False
    with home.store.read() as session:
        last = session.scalar(_of(home, reporter).order_by(Measurement.id.desc()).limit(1))
    return timing.is_due(home.installation, reporter, last.at if last is not None else None, now)


def _measure(home: Home, reporter: Reporter, now: datetime) -> Kept:
    """Write down that it begins, count, and write down how it ended. Only under the lock."""
    assert home.settings.reports is not None  # noqa: S101 (both callers have looked)
    switch = rules.current(home, now).modes.of(reporter.answer)
    with home.store.write() as session:
        session.execute(update(Measurement).where(Measurement.outcome == RUNNING).values(outcome=FAILED, reason=KILLED))
        last = _of(home, reporter).where(Measurement.outcome == COUNTED).order_by(Measurement.id.desc()).limit(1)
        before = session.scalar(last)
        row = _begun(home, reporter, switch, now)
        session.add(row)
        session.flush()
        number = row.id
    source, smallest = home.settings.reports.source, home.settings.reports.smallest_group
    ended = running.run(reporter, home.catalogue, source, smallest, _kept(before).withheld if before else ())
    with home.store.write() as session:
        found = session.get_one(Measurement, number)
        found.outcome, found.reason = ended.outcome, ended.reason[:40]
        found.took_ms, found.ranges, found.data = ended.took_ms, ended.ranges, _data(ended.found)
        return _kept(found)


def _begun(home: Home, reporter: Reporter, switch: Switch, now: datetime) -> Measurement:
    return Measurement(
        name=reporter.name,
        definition=definition(home, reporter),
        generation=switch.generation,
        at=now,
        outcome=RUNNING,
        reason="",
        took_ms=0,
        ranges=0,
        data=_data(Aggregate({})),
    )


def _of(home: Home, reporter: Reporter) -> Any:
    same = Measurement.name == reporter.name, Measurement.definition == definition(home, reporter)
    return select(Measurement).where(*same)


def _data(found: Aggregate) -> str:
    return json.dumps({"counts": found.counts, "withheld": found.withheld}, sort_keys=True)


def _kept(row: Measurement) -> Kept:
    data = json.loads(row.data)
    counted = data["counts"], tuple(data["withheld"])
    return Kept(row.name, row.at, row.outcome, row.reason, row.took_ms, row.ranges, *counted)
