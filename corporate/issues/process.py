"""The process that follows ingest: each of STEPS in turn, whenever something was stored, and every LOOK_S anyway.

Leaves to others: what is done (following). Rules: the workers of the wire ring a bell that they share with this process
(an eventfd); servers on other machines have bells of their own, so it also looks without being rung. It waits PAUSE_S
after the bell, so that many batches are one transaction, and gives way to the listeners (nice). A fault, such as a
database that does not answer, is logged by type and place, and tried again; it may be killed at any time.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

from corporate.errors import place_of
from corporate.issues import following
from corporate.server import Corporate

_LOG = logging.getLogger(__name__)
LOOK_S = 5.0
PAUSE_S = 0.3
NICE = 10
Step = Callable[[Corporate, datetime, set[int]], object]
STEPS: tuple[Step, ...] = (following.catch_up,)
"""What follows ingest, in this order; the set is the step's own, to remember what it passes over."""


def run(server: Corporate) -> None:
    """Follow until the process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when it is over, and says so by SIGTERM
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICE)
    remembered: list[set[int]] = [set() for _ in STEPS]
    while True:
        for step, memory in zip(STEPS, remembered, strict=True):
            _do(step, server, memory)
        _wait(server.bell)


def _do(step: Step, server: Corporate, memory: set[int]) -> None:
    try:
        step(server, datetime.now(UTC), memory)
    except Exception as error:  # it is tried again
        _LOG.error("what follows ingest failed: %s at %s", type(error).__name__, place_of(error))


def _wait(bell: int | None) -> None:
    if bell is None:
        time.sleep(LOOK_S)
        return
    if select.select([bell], [], [], LOOK_S)[0]:
        os.eventfd_read(bell)
        time.sleep(PAUSE_S)
