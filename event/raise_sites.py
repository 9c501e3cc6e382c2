"""What each `raise` of shipped code can say: templates by place, made at build time, read in the product (design 5).

A document of its own beside the index, until that has room for literals. For each module the hash of its source; for
each code object that raises, by its fingerprint, which instruction raises at which site; for each site its position in
the source and the templates of what it hands to the exception; for each exception class with an `__init__` of its own,
what that makes of what it is handed. Every literal in it is a literal of the source. Canonical JSON, so that it has one
hash, can be signed, and can be read by a person. In it a template is a list: a text is a literal, a list is a hole with
the name of the parameter whose value it is (`[""]` if none, `["-"]` for a value that is no text).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.canonical import canonical, sha256_hex
from event._template import Hole, Template, Templates

FORMAT = "diffgram-home-raise-sites/0"
Position = tuple[int, int, int, int]


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
class RaiseSites:
    """All of one release."""

    release: str
    sources: Mapping[str, str]
    codes: Mapping[str, Mapping[str, Mapping[int, int]]]
    sites: Mapping[str, tuple[Site, ...]]
    classes: Mapping[str, Construct]
    hash: str = field(default="")


def new(
    release: str,
    sources: Mapping[str, str],
    codes: Mapping[str, Mapping[str, Mapping[int, int]]],
    sites: Mapping[str, tuple[Site, ...]],
    classes: Mapping[str, Construct],
) -> RaiseSites:
    """Return them with their hash: SHA-256 over what `encode` writes."""
    bare = RaiseSites(release, sources, codes, sites, classes)
    return RaiseSites(release, sources, codes, sites, classes, sha256_hex(encode(bare)))


def encode(raise_sites: RaiseSites) -> bytes:
    """Return the canonical JSON."""
    modules = {
        module: {
            "source": hashed,
            "codes": {
                print_: [[offset, site] for offset, site in sorted(marks.items())]
                for print_, marks in raise_sites.codes.get(module, {}).items()
            },
            "sites": [[list(s.position), _arguments_out(s.arguments)] for s in raise_sites.sites.get(module, ())],
        }
        for module, hashed in raise_sites.sources.items()
    }
    classes = {name: _construct_out(construct) for name, construct in raise_sites.classes.items()}
    return canonical({"format": FORMAT, "release": raise_sites.release, "modules": modules, "classes": classes})


def parse(data: bytes) -> RaiseSites:
    """Return what `data` holds; raises ValueError when it is no such document or not in its one form."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise ValueError("another format")
        modules = document["modules"]
        found = new(
            str(document["release"]),
            {name: str(m["source"]) for name, m in modules.items()},
            {name: {p: {int(o): int(s) for o, s in k} for p, k in m["codes"].items()} for name, m in modules.items()},
            {name: tuple(Site(_position(p), _arguments_in(a)) for p, a in m["sites"]) for name, m in modules.items()},
            {name: _construct_in(c) for name, c in document["classes"].items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise ValueError("this is no document of raise sites: build it with python -m event.sites") from fault
    if encode(found) != data:
        raise ValueError("the raise sites are not in canonical form: build them again, do not edit them")
    return found


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


def _construct_out(construct: Construct) -> dict[str, Any]:
    return {
        "inits": sorted(construct.inits),
        "parameters": list(construct.parameters),
        "defaults": {name: _templates_out(templates) for name, templates in construct.defaults},
        "arguments": _arguments_out(construct.arguments),
        "as_passed": construct.as_passed,
    }


def _construct_in(row: Mapping[str, Any]) -> Construct:
    return Construct(
        frozenset(map(str, row["inits"])),
        tuple(map(str, row["parameters"])),
        tuple((name, _templates_in(rows)) for name, rows in sorted(row["defaults"].items())),
        _arguments_in(row["arguments"]),
        bool(row["as_passed"]),
    )
