"""The process that follows ingest: whenever something was stored, and every LOOK_S anyway.

Leaves to others: what is done (following). Rules: the workers of the wire ring a bell that they share with this process
(an eventfd); servers on other machines have bells of their own, so it also looks without being rung. It waits PAUSE_S
after the bell, so that many batches are one transaction.
"""

import os
import select
import time
from datetime import UTC, datetime

from corporate import background
from corporate.issues import following
from corporate.server import Corporate

LOOK_S = 5.0
PAUSE_S = 0.3


def run(server: Corporate) -> None:
    """Follow until the process is killed."""
    background.begin()
    passed_over: set[int] = set()
    while True:
        background.tried("what follows ingest", lambda: following.catch_up(server, datetime.now(UTC), passed_over))
        _wait(server.bell)


def _wait(bell: int | None) -> None:
    if bell is None:
        time.sleep(LOOK_S)
        return
    if select.select([bell], [], [], LOOK_S)[0]:
        os.eventfd_read(bell)
        time.sleep(PAUSE_S)
