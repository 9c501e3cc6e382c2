"""What an exception carries, read against the catalogues of an index: references, and parts that may leave.

Only exact texts are looked into; of other values the shape is all. A text is read whole and line by line, and the
reading that keeps more letters counts. Nothing of the exception is called. Any thread may use it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.known import (
    BEGINS,
    EXCEPTION,
    INNER,
    LINE,
    MAX_AT,
    MAX_DEPTH,
    MAX_REFERENCES,
    NOTHING,
    Known,
    carries,
)
from audit.types import MAX_SHAPES
from event._reduce import class_name
from event._shape import shape
from event.known._data import translated
from event.known._system import in_english
from event.known._table import Entry, Fit, Row, Table, inner_catalogues, weight
from event.known.notation import has_words

_MAX_LINES = 12
_MAX_TEXT = 16_384
_MAX_KEPT = 1_000
_MAX_FIELDS = 8
Part = str | list[str]
Slots = Mapping[str, Any]
Takes = Callable[[str, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text: references and parts in their order; `letters` that are kept."""

    references: tuple[str, ...]
    parts: tuple[Part, ...]
    letters: int = 0


class Tables:
    """Messages in English, and, looked for only where none of them fits, in other languages."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._english = Table(entries)
        self._others: Table | None = None

    def fitting(self, text: str) -> list[Fit]:
        """Return what is the whole of `text`, with what stands in the holes."""
        found = self._english.fitting(text)
        if found or text.isascii():
            return found
        if self._others is None:
            self._others = Table(self._translated())
        return self._others.fitting(text)

    def _translated(self) -> Iterator[Entry]:
        for reference, message, *_ in self._entries:
            for other in translated(reference.partition(":")[0]).get(message, ()):
                yield reference, message, *other


class Said:
    """Finds the words of exceptions in the catalogues of one index.

    `slots` are other slots of the index by kind of hole, as `audit.known.derives` takes them.
    """

    def __init__(self, known: Known, slots: Slots) -> None:
        self.known = known
        self._slots = slots
        self._tables: dict[str | tuple[str, ...], Tables] = {}

    def of(self, kind: type, arguments: Sequence[Any]) -> dict[str, Any] | None:
        """Return `at` and `arguments` for an exception of type `kind` with these `args`, None for no words."""
        return self.of_named(class_name(kind), arguments)

    def of_named(self, kind: str, arguments: Sequence[Any]) -> dict[str, Any] | None:
        """Likewise for a type told by its name, with what another program told of its arguments."""
        if not self.known.catalogues or kind not in self._slots.get(EXCEPTION, ()):
            return None
        table = self._of_kind(kind)
        readings = [self._argument(value, table) for value in arguments[:MAX_SHAPES]]
        references = [one for reading in readings for one in reading.references]
        at = BEGINS + ",".join(references)
        if len(references) > MAX_REFERENCES or len(at) > MAX_AT or all(one == NOTHING for one in references):
            return None
        return {"at": at, "arguments": [list(reading.parts) for reading in readings]}

    def _of_kind(self, kind: str) -> Tables:
        return self._kept(kind, lambda _name, kinds: carries(kinds, kind))

    def _of_catalogues(self, names: tuple[str, ...]) -> Tables:
        return self._kept(names, lambda name, _kinds: name in names)

    def _kept(self, key: str | tuple[str, ...], takes: Takes) -> Tables:
        """Return the tables of a type or of some catalogues, made at their first use."""
        tables = self._tables.get(key)
        if tables is None:
            tables = Tables(list(self._entries(takes)))
            if len(self._tables) < _MAX_KEPT:
                self._tables[key] = tables
        return tables

    def _entries(self, takes: Takes) -> Iterator[Entry]:
        for name, groups in self.known.catalogues.items():
            first = 0
            for kinds, messages in groups:
                if takes(name, kinds):
                    for number, message in enumerate(messages, first):
                        yield f"{name}:{number}", message, message, ()
                first += len(messages)

    def _argument(self, value: Any, table: Tables) -> Reading:
        if type(value) is dict:
            value = "\n".join(_fields(value)) or value
        if type(value) is not str or len(value) > _MAX_TEXT:
            return Reading((NOTHING,), ([shape(value)],))
        whole = self._whole(value, table, 0)
        if LINE not in value:
            return whole or _unknown(value)
        by_line = self._by_line(value, table)
        return whole if whole is not None and whole.letters > by_line.letters else by_line

    def _whole(self, text: str, table: Tables, depth: int) -> Reading | None:
        """Return the reading of a text as one message, or None.

        Exactly one message must fit. Only where all that fit hold others (a client's text around its cause's), the one
        counts that keeps more letters.
        """
        found = table.fitting(text)
        if len(found) == 1:
            return self._reading(*found[0], depth)
        if not found or not all(map(_is_nest, found)):
            return None
        readings = [reading for fit in found if (reading := self._reading(*fit, depth)) is not None]
        most = max((reading.letters for reading in readings), default=0)
        best = [reading for reading in readings if reading.letters == most]
        return best[0] if len(best) == 1 else None

    def _reading(self, row: Row, holes: Sequence[str], depth: int) -> Reading | None:
        """Return what a message keeps with these texts in its holes, or None if that is too little."""
        letters, is_enough = weight(row.message)
        references, parts = [row.reference], list[Part]()
        values = iter(holes)
        for one in row.message:
            inside = one if isinstance(one, str) else self._hole(one[0], next(values), depth)
            if isinstance(inside, Reading):
                references += inside.references
                parts += inside.parts
                letters += inside.letters
            else:
                parts.append(inside)
                letters += len(inside) if inside is not one and isinstance(inside, str) else 0
        if not is_enough and not has_words(part for part in parts if isinstance(part, str)):
            return None
        return Reading(tuple(references), tuple(parts), letters)

    def _hole(self, hole: str, value: str, depth: int) -> Part | Reading:
        if names := inner_catalogues(hole):
            table = self._of_catalogues(tuple(names))
            return (self._whole(value, table, depth + 1) if depth + 1 < MAX_DEPTH else None) or _unknown(value)
        if hole:
            listed = self._slots[hole] if hole in self._slots else self.known.lists.get(hole, ())
            if value in listed:
                return value
            if hole == "system" and (english := in_english(value)) in listed:
                return english
        return [shape(value)]

    def _by_line(self, text: str, table: Tables) -> Reading:
        """Return the reading of each line as a message; lines that are none are one shape together."""
        lines = text.split(LINE)
        readings: list[Reading] = []
        waiting: list[str] = []
        for line in lines[:_MAX_LINES]:
            reading = self._whole(line, table, 0)
            if reading is None:
                waiting.append(line)
                continue
            readings += [*_together(waiting), reading]
            waiting = []
        readings += _together([*waiting, *lines[_MAX_LINES:]])
        references = tuple(one for reading in readings for one in reading.references)
        parts = [part for reading in readings for part in (LINE, *reading.parts)]
        return Reading(references, tuple(parts[1:]), sum(reading.letters for reading in readings))


def _is_nest(fit: Fit) -> bool:
    return any(not isinstance(part, str) and part[0].startswith(INNER) for part in fit[0].message)


def _unknown(text: str) -> Reading:
    return Reading((NOTHING,), ([shape(text)],))


def _together(lines: Sequence[str]) -> list[Reading]:
    return [_unknown(LINE.join(lines))] if lines else []


def _fields(value: dict[Any, Any], under: str = "") -> Iterator[str]:
    """Yield `field: message` for what a validation library says of each field, when it is texts as a whole."""
    for key, said in list(dict.items(value))[:_MAX_FIELDS]:
        name = f"{under}{key}" if type(key) in (str, int) else under
        if type(said) is dict and len(under) < 64:
            yield from _fields(said, f"{name}.")
        elif type(said) in (list, tuple):
            yield from (f"{name}: {one}" for one in said[:_MAX_FIELDS] if type(one) is str)
        elif type(said) is str:
            yield f"{name}: {said}"
