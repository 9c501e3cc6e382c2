"""How long the installation's pages Issues and Sessions take with 100,000 errors and a month of sessions.

100,000 errors of 400 faults in blocks of 500 over the last 23 days are taken in as products tell them, and sessions of
24 days, 6 releases and all classes stand in their table. The pages are asked in this process, by somebody signed in: no
network, everything else real. Each page is asked some times; median and slowest are shown. Goal: within 200 ms.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text

from audit.types import instant_text
from benchmarks._timing import Goals, arguments, machine, number
from benchmarks.issues import FAULTS, GOAL_S, RELEASES, _fault, _line
from diffgram_home import intake, people
from diffgram_home.app import create_app
from diffgram_home.home import Home
from diffgram_home.models import Issue, SessionCount
from tests import postgres
from tests.store import building

EVENTS, BATCH, DAYS = 100_000, 500, 24
PASSWORD = "correct horse battery staple"  # noqa: S105  of nobody
CLASSES = {
    "browser": ("chrome", "firefox", "safari", "edge", "other"),
    "system": ("windows", "macos", "linux", "android", "ios", "other"),
    "device": ("desktop", "phone", "tablet"),
    "viewport": ("<576", "<992", "<1440", "<3840"),
}
PAGES = {
    "issues": "/issues",
    "issues, a word": "/issues?search=project",
    "issues, the third page": "/issues?skip=100",
    "the issue with most messages": "/issues/{largest}",
    "sessions, 7 days": "/sessions",
    "sessions, 24 days": "/sessions?days=24",
}


def main() -> int:
    """Print the tables; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    events, rounds = (2_000, 3) if goals.quick else (EVENTS, 15)
    print(machine("flask", "sqlalchemy", "psycopg"))
    with tempfile.TemporaryDirectory() as name, postgres.cluster() as cluster:
        for kind, url in (("SQLite", ""), ("PostgreSQL", cluster.make_database())):
            home = building.build(Path(name) / kind, mode="local", more='browser = "local"\n', database=url)
            rate = load(home, events)
            times = dict(_timed(home, rounds))
            home.close()
            print(f"\n{kind}: {number(events)} errors taken in at {number(rate)}/s")
            goals.pages(kind, f"The installation's pages on {kind}, ms", times, GOAL_S)
    return goals.end()


def load(home: Home, events: int, seed: int = 1) -> float:
    """Take in `events` errors and write sessions; errors a second."""
    chance, now = random.Random(seed), datetime.now(UTC)
    faults = [list(_fault(chance, n)) for n in range(FAULTS)]
    weights = [1 / (n + 1) for n in range(FAULTS)]
    switch = building.word(home, "home/error")
    passed_s = 0.0
    for first in range(0, events, BATCH):
        at = now - timedelta(days=DAYS - 1) * (1 - first / events)
        found = chance.choices(faults, weights, k=min(BATCH, events - first))
        data = b"".join(building.frame(_message(chance, fault, at), switch) for fault in found)
        building.spool_bytes(home, data)
        begin = perf_counter()
        intake.take(home, at)
        passed_s += perf_counter() - begin
    _sessions(home, chance, now)
    if not home.store.is_sqlite:
        with home.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return events / passed_s


def _message(chance: random.Random, fault: list[Any], at: datetime) -> dict[str, Any]:
    return {**msgspec.json.decode(_line(chance, fault, at)), "at": instant_text(at, "second")}


def _sessions(home: Home, chance: random.Random, now: datetime) -> None:
    rows = []
    for day in range(DAYS):
        shown = (now - timedelta(days=day)).date().isoformat()
        for release in range(RELEASES):
            named = {"day": shown, "run": f"{day:016x}", "release": f"1.{release}.0", "told": day > 0}
            rows.append({**named, "by": "all", "value": "", "major": 0, **_numbers(chance)})
            rows += [
                {**named, "by": by, "value": value, "major": major, **_numbers(chance)}
                for by, values in CLASSES.items()
                for value in values
                for major in (range(120, 132) if by == "browser" else (0,))
            ]
    with home.store.write() as session:
        session.execute(insert(SessionCount), rows)


def _numbers(chance: random.Random) -> dict[str, int]:
    sessions = chance.randrange(5, 4_000)
    return {"sessions": sessions, "errored": chance.randrange(sessions // 5 + 1)}


def signed_in(home: Home) -> FlaskClient:
    """Somebody who may look at the pages."""
    now = datetime.now(UTC)
    people.add(home, "looking", PASSWORD, ["viewer"], "os:0", now)
    found = people.sign_in(home, "looking", PASSWORD, "192.0.2.1", now)
    assert isinstance(found, people.SignedIn)
    client = create_app(home.settings).test_client()
    client.set_cookie("home-session", found.token, domain="localhost")
    return client


def _timed(home: Home, rounds: int) -> Iterator[tuple[str, list[float]]]:
    client = signed_in(home)
    with home.store.read() as session:
        largest = session.scalar(select(Issue.id).order_by(Issue.messages.desc()).limit(1))
    for name, path in PAGES.items():
        taken = []
        for _ in range(rounds):
            begin = perf_counter()
            answer = client.get(path.format(largest=largest))
            taken.append(perf_counter() - begin)
            if answer.status_code != 200:
                raise SystemExit(f"{path} answered {answer.status_code}")
        yield name, taken


if __name__ == "__main__":
    sys.exit(main())
