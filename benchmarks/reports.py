"""Aggregate reports on PostgreSQL: a table of ten million rows, counted within its budget, beside a writer.

The reporter is run as the scheduler runs it, range by range; beside it one bare `SELECT count(*)` on one process of the
server. Meanwhile a program of its own updates single rows, each in a transaction, and notes how long each one takes:
in turns for the same time with no reporter, with the reporter, and with a bare count. A budget that is too small has
to end in -1 soon after it. `synchronous_commit` is off, so that the writer waits for locks and processors, not disks.
"""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing import Event, Process, Queue
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy import text as sql

from benchmarks._timing import Goals, arguments, machine, table
from diffgram_home.reports import running
from diffgram_home.settings import Source
from tests.postgres import cluster
from tests.reports import places

ROWS, BUDGET_MS, ROUNDS = 10_000_000, 20_000, 5
SMALL_BUDGET_MS = 200
GOAL_WAITING, GOAL_OVER = 1.5, 2.0


def main() -> int:
    """Print the tables; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    rows, rounds = (20_000, 1) if goals.quick else (ROWS, ROUNDS)
    print(machine("sqlalchemy", "psycopg"))
    with cluster() as server:
        url = server.make_database()
        _fill(url, rows)
        with _writing(url, rows) as waits:
            measured = [_round(url, waits) for _ in range(rounds)]
        small = _report(url, SMALL_BUDGET_MS if not goals.quick else 10)
    _print(measured, rows)
    took = [one["reporter"][0] for one in measured]
    goals.hold("a report over the table, slowest", max(took), BUDGET_MS, " ms", at_most=True)
    for what, at in (("99 of 100", 1), ("worst", 2)):
        ratio = statistics.median(one["reporter"][at] / one["nothing"][at] for one in measured)
        goals.hold(f"a writer's waiting beside a report, {what}, times without", ratio, GOAL_WAITING, at_most=True)
    over = small.took_ms / SMALL_BUDGET_MS
    goals.hold(f"a budget of {SMALL_BUDGET_MS} ms ends as {small.outcome}, times it", over, GOAL_OVER, at_most=True)
    return goals.end()


def _report(url: str, budget_ms: int = BUDGET_MS) -> running.Ended:
    return running.run(places.orders(budget_ms=budget_ms), places.read(places.listed()), Source(url))


def _round(url: str, waits: Callable[[], list[float]]) -> dict[str, tuple[float, float, float, int]]:
    """Of each thing: how long it took, the writer's 99th percentile and worst wait meanwhile (ms), and its ranges."""
    found = {}
    waits()
    began = time.monotonic()
    ended = _report(url)
    took_s = time.monotonic() - began
    assert ended.outcome == running.COUNTED, ended
    found["reporter"] = (took_s * 1000, *_spread(waits()), ended.ranges)
    time.sleep(max(took_s, 1))
    found["nothing"] = (max(took_s, 1) * 1000, *_spread(waits()), 0)
    began = time.monotonic()
    _bare(url)
    found["bare count"] = ((time.monotonic() - began) * 1000, *_spread(waits()), 1)
    return found


def _spread(waits: list[float]) -> tuple[float, float]:
    return statistics.quantiles(waits, n=100)[98], max(waits)


def _bare(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql("SET LOCAL max_parallel_workers_per_gather = 0"))
        connection.execute(sql("SELECT count(*) FROM orders")).scalar()
    engine.dispose()


def _fill(url: str, rows: int) -> None:
    engine = create_engine(url)
    places.Base.metadata.create_all(engine)
    with engine.begin() as connection:
        made = "INSERT INTO orders (id, state, customer) SELECT n, 'open', 'somebody' FROM generate_series(1, :rows) n"
        connection.execute(sql(made), {"rows": rows})
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sql("VACUUM ANALYZE orders"))
    engine.dispose()


@contextmanager
def _writing(url: str, rows: int):
    """A process that writes all the time; yields what gives the waits (ms) since it was last asked."""
    stop, noted = Event(), Queue()
    writer = Process(target=_write, args=(url, rows, stop, noted))
    writer.start()

    def waits() -> list[float]:
        found = list(noted.get(timeout=60))
        while not noted.empty():
            found += noted.get()
        return found

    try:
        yield waits
    finally:
        stop.set()
        while writer.is_alive():
            while not noted.empty():
                noted.get()
            writer.join(0.05)


def _write(url: str, rows: int, stop: Any, noted: Any) -> None:
    """Update single rows far from each other; hand over the waits of each quarter of a second."""
    engine = create_engine(url)
    number, waits, since = 1, [], time.monotonic()
    with engine.connect() as connection:
        connection.execute(sql("SET synchronous_commit = off"))
        connection.commit()
        while not stop.is_set():
            number = (number * 48_271) % 2_147_483_647
            began = time.perf_counter()
            connection.execute(sql("UPDATE orders SET state = 'paid' WHERE id = :id"), {"id": 1 + number % rows})
            connection.commit()
            waits.append((time.perf_counter() - began) * 1000)
            if time.monotonic() - since > 0.25:
                noted.put(waits)
                waits, since = [], time.monotonic()
    engine.dispose()


def _print(measured: list[dict[str, tuple[float, float, float, int]]], rows: int) -> None:
    lines = []
    for what in ("nothing", "reporter", "bare count"):
        took, often, worst, ranges = (statistics.median(one[what][at] for one in measured) for at in range(4))
        shown = [f"{took:,.0f}" if what != "nothing" else "", f"{often:.2f}", f"{worst:.1f}", f"{ranges:.0f}"]
        lines.append([what, *shown])
    head = ["beside the writer", "took ms", "its wait ms, 99 of 100", "worst ms", "queries"]
    print(table(f"{rows:,} rows on PostgreSQL, medians of {len(measured)} rounds", head, lines))


if __name__ == "__main__":
    sys.exit(main())
