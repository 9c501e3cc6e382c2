"""How much pages may tell: so many bodies a second in each process, and more for a moment. No address is looked at."""

from __future__ import annotations

import threading
from math import ceil

PER_SECOND = 50
AT_ONCE = 500


class Limit:
    """A bucket of tokens. Any thread may use it."""

    def __init__(self, per_second: float = PER_SECOND, at_once: int = AT_ONCE) -> None:
        self._per_second, self._at_once = per_second, at_once
        self._left, self._at_s = float(at_once), 0.0
        self._lock = threading.Lock()

    def wait_s(self, now_s: float) -> int:
        """Take one at `now_s` of a monotonic clock: 0, or for how many whole seconds to wait."""
        with self._lock:
            more = max(0.0, now_s - self._at_s) * self._per_second
            self._left, self._at_s = min(float(self._at_once), self._left + more), now_s
            if self._left >= 1:
                self._left -= 1
                return 0
            return max(1, ceil((1 - self._left) / self._per_second))
