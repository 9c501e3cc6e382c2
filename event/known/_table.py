"""Messages, made ready to be matched: of one exception type, or of the catalogues that a hole names.

Only messages whose beginning or end fits are tried, so that hundreds cost as little as a few; matching itself is
`audit.template.match`: linear, whole, no patterns. Of a message and its special case, the special one fits.
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


class Table:
    """Rows, found by the edges and the longest literal of a text."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_start: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        self._by_end: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        self._others: list[tuple[str, Row]] = []
        self._covering: dict[tuple[int, int], bool] = {}
        for row in _each_once(rows):
            first, last = row.template[0], row.template[-1]
            longest = max((part for part in row.template if isinstance(part, str)), key=len, default="")
            if isinstance(first, str) and len(first) >= _EDGE:
                self._by_start[first[:_EDGE]].append((longest, row))
            elif isinstance(last, str) and len(last) >= _EDGE:
                self._by_end[last[-_EDGE:]].append((longest, row))
            else:
                self._others.append((longest, row))

    def fitting(self, text: str) -> list[Fit]:
        """Return the rows that are the whole of `text`, with what stands in their holes; none that is only general.

        A row is general where another that fits says more: every text of that one is one of the first.
        """
        near = (self._by_start.get(text[:_EDGE], ()), self._by_end.get(text[-_EDGE:], ()), self._others)
        found = [
            (row, holes)
            for rows in near
            for longest, row in rows
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


def template(message: Message) -> Template:
    """Return a message as a template to match."""
    return tuple(part if isinstance(part, str) else _hole(part[0]) for part in message)


_hole = cache(Hole)


@cache
def weight(message: Message) -> tuple[int, bool]:
    """Return how many letters the literals of a message have, and whether they are words enough by themselves."""
    texts = [part for part in message if isinstance(part, str)]
    return sum(map(str.isalpha, "".join(texts))), has_words(texts)


def inner_catalogues(hole: str) -> Sequence[str]:
    """Return the catalogues that a hole names, none if it names none."""
    return hole[1:].split("+") if hole.startswith(INNER) else ()
