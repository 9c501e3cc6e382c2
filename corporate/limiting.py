"""How many requests an installation may make: a clock that each request moves forward (GCRA).

Leaves to others: storing the clock (`Installation.next_at_us`, so that all workers share it). Rules: values in, values
out. The clock may run ahead of now by `burst` requests; each request moves it by one interval. Requests that are
answered at the same moment may each pass before the other has moved the clock: over by at most the number of threads.
"""

from datetime import datetime

from corporate.settings import Limits

_SECOND_US = 1_000_000


def interval_us(limits: Limits) -> int:
    """Microseconds that one request costs."""
    return max(1, _SECOND_US // limits.requests_per_s)


def clock_us(now: datetime) -> int:
    """`now` as microseconds since 1970."""
    return int(now.timestamp() * _SECOND_US)


def wait_s(next_at_us: int, limits: Limits, now: datetime) -> int:
    """Whole seconds to wait before the next request, 0 for none."""
    ahead_us = next_at_us - clock_us(now) - limits.burst * interval_us(limits)
    return 0 if ahead_us < 0 else ahead_us // _SECOND_US + 1
