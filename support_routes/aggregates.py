"""From what a database answered to what may be kept: whole declared numbers, closed choices, and no small groups.

Rules, and why (decision 0041):

- A row has the declared columns and no others; a number is a whole one within its field's bounds, or there is none at
  all: nothing is guessed. A group that is no declared choice is counted under `other`, and its name goes nowhere.
- A group of fewer than k is withheld, and with it others from the smallest on, until what is withheld are two groups
  that are not empty and k things at least: the total, which somebody may know, then tells of none of them.
- What was withheld the last time stays so until each of these groups has twice k, or nothing: a group that comes and
  goes around k would otherwise tell of itself, and a complement that changes would be the difference to the one before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from audit.catalogue import Catalogue
from audit.types import OTHER, WHOLE
from support_routes.reporting import Reporter

SMALLEST_GROUP = 5
MOST_ROWS = 260
"""No query may answer with more rows: a choice has at most 256 words (and `other`, and nothing)."""

Numbers = dict[str, int]


class NoNumber(Exception):
    """There is no number that could be kept; `reason` is a word of ours, never of the database."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a reporter have to be: the column of groups with its choices, and the bounds of each count.

    The choices are in the catalogue's order; the last go missing first beside a small group (`withheld`).
    """

    group: str
    choices: tuple[str, ...]
    bounds: Mapping[str, tuple[int, int]]

    @property
    def columns(self) -> frozenset[str]:
        """Return the names of all columns."""
        return frozenset(self.bounds) | ({self.group} if self.group else frozenset())


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Counts by group, "" where there are no groups, and the names of the groups that are withheld."""

    counts: Mapping[str, Numbers]
    withheld: tuple[str, ...] = ()


def shape(reporter: Reporter, catalogue: Catalogue) -> Shape:
    """Return what the catalogue declares of a reporter's rows."""
    group = reporter.group(catalogue)
    bounds = {field.key: WHOLE[field.type](field.params) for field in reporter.counts(catalogue)}
    if group is None:
        return Shape("", (), bounds)
    return Shape(group.key, tuple(group.params["choices"]), bounds)


def add(sums: dict[str, Numbers], wanted: Shape, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add the rows of one range to `sums`. Raises NoNumber where they are not what was declared."""
    if len(columns) != len(wanted.columns) or frozenset(columns) != wanted.columns:
        raise NoNumber("columns")
    if len(rows) > MOST_ROWS or (not wanted.group and len(rows) != 1):
        raise NoNumber("rows")
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        group = _group(values.pop(wanted.group), wanted) if wanted.group else ""
        sum_ = sums.setdefault(group, dict.fromkeys(wanted.bounds, 0))
        for key, value in values.items():
            sum_[key] += _whole(value)
            if sum_[key] < 0:
                raise NoNumber("bounds")


def settled(sums: Mapping[str, Numbers], wanted: Shape, smallest: int, before: Collection[str]) -> Aggregate:
    """Return what may be kept of the sums; `before` are the groups withheld the last time.

    Raises NoNumber for a number outside its bounds.
    """
    for numbers in sums.values():
        for key, value in numbers.items():
            low, high = wanted.bounds[key]
            if not low <= value <= high:
                raise NoNumber("bounds")
    if not wanted.group:
        return Aggregate(dict(sums))
    empty = dict.fromkeys(wanted.bounds, 0)
    whole = {name: sums.get(name, empty) for name in dict.fromkeys((*wanted.choices, *sorted(sums)))}
    hidden = withheld({name: _size(numbers) for name, numbers in whole.items()}, smallest, before)
    return Aggregate({name: numbers for name, numbers in whole.items() if name not in hidden}, tuple(sorted(hidden)))


def withheld(sizes: Mapping[str, int], smallest: int, before: Collection[str] = ()) -> frozenset[str]:
    """Return the groups that must not be told, by how many things each of them has.

    With the small ones goes one that is not small, and more until 2 * `smallest` things are missing, the last in
    `sizes` first: chosen by their sizes, they would tell how large they are at most (4 and 5 beside a told 5 are the
    only way to make 14), and two small ones by themselves what they are not. Where there are not enough groups, all
    are withheld, the empty ones too.
    """
    again = {name for name in before if name in sizes}
    if not any(0 < sizes[name] < 2 * smallest for name in again):
        again = set()
    hidden = {name for name, size in sizes.items() if 0 < size < smallest} | again
    if not hidden:
        return frozenset()
    rest = [name for name, size in sizes.items() if size and name not in hidden]
    while max(sizes[name] for name in hidden) < smallest or sum(sizes[name] for name in hidden) < 2 * smallest:
        if not rest:
            return frozenset(sizes)
        hidden.add(rest.pop())
    return frozenset(hidden)


def _size(numbers: Numbers) -> int:
    """A group is as small as its smallest number that is not none: 1 annotation in 900 bytes is one annotation."""
    return min((value for value in numbers.values() if value > 0), default=0)


def _group(value: Any, wanted: Shape) -> str:
    return value if type(value) is str and value in wanted.choices else OTHER


def _whole(value: Any) -> int:
    """A whole number of a database's driver; a sum of big ones comes as a Decimal. No true, no 1.5, no NaN, no text."""
    if type(value) is int:
        return value
    if type(value) is Decimal and value.is_finite() and value == value.to_integral_value():
        return int(value)
    raise NoNumber("no-number")
