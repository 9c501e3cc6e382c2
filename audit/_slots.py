"""The slots of the index's file: which there are, and how an entry of each is read and written.

A slot is a list of its own: what stands in one never allows anything in another. Entries are read when they are first
asked for, so that opening an index costs little however much was shipped.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from audit import known
from audit.canonical import canonical
from audit.errors import IndexFault
from audit.scripts import bundle_in, bundle_out
from audit.sites import construct_in, construct_out, sites_in, sites_out

T = TypeVar("T")
Lines = tuple[tuple[int, int], ...]
LINE = re.compile(rb'\["([a-z-]+)","([^"\\\x00-\x1f]*)",(.*)\]', re.DOTALL)
NAMES = ("loggers", "routes", "types", "versions")
"""Slots of names, each one entry without a name of its own."""


@dataclass(frozen=True, slots=True)
class Source:
    """One module as it was shipped: the SHA-256 of its file, and the library it belongs to (none: the product)."""

    sha256: str
    library: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How an entry of a slot becomes a value, and a value an entry. `attribute` is the index's name for the slot."""

    attribute: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


class Slot(Mapping[str, T], Generic[T]):
    """A slot of named entries as it was read; each is decoded when it is first asked for."""

    __slots__ = ("_form", "_known", "_raw")

    def __init__(self, raw: Mapping[str, bytes], form: Form) -> None:
        self._raw, self._form = raw, form
        self._known: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._read(self._raw[name])
        return known

    def get(self, name: str, default: Any = None) -> Any:
        """Return the entry, or `default`."""
        known = self._known.get(name)
        return known if known is not None else self[name] if name in self._raw else default

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def raw(self, name: str) -> bytes:
        """Return the entry as it stands in the file."""
        return self._raw[name]

    def _read(self, raw: bytes) -> T:
        try:
            value: T = self._form.read(json.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise malformed() from fault
        return value


def written(form: Form, entries: Mapping[str, Any], name: str) -> bytes:
    """Return an entry as it stands in the file."""
    return entries.raw(name) if isinstance(entries, Slot) else canonical(form.write(entries[name]))


def malformed() -> IndexFault:
    """The one fault of what cannot be read."""
    return IndexFault("index-malformed", "this is no index file", "build it with python -m event.index")


def _functions_in(row: Any) -> dict[str, Lines]:
    return {str(name): tuple((int(a), int(b)) for a, b in ranges) for name, ranges in row.items()}


def _functions_out(functions: Mapping[str, Lines]) -> dict[str, Any]:
    return {name: [list(pair) for pair in ranges] for name, ranges in functions.items()}


def _source_in(row: Any) -> Source:
    sha256, library = row
    return Source(str(sha256), str(library))


def _names_in(row: Any) -> frozenset[str]:
    return frozenset(map(str, row))


def _known_in(row: Any) -> tuple[known.Group, ...]:
    return known.from_document({"catalogues": {"one": row}, "lists": {}}).catalogues["one"]


def _known_out(groups: tuple[known.Group, ...]) -> Any:
    return known.document(known.Known({"one": groups}, {}))["catalogues"]["one"]


FORMS: Mapping[str, Form] = {
    "bundles": Form("bundles", bundle_in, bundle_out),
    "classes": Form("classes", construct_in, construct_out),
    "known-messages": Form("known.catalogues", _known_in, _known_out),
    "known-names": Form("known.lists", _names_in, sorted),
    "libraries": Form("libraries", str, str),
    "log-calls": Form("logs", sites_in, sites_out),
    "loggers": Form("loggers", _names_in, sorted),
    "places": Form("modules", _functions_in, _functions_out),
    "raise-sites": Form("raises", sites_in, sites_out),
    "routes": Form("routes", _names_in, sorted),
    "sources": Form("sources", _source_in, lambda source: [source.sha256, source.library]),
    "types": Form("types", _names_in, sorted),
    "versions": Form("versions", _names_in, sorted),
}
"""In the order in which they stand in the file."""
