"""Walks lists that the read models give out in pages, newest first, as one long list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

_Row = TypeVar("_Row")
LARGEST = 2**63 - 1
"""No database numbers its rows beyond it, nor can be asked to."""


def first(limit: int | None, rows: Iterator[_Row]) -> Iterator[_Row]:
    """At most `limit` of the rows, all of them with None."""
    return islice(rows, None if limit is None else min(limit, LARGEST))


def whole(page: Callable[[int | None], Sequence[_Row]], key: Callable[[_Row], int]) -> Iterator[_Row]:
    """Every row of every page: `page(before)` gives rows whose `key` is below `before`, largest first."""
    before: int | None = None
    while rows := page(before):
        yield from rows
        before = key(rows[-1])
