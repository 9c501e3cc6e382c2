"""Runs one reporter: its query once, or range by range of its key, until there are numbers or a reason why not.

Ranges are sized so that each takes about RANGE_MS: they grow where rows are few or quick, and shrink where not. Each
is a transaction of its own, so that no old snapshot keeps the database from cleaning up, and no lock lasts. What comes
out is therefore no picture of one moment: rows that come or go meanwhile may be counted or not. Half a count is none.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from audit.catalogue import Catalogue
from diffgram_home.reports import database
from diffgram_home.reports.database import Reading
from diffgram_home.settings import Source
from support_routes import aggregates
from support_routes.aggregates import Aggregate, NoNumber, Numbers, Shape
from support_routes.reporting import Reporter

RANGE_MS = 50
FIRST_RANGE, LONGEST_RANGE = 10_000, 2**62
COUNTED, TIMED_OUT, FAILED = "counted", "timed-out", "failed"
"""How it ended; the second is told as -1, the third as -2 (design 4)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run ended. `reason` is a word of ours where there is no number; `ranges` is how many were counted."""

    outcome: str
    reason: str
    took_ms: int
    ranges: int
    found: Aggregate


def run(
    reporter: Reporter,
    catalogue: Catalogue,
    source: Source,
    smallest: int = aggregates.SMALLEST_GROUP,
    before: Collection[str] = (),
) -> Ended:
    """Count once, within the reporter's budget. `before` are the groups withheld the last time. Raises nothing."""
    began = time.monotonic()
    wanted = aggregates.shape(reporter, catalogue)
    sums: dict[str, Numbers] = {}
    ranges = 0
    try:
        with database.reading(source.url, source.replica, reporter.budget_ms) as opened:
            ranges = _count(opened, reporter, reporter.query(catalogue), wanted, sums)
        found, outcome, reason = aggregates.settled(sums, wanted, smallest, before), COUNTED, ""
    except NoNumber as no:
        found, reason = Aggregate({}), no.reason
        outcome = TIMED_OUT if reason == database.TIMED_OUT else FAILED
    except Exception as error:  # whatever it was: its words may quote the database, its class does not
        found, outcome, reason = Aggregate({}), FAILED, type(error).__name__
    return Ended(outcome, reason, int((time.monotonic() - began) * 1000), ranges, found)


def _count(opened: Reading, reporter: Reporter, query: str, wanted: Shape, sums: dict[str, Numbers]) -> int:
    if not reporter.key:
        found = opened.rows(query, {})
        aggregates.add(sums, wanted, found.columns, found.rows)
        return 1
    low, high = opened.pair(database.key_range(reporter.key))
    after, step, ranges = low - 1, FIRST_RANGE, 0
    while ranges == 0 or after < high:
        began = time.monotonic()
        upto = min(after + step, high)
        found = opened.rows(query, {"after": after, "upto": upto})
        aggregates.add(sums, wanted, found.columns, found.rows)
        after, ranges = upto, ranges + 1
        step = _next(step, (time.monotonic() - began) * 1000)
    return ranges


def _next(step: int, took_ms: float) -> int:
    """Twice as many keys where a range took less than half its time, half as many where it took twice as much."""
    if took_ms < RANGE_MS / 2:
        return min(step * 2, LONGEST_RANGE)
    return max(step // 2, 1) if took_ms > RANGE_MS * 2 else step
