"""The time limit of one exchange with corporate; it opens nothing and knows no sockets.

At its end, or when it is told to end before, what it watches is ended under whoever waits on it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

TOO_SLOW, STOPPED = "too-slow", "stopped"


class Deadline:
    """One exchange's clock; it runs from the moment it is made. `names` gets None at its end."""

    def __init__(self, limit_s: float) -> None:
        self._ends = time.monotonic() + limit_s
        self._lock = threading.Lock()
        self._cut: Callable[[], None] | None = None
        self._timers: list[threading.Timer] = []
        self.names: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ended: str | None = None
        self.end_in(limit_s, TOO_SLOW)

    def left_s(self) -> float:
        """Seconds left, never zero: a socket with timeout zero would be non-blocking."""
        return max(self._ends - time.monotonic(), 0.001)

    def watch(self, cut: Callable[[], None]) -> None:
        """From now on `cut` is called when the exchange ends; at once if it has ended. It may raise OSError."""
        with self._lock:
            self._cut = cut
        if self.ended:
            self.end(self.ended)

    def forget(self) -> None:
        """From now on nothing is cut: what was watched may be closed, or is kept for another exchange."""
        with self._lock:
            self._cut = None

    def end(self, code: str) -> None:
        """End it now. The first reason stays."""
        with self._lock:
            self.ended = self.ended or code
            self.names.put(None)
            if self._cut is not None:
                with contextlib.suppress(OSError):
                    self._cut()

    def end_in(self, seconds: float, code: str) -> None:
        """End it in so many seconds, unless it ends before."""
        timer = threading.Timer(seconds, self.end, args=(code,))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def close(self) -> None:
        """The exchange is over; the clock stops."""
        self.forget()
        for timer in self._timers:
            timer.cancel()
