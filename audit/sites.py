"""What each `raise` and each call of `logging` in shipped code can say: templates by place (design 5).

Made at build time, part of the index, read in the product and by the gate. For each code object that raises, by its
fingerprint, which instruction raises at which site; for each site its position in the source and the templates of what
it hands to the exception; for each exception class with an `__init__` of its own, what that makes of what it is handed.
Calls of `logging` likewise: their first argument. Every literal in it is a literal of the source. `…_out` and `…_in`
are the rows of the index's file, in which a template is a list: a text is a literal, a list is a hole with the name of
the parameter whose value it is (`[""]` if none, `["-"]` for a value that is no text).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.template import ANYTHING, Hole, Template, Templates, bounded, filled

Position = tuple[int, int, int, int]
Marks = Mapping[int, int]
"""Offset of an instruction → number of the site."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call hands over: templates by position and by name.

    `rest` is the number of the first further argument of the raise that follows as it is, or -1. With `is_open`, more
    may follow that is not known.
    """

    positional: tuple[Templates, ...] = ()
    keywords: tuple[tuple[str, Templates], ...] = ()
    rest: int = -1
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One `raise`: first line, last line, first column, last column (bytes, from 0), and what it hands over."""

    position: Position
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Construct:
    """What a class makes of the arguments of a raise.

    `inits` are the fingerprints of every `__init__` on the way, `parameters` the names by position, `defaults` what is
    taken for one that is not given, `arguments` what becomes of `args`, with holes named after parameters, or after
    `#2` for the third argument. With `as_passed`, `args` can also stay as they were handed over.
    """

    inits: frozenset[str]
    parameters: tuple[str, ...]
    defaults: tuple[tuple[str, Templates], ...]
    arguments: Arguments
    as_passed: bool


@dataclass(frozen=True, slots=True)
class Sites:
    """The sites of one module: `codes` maps the fingerprint of a code object to its marks.

    Of a call of `logging` the first positional argument is its message.
    """

    codes: Mapping[str, Marks]
    sites: tuple[Site, ...]


NOTHING = Sites({}, ())


def constructed(construct: Construct, passed: Arguments) -> Arguments:
    """Return what `args` can be when `construct` was handed `passed`."""
    named = dict(passed.keywords)
    defaults = dict(construct.defaults)
    values: dict[str, Templates] = {f"#{n}": templates for n, templates in enumerate(passed.positional)}
    for number, name in enumerate(construct.parameters):
        if number < len(passed.positional):
            values[name] = passed.positional[number]
        elif name in named:
            values[name] = named[name]
        elif not passed.is_open and "**" not in named:
            values[name] = defaults.get(name, ANYTHING)
    for name in defaults.keys() - set(construct.parameters):
        values[name] = named.get(name, ANYTHING if "**" in named else defaults[name])
    made = [_filled(templates, values) for templates in construct.arguments.positional]
    is_open = False
    if construct.arguments.rest >= 0:
        made += passed.positional[construct.arguments.rest :]
        is_open = passed.is_open
    if construct.as_passed:
        both = max(len(made), len(passed.positional))
        made = [_union(made, passed.positional, n) for n in range(both)]
        is_open = is_open or passed.is_open
    return Arguments(tuple(made), (), -1, is_open)


def _filled(templates: Templates, values: Mapping[str, Templates]) -> Templates:
    return bounded(frozenset(whole for template in templates for whole in filled(template, values)))


def _union(left: list[Templates], right: tuple[Templates, ...], number: int) -> Templates:
    none: Templates = frozenset()
    return (left[number] if number < len(left) else none) | (right[number] if number < len(right) else none)


def sites_out(found: Sites) -> dict[str, Any]:
    """Return the row of one module."""
    codes = {code: [[offset, site] for offset, site in sorted(marks.items())] for code, marks in found.codes.items()}
    return {"codes": codes, "sites": [[list(s.position), _arguments_out(s.arguments)] for s in found.sites]}


def sites_in(row: Any) -> Sites:
    """Return the sites of a row; raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    codes = {str(code): {int(o): int(n) for o, n in marks} for code, marks in row["codes"].items()}
    return Sites(codes, tuple(Site(_position(position), _arguments_in(a)) for position, a in row["sites"]))


def _position(numbers: Iterable[int]) -> Position:
    first, last, column, end = map(int, numbers)
    return first, last, column, end


def _templates_out(templates: Templates) -> list[list[Any]]:
    return sorted(([p if isinstance(p, str) else [p.parameter] for p in t] for t in templates), key=repr)


def _templates_in(rows: Iterable[Iterable[Any]]) -> Templates:
    return frozenset(_template_in(row) for row in rows)


def _template_in(row: Iterable[Any]) -> Template:
    return tuple(part if isinstance(part, str) else Hole(str(part[0])) for part in row)


def _arguments_out(arguments: Arguments) -> dict[str, Any]:
    keywords = {name: _templates_out(templates) for name, templates in arguments.keywords}
    row: dict[str, Any] = {"positional": [_templates_out(templates) for templates in arguments.positional]}
    row |= {"keywords": keywords} if keywords else {}
    row |= {"rest": arguments.rest} if arguments.rest >= 0 else {}
    return row | ({"open": True} if arguments.is_open else {})


def _arguments_in(row: Mapping[str, Any]) -> Arguments:
    return Arguments(
        tuple(_templates_in(rows) for rows in row["positional"]),
        tuple((name, _templates_in(rows)) for name, rows in sorted(row.get("keywords", {}).items())),
        int(row.get("rest", -1)),
        bool(row.get("open", False)),
    )


def construct_out(construct: Construct) -> dict[str, Any]:
    """Return the row of one class."""
    return {
        "inits": sorted(construct.inits),
        "parameters": list(construct.parameters),
        "defaults": {name: _templates_out(templates) for name, templates in construct.defaults},
        "arguments": _arguments_out(construct.arguments),
        "as_passed": construct.as_passed,
    }


def construct_in(row: Mapping[str, Any]) -> Construct:
    """Return what a row says of a class; raises as `sites_in` does."""
    return Construct(
        frozenset(map(str, row["inits"])),
        tuple(map(str, row["parameters"])),
        tuple((name, _templates_in(rows)) for name, rows in sorted(row["defaults"].items())),
        _arguments_in(row["arguments"]),
        bool(row["as_passed"]),
    )
