"""The counts over all projects: at start, then every hour.

Each count is made by the very query that the catalogue explains it with (`explain`), on a read-only connection with a
time limit. -1 says that it took too long, -2 that it failed.

With several workers only one reports: the one that holds the lock. When that one dies, another takes over.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from pathlib import Path

import event
from annotator import VERSION
from audit.catalogue import Catalogue

KIND = "annotator/totals"
EVERY_S = 60 * 60
BUDGET_S = 2.0
TIMED_OUT, FAILED = -1, -2
_STEPS_BETWEEN_LOOKS = 1000


def report_for_ever(database: Path, catalogue: Catalogue) -> None:
    """Start the thread that reports the totals now and every hour; it ends with the process."""
    threading.Thread(target=_report, args=(database, catalogue), name="totals", daemon=True).start()


def counted(database: Path, catalogue: Catalogue, budget_s: float = BUDGET_S) -> dict[str, int]:
    """Return each count of the catalogue's totals, made by its own query within `budget_s` seconds each."""
    fields = catalogue.of_kind(KIND).values()
    return {field.key: _count(database, field.explain, budget_s) for field in fields if field.explain}


def _report(database: Path, catalogue: Catalogue) -> None:
    with database.with_suffix(".totals-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        while True:
            event.new(KIND, release=VERSION, **counted(database, catalogue))
            time.sleep(EVERY_S)


def _count(database: Path, query: str, budget_s: float) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    until = time.monotonic() + budget_s
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
    try:
        return int(connection.execute(query).fetchone()[0] or 0)
    except sqlite3.Error as failed:
        if failed.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return TIMED_OUT
        event.error(failed)
        return FAILED
    finally:
        connection.close()
