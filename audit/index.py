"""The index: what the vendor shipped, as names that may therefore leave (design 5).

Built from source at build time by `python -m event.index`, shipped with the release, pinned by hash in the settings,
and held by corporate too. The customer's server is never scanned. One list a slot; what is not in its own slot's list
leaves as `<place>`, `<type>` or `<route>`. This release's index has places, types, routes and versions; it has no
literals, so no `code_text` is accepted anywhere yet.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.canonical import canonical, sha256_hex
from audit.errors import IndexFault

FORMAT = "diffgram-home-index/1"
Lines = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Names of one release. `modules` maps module → qualified function name → line ranges, first and last included."""

    release: str
    modules: Mapping[str, Mapping[str, Lines]]
    types: frozenset[str]
    routes: frozenset[str]
    versions: frozenset[str]
    hash: str = field(default="")

    def has_place(self, place: str) -> bool:
        """Say whether `module:function:line` is a line of that function in the shipped source."""
        module, _, rest = place.partition(":")
        function, _, line = rest.rpartition(":")
        if not line.isascii() or not line.isdigit() or len(line) > 6 or str(int(line)) != line:
            return False
        ranges = self.modules.get(module, {}).get(function, ())
        return any(first <= int(line) <= last for first, last in ranges)

    def has_type(self, name: str) -> bool:
        """Say whether `name` is an exception type of the release, of its libraries, or of the interpreter."""
        return name in self.types

    def has_route(self, rule: str) -> bool:
        """Say whether `rule` is a registered URL rule such as `/project/<int:id>`."""
        return rule in self.routes


def new(
    release: str,
    modules: Mapping[str, Mapping[str, Lines]],
    types: frozenset[str],
    routes: frozenset[str] = frozenset(),
    versions: frozenset[str] = frozenset(),
) -> Index:
    """Return an index with its hash: SHA-256 over the canonical JSON that `encode` writes."""
    bare = Index(release, modules, types, routes, versions)
    return Index(release, modules, types, routes, versions, sha256_hex(encode(bare)))


def encode(index: Index) -> bytes:
    """Return the index as canonical JSON, one document, the bytes that its hash is over."""
    modules = {
        module: {name: [list(pair) for pair in ranges] for name, ranges in functions.items()}
        for module, functions in index.modules.items()
    }
    return canonical(
        {
            "format": FORMAT,
            "release": index.release,
            "modules": modules,
            "types": sorted(index.types),
            "routes": sorted(index.routes),
            "versions": sorted(index.versions),
        }
    )


def parse(data: bytes) -> Index:
    """Return the index that `data` holds.

    Raises IndexFault when it is not an index of this format, or not in canonical form (its hash would be ambiguous).
    """
    try:
        document = json.loads(data)
        index = _from_document(document)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise IndexFault("index-malformed", "this is no index file", "build it with python -m event.index") from fault
    if encode(index) != data:
        raise IndexFault("index-not-canonical", "the index is not in canonical form", "build it again, do not edit it")
    return index


def _from_document(document: Any) -> Index:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    modules = {
        module: {name: tuple((int(a), int(b)) for a, b in ranges) for name, ranges in functions.items()}
        for module, functions in document["modules"].items()
    }
    names = [frozenset(str(name) for name in document[slot]) for slot in ("types", "routes", "versions")]
    return new(str(document["release"]), modules, *names)


EMPTY = new("none", {}, frozenset())
