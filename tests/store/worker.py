"""A process of the installation for the tests: `python worker.py WHAT SETTINGS [NUMBER]`; killed at random moments.

take     takes from the spool for ever          seal     seals what waits for ever
both     takes and seals for ever               append   appends NUMBER records to the ledger, each by itself
once     takes and seals once; prints the code of what went wrong, or "done"
mode     sets the case `event` to NUMBER (a mode); prints as above
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from audit import record
from diffgram_home import intake, ledger, reading, sealing, settings, switching
from diffgram_home.errors import HomeError
from diffgram_home.home import Home, open_home
from tests.store.building import orders_in


def loop(home: Home, what: str) -> None:
    print("ready", flush=True)
    while True:
        now = datetime.now(UTC)
        if what in ("take", "both"):
            intake.take(home, now)
        if what in ("seal", "both"):
            sealing.seal_waiting(home, now)


def append(home: Home, number: int) -> None:
    print("ready", flush=True)
    for count in range(number):
        with home.store.write() as session:
            at = record.instant(datetime.now(UTC))
            entry = record.Person(account=f"p{os.getpid()}.{count}", actor="home", at=at, change="locked", role=None)
            ledger.append(session, entry)
    print("done", flush=True)


def once(home: Home) -> None:
    now = datetime.now(UTC)
    intake.take(home, now)
    sealing.seal_waiting(home, now)


def main() -> None:
    what, path, *more = sys.argv[1:]
    try:
        home = open_home(settings.read(Path(path), os.environ))
        if what == "append":
            return append(home, int(more[0]))
        if what == "once":
            once(home)
        elif what == "count":
            orders = [order for row in reading.pending(home, limit=10_000).batches for order in orders_in(row.body)]
            print(f"{len(orders)} messages, {len(set(orders))} orders")
        elif what == "mode":
            switching.set_mode(home, "event", None, more[0], "os:1000", datetime.now(UTC))
        else:
            loop(home, what)
    except HomeError as error:
        return print(error.code, "|", error.hint, flush=True)
    return print("done", flush=True)


main()
