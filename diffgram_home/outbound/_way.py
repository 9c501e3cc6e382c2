"""A way out: one exchange at a time, permitted by the registry, within its time, and ended when the process stops.

For the door only (`diffgram_home.outbound`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from diffgram_home import route
from diffgram_home.deadline import STOPPED, Deadline


class Way:
    """One exchange at a time with what stands at the end of a route, and an end to it when told to stop."""

    def __init__(self, way: route.Route, timeout_s: float) -> None:
        self._route = way
        self._timeout_s = timeout_s
        self._current: Deadline | None = None
        self._stopped = False

    @property
    def destination(self) -> str:
        """Its `host:port`, as the ledger names it."""
        return self._route.destination

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def stop(self, grace_s: float = 0) -> None:
        """Let no further connection begin, and end the present one after `grace_s` seconds.

        Whoever waits on it then gets NotReached or Unknown.
        """
        self._stopped = True
        current = self._current
        if current is not None:
            current.end_in(grace_s, "stopped")

    @contextlib.contextmanager
    def _within(self) -> Iterator[Deadline]:
        """One exchange and its clock. Raises NotReached unless the registry lists every host of the way."""
        self._route.permit()
        deadline = self._current = Deadline(self._timeout_s)
        if self._stopped:
            deadline.end(STOPPED)
        try:
            yield deadline
        finally:
            self._current = None
            deadline.close()
