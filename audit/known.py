"""Messages of programs whose source the vendor does not ship: interpreter, drivers, servers, libraries (design 5).

A slot of the index. It holds catalogues, each a row of groups: the exception types, and the messages that these carry;
and lists of names that may stand in a hole, one for each kind of hole, such as the columns that the product's models
map. What leaves for such an exception is `at`, which names the messages, and `arguments`, which spell them out for the
reader; `derives` accepts the second only if it is what the first and the index make of it. Pure, standard library only.

A message is a list of parts: a text is a literal, a list with one word is a hole. `[""]` takes any value and lets out
its shape; `["column"]` also lets out a name of the list `column`; `["~system"]` holds a message of the catalogue
`system` again, or a shape. `at` is `known:` and then, in order, one reference for each line of each argument and for
each such inner message: `catalogue:number`, or `-` where there is only a shape. Between lines stands a literal of one
line feed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BEGINS = "known:"
NOTHING = "-"
LINE = "\n"
INNER = "~"
EXCEPTION, FUNCTION, ATTRIBUTE, MODULE = "exception", "function", "attribute", "module"
"""Kinds of holes whose lists are other slots of the index."""
MAX_REFERENCES, MAX_DEPTH, MAX_AT = 40, 4, 1024
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_HOLE = re.compile(r"|[a-z_]{1,30}|~[a-z0-9_]+(?:\+[a-z0-9_]+)*")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,4}")
Part = str | tuple[str]
Message = tuple[Part, ...]
Group = tuple[tuple[str, ...], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Known:
    """The slot: groups by catalogue, and names by kind of hole."""

    catalogues: Mapping[str, tuple[Group, ...]]
    lists: Mapping[str, frozenset[str]]


NONE = Known({}, {})


def numbered(groups: Sequence[Group]) -> Iterator[tuple[tuple[str, ...], Message]]:
    """Yield types and message of a catalogue in the order of their numbers, from 0."""
    for kinds, messages in groups:
        for message in messages:
            yield kinds, message


def slots_of(types: Iterable[str], functions: Iterable[str], modules: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the other slots of an index by kind of hole: its exception types, functions by qualified name, modules.

    What can be an attribute is the last part of a function's name; other attributes are in no list.
    """
    named = frozenset(functions)
    attributes = frozenset(name.rpartition(".")[2] for name in named if not name.endswith(">"))
    return {EXCEPTION: frozenset(types), FUNCTION: named, ATTRIBUTE: attributes, MODULE: frozenset(modules)}


def carries(kinds: Sequence[str], kind: str) -> bool:
    """Say whether a message of `kinds` can be that of an exception type; `psycopg.errors.*` are all of a module."""
    return any(kind == one or (one.endswith(".*") and kind.startswith(one[:-1])) for one in kinds)


def document(known: Known) -> dict[str, Any]:
    """Return what stands in the index, for canonical JSON."""
    catalogues = {
        name: [
            [list(kinds), [[_part_out(part) for part in message] for message in messages]] for kinds, messages in rows
        ]
        for name, rows in known.catalogues.items()
    }
    return {"catalogues": catalogues, "lists": {name: sorted(names) for name, names in known.lists.items()}}


def from_document(value: Any) -> Known:
    """Return the slot that `value` holds; raises ValueError, KeyError, TypeError or AttributeError when it is none."""
    catalogues = {_word(name): tuple(_group(*row) for row in rows) for name, rows in value["catalogues"].items()}
    lists = {_word(name): frozenset(str(one) for one in names) for name, names in value["lists"].items()}
    return Known(catalogues, lists)


def _group(kinds: Sequence[str], messages: Sequence[Sequence[Any]]) -> Group:
    return tuple(map(str, kinds)), tuple(tuple(_part(part) for part in message) for message in messages)


def _part_out(part: Part) -> str | list[str]:
    return part if isinstance(part, str) else list(part)


def _part(value: Any) -> Part:
    if type(value) is str and value and LINE not in value:
        return value
    (hole,) = value
    if type(hole) is not str or _HOLE.fullmatch(hole) is None:
        raise ValueError("no such hole")
    return (hole,)


def _word(name: Any) -> str:
    if type(name) is not str or _NAME.fullmatch(name) is None:
        raise ValueError("a catalogue and a list are named by a word")
    return name


def derives(
    known: Known, slots: Mapping[str, Collection[str]], kind: str, at: Any, arguments: Any, shape: re.Pattern[str]
) -> bool:
    """Say whether `arguments` are what `at` makes of these catalogues for an exception of type `kind`.

    `slots` are other slots of the index by kind of hole (`slots_of`); `shape` is the grammar of shapes. Literals must
    be exactly those of the messages; a hole must be a shape, or a name of its own list.
    """
    if type(at) is not str or len(at) > MAX_AT or not at.startswith(BEGINS) or type(arguments) is not list:
        return False
    references = at[len(BEGINS) :].split(",")
    if len(references) > MAX_REFERENCES or all(one == NOTHING for one in references):
        return False
    if kind not in slots.get(EXCEPTION, ()):
        return False
    reading = _Reading(known, slots, shape, iter(references))
    return all(reading.argument(kind, argument) for argument in arguments) and reading.is_over()


class _Reading:
    """Follows the references of one `at` through the parts."""

    def __init__(
        self, known: Known, slots: Mapping[str, Collection[str]], shape: re.Pattern[str], references: Iterator[str]
    ) -> None:
        self._known = known
        self._slots = slots
        self._shape = shape
        self._references = references

    def is_over(self) -> bool:
        """Say whether every reference was followed."""
        return next(self._references, None) is None

    def argument(self, kind: str, argument: Any) -> bool:
        """Follow one argument, line by line."""
        if type(argument) is not list or not argument:
            return False
        parts = iter(argument)
        while self._message(parts, kind, (), 0):
            part = next(parts, None)
            if part is None:
                return True
            if part != LINE:
                return False
        return False

    def _message(self, parts: Iterator[Any], kind: str, inner: Sequence[str], depth: int) -> bool:
        reference = next(self._references, "")
        if reference == NOTHING:
            return self._is_shape(next(parts, None))
        message = self._of(reference, kind, inner)
        return message is not None and depth < MAX_DEPTH and all(self._part(one, parts, depth) for one in message)

    def _of(self, reference: str, kind: str, inner: Sequence[str]) -> Message | None:
        catalogue, _, number = reference.partition(":")
        if _NUMBER.fullmatch(number) is None or (inner and catalogue not in inner):
            return None
        at = int(number)
        for kinds, messages in self._known.catalogues.get(catalogue, ()):
            if at < len(messages):
                return messages[at] if inner or carries(kinds, kind) else None
            at -= len(messages)
        return None

    def _part(self, one: Part, parts: Iterator[Any], depth: int) -> bool:
        if isinstance(one, str):
            return bool(next(parts, None) == one)
        if one[0].startswith(INNER):
            return self._message(parts, "", one[0][1:].split("+"), depth + 1)
        part = next(parts, None)
        return self._is_shape(part) or (type(part) is str and self._is_name(one[0], part))

    def _is_name(self, hole: str, name: str) -> bool:
        return name in (self._slots[hole] if hole in self._slots else self._known.lists.get(hole, ()))

    def _is_shape(self, part: Any) -> bool:
        return type(part) is list and len(part) == 1 and type(part[0]) is str and bool(self._shape.fullmatch(part[0]))
