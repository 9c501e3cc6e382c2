"""Messages, made ready to be matched: of one exception type, or of the catalogues that a hole names.

Only messages whose beginning or end fits are tried, and made ready, at the first text with that beginning or end: so
that thousands cost as little as a few, the first time, too. Matching itself is `audit.template.match`: linear, whole,
no patterns. Of a message and its special case, the special one fits.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from audit.known import INNER, Message
from audit.template import Hole, Template, match
from event.known.notation import has_words

_EDGE = 4
_STAND_IN = "\x00"


@dataclass(frozen=True, slots=True)
class Row:
    """One message: how it is referred to, its parts, and what it matches.

    For a text in another language `holes` says which of its holes each hole of the English message takes.
    """

    reference: str
    message: Message
    template: Template
    holes: tuple[int, ...] = ()

    def of(self, text: str) -> list[str] | None:
        """Return what stands in the holes of the English message, or None when the text is another."""
        found = match(self.template, text)
        return [found[n] for n in self.holes] if found is not None and self.holes else found


Fit = tuple[Row, list[str]]
Entry = tuple[str, Message, Sequence[str | Hole | tuple[str]], tuple[int, ...]]
"""A row before it is made: reference, message, what is matched (the message itself, or a template), and its holes."""


class Bucket:
    """The rows with one beginning or end, each with its longest literal; made of `entries` when first asked for."""

    def __init__(self) -> None:
        """Begin without entries; they are added before `rows` is first called."""
        self.entries: list[Entry] = []
        self._rows: tuple[tuple[str, Row], ...] | None = None

    def rows(self) -> tuple[tuple[str, Row], ...]:
        """Return longest literal and row of each."""
        found = self._rows
        if found is None:
            found = self._rows = tuple((_longest(row), row) for row in _each_once(map(_row, self.entries)))
        return found


class Table:
    """Rows, found by the edges and the longest literal of a text. Any thread may use it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Sort the entries by their edges; none is made ready."""
        self._by_start: dict[str, Bucket] = defaultdict(Bucket)
        self._by_end: dict[str, Bucket] = defaultdict(Bucket)
        self._others = Bucket()
        self._covering: dict[tuple[int, int], bool] = {}
        for entry in entries:
            first, last = entry[2][0], entry[2][-1]
            if isinstance(first, str) and len(first) >= _EDGE:
                self._by_start[first[:_EDGE]].entries.append(entry)
            elif isinstance(last, str) and len(last) >= _EDGE:
                self._by_end[last[-_EDGE:]].entries.append(entry)
            else:
                self._others.entries.append(entry)

    def fitting(self, text: str) -> list[Fit]:
        """Return the rows that are the whole of `text`, with what stands in their holes; none that is only general.

        A row is general where another that fits says more: every text of that one is one of the first.
        """
        near = (self._by_start.get(text[:_EDGE]), self._by_end.get(text[-_EDGE:]), self._others)
        found = [
            (row, holes)
            for bucket in near
            if bucket is not None
            for longest, row in bucket.rows()
            if longest in text and (holes := row.of(text)) is not None
        ]
        if len(found) < 2:
            return found
        return [fit for fit in found if not any(self._covers(fit[0], other[0]) for other in found)]

    def _covers(self, general: Row, special: Row) -> bool:
        """Say whether every text of `special` is one of `general`, and not the other way round; found out once."""
        key = id(general), id(special)
        known = self._covering.get(key)
        if known is None:
            known = self._covering[key] = _takes(general, special) and not _takes(special, general)
        return known


def _row(entry: Entry) -> Row:
    reference, message, matched, holes = entry
    return Row(reference, message, template(matched), holes)


def _longest(row: Row) -> str:
    return max((part for part in row.template if isinstance(part, str)), key=len, default="")


def _each_once(rows: Iterable[Row]) -> Iterable[Row]:
    """Return one row for each sequence of literals: the one that names most of what stands in its holes."""
    found: dict[Message, Row] = {}
    for row in rows:
        bare = tuple(part if isinstance(part, str) else ("",) for part in row.template)
        known = found.get(bare)
        if known is None or _named(row) > _named(known):
            found[bare] = row
    return found.values()


def _named(row: Row) -> int:
    return sum(isinstance(part, Hole) and part.parameter != "" for part in row.template)


def _takes(general: Row, special: Row) -> bool:
    text = "".join(part if isinstance(part, str) else _STAND_IN for part in special.template)
    return match(general.template, text) is not None


def template(parts: Sequence[str | Hole | tuple[str]]) -> Template:
    """Return a message as a template to match; what is one already stays as it is."""
    return tuple(part if isinstance(part, str | Hole) else _hole(part[0]) for part in parts)


_hole = cache(Hole)


@cache
def weight(message: Message) -> tuple[int, bool]:
    """Return how many letters the literals of a message have, and whether they are words enough by themselves."""
    texts = [part for part in message if isinstance(part, str)]
    return sum(map(str.isalpha, "".join(texts))), has_words(texts)


def inner_catalogues(hole: str) -> Sequence[str]:
    """Return the catalogues that a hole names, none if it names none."""
    return hole[1:].split("+") if hole.startswith(INNER) else ()
