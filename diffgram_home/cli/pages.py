"""Walks lists that the read models give out in pages, newest first, as one long list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Row = TypeVar("_Row")


def whole(page: Callable[[int | None], Sequence[_Row]], key: Callable[[_Row], int]) -> Iterator[_Row]:
    """Every row of every page: `page(before)` gives rows whose `key` is below `before`, largest first."""
    before: int | None = None
    while rows := page(before):
        yield from rows
        before = key(rows[-1])
