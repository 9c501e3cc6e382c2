"""What every process beside the listeners does: gives way to them, ends when told, and goes on after a fault."""

import logging
import os
import signal
from collections.abc import Callable

from corporate.errors import place_of

_LOG = logging.getLogger(__name__)
NICE = 10


def begin() -> None:
    """Call it once, at the beginning of the process, which may be killed at any time from then on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when it is over, and says so by SIGTERM
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICE)


def tried(what: str, do: Callable[[], object]) -> None:
    """Do it; a fault, such as a database that does not answer, is logged by type and place: the next round tries again.

    `what` names it in the log, in words of ours.
    """
    try:
        do()
    except Exception as error:  # it is tried again
        _LOG.error("%s failed: %s at %s", what, type(error).__name__, place_of(error))
