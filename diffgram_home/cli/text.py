"""Plain text for a terminal: tables, byte sizes, a progress bar. Knows nothing of what it shows.

Rules: whatever is shown may come from a product's file or from a database, so control characters never reach the
terminal; a progress bar appears only on a terminal, only on standard error, and only after two seconds.
"""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TextIO

PROGRESS_AFTER_S = 2.0
NARROWEST_COLUMN = 12
PIPE_WIDTH = 200
_GAP = "  "


def printable(value: object) -> str:
    """`value` as one line of text in which every control character is shown as an escape."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def instant(value: datetime | None) -> str:
    """A time in UTC to the second, or a dash."""
    return "-" if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def size(size_bytes: int) -> str:
    """A size for people: `812 B`, `12.4 kB`, `1.3 MB` (powers of 1000)."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    steps = next((n for n in (1, 2) if size_bytes < 1000 ** (n + 1)), 3)
    return f"{size_bytes / 1000**steps:.1f} {('kB', 'MB', 'GB')[steps - 1]}"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> str:
    """Columns under `headings`, the widest ones wrapped until all fit `width` characters (default: the terminal's)."""
    lines = [list(headings), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(1, *(len(line[column]) for line in lines)) for column in range(len(headings))]
    room = (width or shutil.get_terminal_size((PIPE_WIDTH, 24)).columns) - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > NARROWEST_COLUMN:
        widths[widths.index(max(widths))] -= 1
    return "\n".join(_lines(line, widths) for line in lines)


def _lines(cells: Sequence[str], widths: Sequence[int]) -> str:
    wrapped = [textwrap.wrap(c, w, break_on_hyphens=False) or [""] for c, w in zip(cells, widths, strict=True)]
    rows = zip_longest(*wrapped, fillvalue="")
    return "\n".join(
        _GAP.join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """`name: value` lines with the values aligned."""
    listed = [(name, printable(value)) for name, value in pairs]
    widest = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"{name + ':':{widest + 1}} {value}" for name, value in listed)


class Progress:
    """Call it with (done, total); it draws a bar once two seconds have passed. Use as a context manager."""

    def __init__(self, what: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._stream, self._clock = what, stream, clock
        self._began = clock()
        self._last = self._began + PROGRESS_AFTER_S - 0.1
        self._drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar for `done` of `total`, at most ten times a second."""
        now = self._clock()
        if now - self._last < 0.1 or not self._stream.isatty():
            return
        self._last, self._drawn = now, True
        part = min(done / total, 1.0) if total else 1.0
        self._stream.write(f"\r\x1b[K{self._what} [{'#' * int(part * 30):<30}] {done} of {total}")
        self._stream.flush()
