"""The process that tells about issues: looks every LOOK_S, then sends what is due.

Leaves to others: what is told (noticing) and how (sending). Rules: it is a process of its own, so that a receiver that
is slow holds up nothing but other alerts; a fault is logged by type and place, and tried again; it may be killed at any
time.
"""

import logging
import os
import signal
import time
from datetime import UTC, datetime

from corporate.alerting import noticing, sending
from corporate.errors import place_of
from corporate.server import Corporate

_LOG = logging.getLogger(__name__)
LOOK_S = 5.0
NICE = 10


def run(server: Corporate) -> None:
    """Look and send until the process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when it is over, and says so by SIGTERM
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICE)
    while True:
        try:
            look(server)
        except Exception as error:  # it is tried again
            _LOG.error("alerts failed: %s at %s", type(error).__name__, place_of(error))
        time.sleep(LOOK_S)


def look(server: Corporate) -> None:
    """One round."""
    settings = server.settings
    noticing.notice(server.store, settings.alerts, datetime.now(UTC))
    sending.send_due(server.store, settings.alerts, settings.name, datetime.now(UTC))
