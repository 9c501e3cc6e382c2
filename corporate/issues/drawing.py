"""Geometry of an issue's graphs: one bar an hour, one bar a day. Numbers in, coordinates out; templates write the SVG.

Attributes only, no styles: the policy of the pages forbids those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOURS, DAYS = 48, 90
HEIGHT, STEP, WIDE = 64, 10, 7
_LOWEST = 2
"""Something is always seen to be there, however much larger the busiest hour is."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Counts by hour or day, oldest first, when each begins, and the rectangles of those that are not zero."""

    counts: tuple[int, ...]
    begins: tuple[datetime, ...]
    bars: tuple[Bar, ...]

    @property
    def width(self) -> int:
        """Of the picture."""
        return STEP * len(self.counts)

    @property
    def total(self) -> int:
        """All events in it."""
        return sum(self.counts)


def hours(counts: Mapping[int, int], now: datetime) -> Graph:
    """The last HOURS hours up to the present one; keys are hours since 1970-01-01T00Z."""
    return _graph(counts, int(now.timestamp()) // 3600, HOURS, timedelta(hours=1))


def days(counts: Mapping[int, int], now: datetime) -> Graph:
    """The last DAYS days up to today; keys are days since 1970-01-01."""
    return _graph(counts, int(now.timestamp()) // 86_400, DAYS, timedelta(days=1))


def _graph(counts: Mapping[int, int], last: int, size: int, step: timedelta) -> Graph:
    numbers = range(last - size + 1, last + 1)
    values = tuple(counts.get(number, 0) for number in numbers)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return Graph(values, tuple(epoch + number * step for number in numbers), _bars(values))


def _bars(values: Sequence[int]) -> tuple[Bar, ...]:
    most = max(values, default=0)
    drawn = []
    for column, value in enumerate(values):
        if value:
            height = max(_LOWEST, round(value / most * (HEIGHT - 4)))
            drawn.append(Bar(column * STEP + 1, HEIGHT - 1 - height, height))
    return tuple(drawn)
