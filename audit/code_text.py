"""Words of shipped source in a message (`code_text`): what may stand in one is derived from the index alone.

A value is `{"at": site, "arguments": [[part, …], …]}`. `at` names a `raise` of a module (`shop.orders:12`), or messages
that no source here makes (`known:os:3`: `audit.known`); in a field of its own type, a call of `logging`. A part is a
literal, or `[shape]` for what the run put there; an argument of which nothing is known is `[[shape]]`. Literals and
their order must be those of a template that the site and the exception's class yield together: then whoever holds the
index knows that each word of it was written by the vendor. The product makes values by these functions, and the gate
of the installation and of corporate judge by them.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from audit.index import Index
from audit.known import ATTRIBUTE, EXCEPTION, FUNCTION, MODULE, slots_of
from audit.sites import Arguments, constructed
from audit.template import ANYTHING, HOLE, Hole, Template, Templates, fields

MAX_NUMBER_DIGITS = 6


def raised(index: Index, at: str, name: str) -> Arguments | None:
    """Return what `args` can be when an exception of type `name` was raised at the site `at`; None for no such site."""
    if not index.has_type(name):
        return None
    place, _, number = at.rpartition(":")
    found = index.raises.get(place)
    site = _entry(found.sites, number) if found is not None else None
    return handed(index, name, site.arguments) if site is not None else None


def handed(index: Index, name: str, passed: Arguments) -> Arguments:
    """Return what an exception of type `name` makes of what its raise passed to it."""
    construct = index.classes.get(name)
    return passed if construct is None else constructed(construct, passed)


def slots(index: Index) -> Mapping[str, Collection[str]]:
    """Return the slots whose names may stand in holes of known messages."""
    return _Slots(index)


class _Slots(Mapping[str, Collection[str]]):
    """Types and modules as they are; names of functions and attributes gathered at the first look for one."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._plain: Mapping[str, Collection[str]] = {EXCEPTION: index.types, MODULE: index.modules}
        self._gathered: Mapping[str, Collection[str]] = {}

    def __getitem__(self, hole: str) -> Collection[str]:
        if hole in self._plain:
            return self._plain[hole]
        if hole not in (FUNCTION, ATTRIBUTE):
            raise KeyError(hole)
        if not self._gathered:
            functions = (name for names in self._index.modules.values() for name in names)
            self._gathered = slots_of((), functions, ())
        return self._gathered[hole]

    def __iter__(self) -> Iterator[str]:
        return iter((EXCEPTION, FUNCTION, ATTRIBUTE, MODULE))

    def __len__(self) -> int:
        return 4


def logged(index: Index, at: str) -> Templates | None:
    """Return what the call of `logging` at `at` can say; None for no such site."""
    place, _, number = at.rpartition(":")
    found = index.logs.get(place)
    site = _entry(found.sites, number) if found is not None else None
    return in_full(site.arguments.positional[0]) if site is not None and site.arguments.positional else None


def in_full(messages: Templates) -> Templates:
    """Return the messages of a call of `logging`, with the fields of their formats as holes, or as they are."""
    return messages | {fields(str(text[0]))[0] for text in messages if len(text) == 1 and isinstance(text[0], str)}


def at(made: Arguments, number: int) -> Templates:
    """Return what the argument `number` can be."""
    return made.positional[number] if number < len(made.positional) else ANYTHING


def is_form(value: Any) -> bool:
    """Say whether a value has the members of a `code_text`, whatever stands in them."""
    return (
        type(value) is dict
        and value.keys() == {"at", "arguments"}
        and type(value["at"]) is str
        and type(value["arguments"]) is list
        and all(type(argument) is list and all(map(_is_part, argument)) for argument in value["arguments"])
    )


def spells(argument: list[Any], templates: Templates) -> bool:
    """Say whether literals and holes of an argument are those of one of the templates; shapes are not looked at."""
    found: Template = tuple(part if type(part) is str else Hole() for part in argument)
    return found == HOLE or found in templates


def shapes_of(value: Mapping[str, Any]) -> list[str]:
    """Return the shapes in a value of the form."""
    return [part[0] for argument in value["arguments"] for part in argument if type(part) is list]


def _is_part(part: Any) -> bool:
    return type(part) is str or (type(part) is list and len(part) == 1 and type(part[0]) is str)


def _entry(entries: Any, number: str) -> Any:
    if not number.isascii() or not number.isdigit() or len(number) > MAX_NUMBER_DIGITS or str(int(number)) != number:
        return None
    return entries[int(number)] if int(number) < len(entries) else None
