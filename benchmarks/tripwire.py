"""What the tripwire costs: the same work in a process that is behind it and in one that is not, in turn.

The hook is called for whatever the interpreter announces. Measured are an announcement alone, the opening of a file
(announced), and a query to SQLite in memory (not announced). Each round is a forked process, since a hook stays.
"""

import json
import os
import sqlite3
import sys

from benchmarks._timing import Goals, Row, arguments, machine, number, per_call_us, table
from diffgram_home import tripwire

GOAL_FILE = 1.5
ANNOUNCED, FILE, QUERY = "an announcement that nobody minds", "opening and closing a file", "a query to SQLite"


def main() -> int:
    """Print the table; exit with 1 when the goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    print(machine("flask"))
    rounds, count = (2, 100) if goals.quick else (15, 5_000)
    found = [(_round(False, count), _round(True, count)) for _ in range(rounds)]
    rows = {}
    for name in (ANNOUNCED, FILE, QUERY):
        bare, behind = (Row.of(name, [pair[i][name] for pair in found]) for i in (0, 1))
        rows[name] = (bare, behind)
    shown = [[name, number(b.value), number(a.value), number(a.times(b))] for name, (b, a) in rows.items()]
    print(table("Behind the tripwire", ("", "µs without", "µs with", "times"), shown))
    goals.hold(f"{FILE}, times without", rows[FILE][1].times(rows[FILE][0]), GOAL_FILE, at_most=True)
    return goals.end()


def _round(armed: bool, count: int) -> dict[str, float]:
    """Median microseconds of each, in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if armed:
            tripwire.arm("command")
        database = sqlite3.connect(":memory:")
        calls = {
            ANNOUNCED: lambda: sys.audit("benchmark"),
            FILE: lambda: os.close(os.open(os.devnull, os.O_RDONLY)),
            QUERY: lambda: database.execute("SELECT 1").fetchone(),
        }
        measured = per_call_us(calls, 1, count, at_once=10)
        os.write(writing, json.dumps({name: row.value for name, row in measured.items()}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        found: dict[str, float] = json.loads(answer.read())
    os.waitpid(pid, 0)
    return found


if __name__ == "__main__":
    sys.exit(main())
