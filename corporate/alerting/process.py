"""The process that tells about issues: looks every LOOK_S, then sends what is due.

Leaves to others: what is told (noticing) and how (sending). Rules: it is a process of its own, so that a receiver that
is slow holds up nothing but other alerts.
"""

import time
from datetime import UTC, datetime

from corporate import background
from corporate.alerting import noticing, sending
from corporate.server import Corporate

LOOK_S = 5.0


def run(server: Corporate) -> None:
    """Look and send until the process is killed."""
    background.begin()
    while True:
        background.tried("alerts", lambda: look(server))
        time.sleep(LOOK_S)


def look(server: Corporate) -> None:
    """One round."""
    settings = server.settings
    noticing.notice(server.store, settings.alerts, datetime.now(UTC))
    sending.send_due(server.store, settings.alerts, settings.name, datetime.now(UTC))
