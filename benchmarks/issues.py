"""Issues at corporate: how fast errors are counted beside ingest, and how long the pages take with 100,000 events.

100,000 errors of 400 faults, on 200 installations of 40 customers, in 6 releases, over the last 90 days, are put into
the tables as batches of 500 as ingest stores them. Then the follower counts them (corporate.issues.following), and the
pages are asked in this process: no network, everything else real. Each page is asked some times; median and slowest
are shown. Goal: every page answers within 200 ms. On PostgreSQL the tables are analysed first, as autovacuum does.
"""

import itertools
import json
import random
import re
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

from audit import index
from benchmarks._timing import Goals, arguments, machine, number
from corporate import migrating, releases, settings
from corporate.app import create_app
from corporate.database import EVERYBODY
from corporate.issues import following
from corporate.models import Batch, Customer, Installation, Issue, Message
from corporate.server import Corporate, open_corporate
from tests import postgres
from tests.corporate.running import PASSWORD, found

GOAL_S = 0.2
EVENTS, FAULTS, INSTALLATIONS, CUSTOMERS, RELEASES, BATCH = 100_000, 400, 200, 40, 6, 500
WORDS = (
    "project ",
    " of ",
    " is full",
    "cannot read ",
    " for ",
    "no annotation ",
    " in the queue",
    "task ",
    " is taken by ",
)
SHAPES = ("integer(2)", "integer(4)", "email", "uuid", "text(<64)", "none", "path")
FUNCTIONS = ("save", "Quota.check", "load", "Export.run", "Queue.take", "merge", "render", "send")
PAGES = {
    "list, last seen": "/issues",
    "list, most events": "/issues?state=all&sort=count",
    "list, words": "/issues?words=project+quota&state=all",
    "list, release, customer, days": "/issues?release=shop+1.3.0&customer=customer+7&since={since}&ours=yes&sort=count",
    "one issue, the one with most events": "/issues/{largest}",
    "one issue, an old event": "/issues/{largest}?event={event}",
}


def main() -> int:
    """Print the tables; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    events, rounds = (2_000, 3) if goals.quick else (EVENTS, 15)
    print(machine("flask", "sqlalchemy", "psycopg"))
    with tempfile.TemporaryDirectory() as name, postgres.cluster() as cluster:
        for kind, url in (("SQLite", ""), ("PostgreSQL", cluster.make_database())):
            server = opened(Path(name) / kind, url)
            load(server, events)
            rate = _counted(server, events)
            times = dict(_timed(server, rounds))
            server.store.close()
            print(f"\n{kind}: {number(events)} events counted at {number(rate)}/s")
            goals.pages(kind, f"Pages on {kind}, ms", times, GOAL_S)
    return goals.end()


def opened(folder: Path, url: str) -> Corporate:
    """A server that was set up and is opened here."""
    folder.mkdir()
    config, _ = found(folder, url)
    server = open_corporate(settings.read(config, {}))
    migrating.upgrade(server.store)
    return server


def load(server: Corporate, events: int, seed: int = 1) -> None:
    """Put `events` errors into the tables, as batches of BATCH."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    hashes = [_release(server, n, now) for n in range(RELEASES)]
    ids = _installed(server, now)
    kind = server.kinds(["home/error"])["home/error"]
    faults = [list(_fault(chance, n)) for n in range(FAULTS)]
    weights = [1 / (n + 1) for n in range(FAULTS)]
    numbers = itertools.count(1)
    with server.store.writing(EVERYBODY) as session:
        catalogue = session.execute(text("SELECT hash FROM catalogue")).scalars().first()
        for first in range(0, events, BATCH):
            (installation, customer), release = chance.choice(ids), chance.randrange(RELEASES)
            received = now - timedelta(days=90) * (1 - first / events)
            header = json.dumps({"catalogue": catalogue, "index": hashes[release]})
            size = min(BATCH, events - first)
            row = _batch(next(numbers), installation, customer, header, received, size)
            batch = session.execute(insert(Batch).values(row).returning(Batch.id)).scalar_one()
            lines = (_line(chance, fault, received) for fault in chance.choices(faults, weights, k=size))
            session.execute(
                insert(Message),
                [
                    {"batch_id": batch, "position": n, "customer_id": customer, "kind_id": kind, "line": line}
                    for n, line in enumerate(lines, 1)
                ],
            )


def _release(server: Corporate, n: int, now: datetime) -> str:
    lines = {name: ((100 * m + n, 100 * m + 60 + n),) for m, name in enumerate(FUNCTIONS, 1)}
    made = index.new(f"shop 1.{n}.0", {f"shop.m{k}": lines for k in range(12)}, frozenset({"ValueError"}))
    file = server.settings.folder / "index.json"
    file.write_bytes(index.encode(made))
    releases.add(server.store, [], file, None, now - timedelta(days=90 - 15 * n))
    return made.hash


def _installed(server: Corporate, now: datetime) -> list[tuple[str, int]]:
    with server.store.writing(EVERYBODY) as session:
        customers = [Customer(name=f"customer {n}", made_at=now) for n in range(CUSTOMERS)]
        session.add_all(customers)
        session.flush()
        rows = [(f"{n:032x}", customers[n % CUSTOMERS].id) for n in range(INSTALLATIONS)]
        for name, customer in rows:
            key = {"public_key": b"", "thumbprint": "", "signature_allowed": False}
            session.add(Installation(id=name, customer_id=customer, enrolled_at=now, **key))
        return rows


def _batch(sequence: int, installation: str, customer: int, header: str, at: datetime, size: int) -> dict[str, Any]:
    words = dict.fromkeys(("sha256", "signature", "ledger_root", "authenticated", "receipt"), "")
    numbers = {"sequence": sequence, "size_bytes": 0, "messages": size, "ledger_size": sequence}
    who = {"installation_id": installation, "customer_id": customer, "case": "event"}
    return {**words, **numbers, **who, "header": header, "received_at": at}


def _fault(chance: random.Random, n: int) -> Iterator[Any]:
    """Chain, frames as (module, function, offset, ours), and number of holes of one fault."""
    yield f"shop.errors.E{n % 30}"
    yield chance.sample(WORDS, 3)
    ours = [(f"shop.m{chance.randrange(12)}", chance.choice(FUNCTIONS), chance.randrange(60), 1) for _ in range(4)]
    yield [("flask.app", "run", 5, 0), *ours, ("psycopg.cursor", "execute", 9, 0)]


def _line(chance: random.Random, fault: list[Any], received: datetime) -> str:
    kind, words, frames = fault
    argument = [part for word in words for part in (word, [chance.choice(SHAPES)])]
    link = {"type": kind, "shapes": [], "code_text": {"at": f"{frames[-2][0]}:1", "arguments": [argument]}}
    places = [
        [f"{module}:{name}:{100 * (FUNCTIONS.index(name) + 1) + line if mine else line}", mine]
        for module, name, line, mine in frames
    ]
    at = received - timedelta(minutes=chance.randrange(600))
    value = {
        "kind": "home/error",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "error_log": {"chain": [link], "frames": places},
    }
    return msgspec.json.encode(value).decode()


def _counted(server: Corporate, events: int) -> float:
    begin = perf_counter()
    counted = following.catch_up(server, datetime.now(UTC))
    passed_s = perf_counter() - begin
    if counted != events:
        raise SystemExit(f"{counted} events were counted of {events}")
    if server.store.is_postgresql:
        with server.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    return events / passed_s


def signed_in(server: Corporate) -> FlaskClient:
    """Somebody of the staff."""
    client = create_app(server.settings, "pages", server).test_client()
    form = re.search(rb'name="form" value="([0-9a-f]{64})"', client.get("/sign-in", base_url="http://127.0.0.1").data)
    fields = {"form": form[1].decode() if form else "", "name": "administrator", "password": PASSWORD}
    client.post("/sign-in", data=fields, base_url="http://127.0.0.1")
    return client


def _timed(server: Corporate, rounds: int) -> Iterator[tuple[str, list[float]]]:
    client = signed_in(server)
    with server.store.reading(EVERYBODY) as session:
        largest = session.execute(select(Issue.id).order_by(Issue.count.desc()).limit(1)).scalar_one()
    page = client.get(f"/issues/{largest}", base_url="http://127.0.0.1").data.decode()
    old = re.findall(r"event=([\d.]+)", page)[-1]
    since = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    for name, path in PAGES.items():
        taken = []
        for _ in range(rounds):
            begin = perf_counter()
            answer = client.get(path.format(largest=largest, event=old, since=since), base_url="http://127.0.0.1")
            taken.append(perf_counter() - begin)
            if answer.status_code != 200:
                raise SystemExit(f"{path} answered {answer.status_code}")
        yield name, taken


if __name__ == "__main__":
    sys.exit(main())
