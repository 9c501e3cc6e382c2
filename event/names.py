"""Names files: what a product in another language declares of itself, for the index (`python -m event.index --names`).

Such a product tells of its errors by its own Sentry SDK, and nobody here reads its source; so its build writes types,
places and messages into a JSON file (docs/formats/names.md), which becomes part of the index like what is read from
source. What is not declared leaves as `<type>`, `<place>` and shapes.

Rules: a file is a list, never a vocabulary: a message keeps two words and eight letters at least, its holes name
nothing, and it belongs to types that the same file declares. Everything is said once; every fault is told in one run.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from audit.index import Lines
from audit.known import Group, Message
from event.known.notation import has_words, parts, text_of

FORMAT: Final = "diffgram-names/1"
CATALOGUE: Final = "names"
"""The catalogue of known messages that declared ones are in."""
PLATFORM: Final = "platform"
"""The list of known names that has the platforms, as Sentry SDKs call them, whose errors are the product's."""
MAX_BYTES, MAX_NAMES, MAX_MESSAGE, MAX_LINE = 8 * 1024 * 1024, 100_000, 1_000, 999_999
_TOLD = 20
_MEMBERS = frozenset({"format", "platforms", "types", "places", "messages"})
_PLATFORM = re.compile(r"(?!python\Z|javascript\Z)[a-z][a-z0-9_-]{0,30}")
_TYPE = re.compile(r"(?=.*[A-Za-z])\*?[\w$.:\\]{1,200}", re.ASCII)
_MODULE = re.compile(r"(?=.*[A-Za-z])[\w$.@/-]{1,200}", re.ASCII)
_FUNCTION = re.compile(r"[\w$.:#?!~*&,()<>\[\]\\/-]{1,200}", re.ASCII)


class NamesFault(ValueError):
    """One or more files cannot be used; the text says all that is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """What files declare together: platforms, exception types, module → function → lines, and messages by types."""

    platforms: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    places: Mapping[str, Mapping[str, Lines]] = field(default_factory=dict)
    messages: tuple[Group, ...] = ()


def read(paths: Sequence[Path]) -> Names:
    """Return what the files declare together. Raises NamesFault with every fault, OSError for an unreadable file."""
    faults: list[str] = []
    found = [_Reader(path.name, faults).of(path.read_bytes()) for path in paths]
    places = Counter(module for one in found for module in one.places)
    faults += [f"{_quoted(module)} is declared by two files" for module, count in places.items() if count > 1]
    if faults:
        more = f" (and {len(faults) - _TOLD} more)" if len(faults) > _TOLD else ""
        raise NamesFault(f"{'; '.join(faults[:_TOLD])}{more}: correct what writes the file, then build again")
    return Names(
        frozenset().union(*(one.platforms for one in found)),
        frozenset().union(*(one.types for one in found)),
        {module: functions for one in found for module, functions in one.places.items()},
        tuple(group for one in found for group in one.messages),
    )


class _Reader:
    """Reads one file and collects what is wrong with it; what is at fault is left out of what it returns."""

    def __init__(self, file: str, faults: list[str]) -> None:
        self._file, self._faults = file, faults

    def of(self, data: bytes) -> Names:
        """Return what the file declares."""
        document = self._document(data)
        if document is None:
            return Names()
        types = frozenset(self._named(document["types"], _TYPE, "type"))
        return Names(
            frozenset(self._named(document["platforms"], _PLATFORM, "platform", least=1)),
            types,
            self._places(document["places"]),
            tuple(self._groups(document["messages"], types)),
        )

    def _fault(self, what: str) -> None:
        self._faults.append(f"{self._file}: {what}")

    def _document(self, data: bytes) -> dict[str, Any] | None:
        if len(data) > MAX_BYTES:
            self._fault(f"larger than {MAX_BYTES} bytes")
            return None
        try:
            document = json.loads(data.decode("utf-8"), object_pairs_hook=self._once)
        except (ValueError, RecursionError):
            self._fault("no JSON")
            return None
        if type(document) is not dict or document.keys() != _MEMBERS or document["format"] != FORMAT:
            self._fault(f"no object with exactly {', '.join(sorted(_MEMBERS))}, of format {FORMAT!r}")
            return None
        return document

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        for name in twice[:_TOLD]:
            self._fault(f"{_quoted(name)} stands twice in one object")
        return dict(pairs)

    def _rows(self, value: Any, what: str) -> list[Any]:
        if type(value) is list and len(value) <= MAX_NAMES:
            return value
        self._fault(f"{what} is no list of at most {MAX_NAMES}")
        return []

    def _named(self, value: Any, form: re.Pattern[str], what: str, least: int = 0) -> Iterator[str]:
        rows, seen = self._rows(value, f"{what}s"), set[str]()
        if len(rows) < least:
            self._fault(f"no {what} is named")
        for one in rows:
            if type(one) is not str or form.fullmatch(one) is None:
                self._fault(f"{_quoted(one)} cannot be a {what}")
            elif one in seen:
                self._fault(f"the {what} {_quoted(one)} is declared twice")
            else:
                seen.add(one)
                yield one

    def _places(self, value: Any) -> dict[str, dict[str, Lines]]:
        if type(value) is not dict or not all(type(functions) is dict for functions in value.values()):
            self._fault("places is no object of objects")
            return {}
        if sum(map(len, value.values())) > MAX_NAMES:
            self._fault(f"more than {MAX_NAMES} functions")
            return {}
        found: dict[str, dict[str, Lines]] = {}
        for module, functions in value.items():
            if _MODULE.fullmatch(module) is None:
                self._fault(f"{_quoted(module)} cannot be a module or file")
                continue
            found[module] = {name: self._lines(module, name, ranges) for name, ranges in functions.items()}
        return found

    def _lines(self, module: str, function: str, ranges: Any) -> Lines:
        if _FUNCTION.fullmatch(function) is None:
            self._fault(f"{_quoted(function)} in {module!r} cannot be a function")
            return ()
        rows = ranges if type(ranges) is list and len(ranges) <= MAX_LINE else []
        if not rows or not _ascend(rows):
            self._fault(f"{function!r} in {module!r} has no ranges of lines [first, last], ascending")
            return ()
        return tuple((first, last) for first, last in rows)

    def _groups(self, value: Any, types: frozenset[str]) -> Iterator[Group]:
        seen: set[tuple[str, Message]] = set()
        for row in self._rows(value, "messages"):
            if type(row) is not dict or row.keys() != {"types", "messages"}:
                self._fault("a row of messages has exactly types and messages")
                continue
            kinds = tuple(self._named(row["types"], _TYPE, "type", least=1))
            for kind in kinds:
                if kind not in types:
                    self._fault(f"messages are stated for the type {kind!r}, which types does not declare")
            texts = self._rows(row["messages"], "messages")
            messages = tuple(message for text in texts if (message := self._message(text)) is not None)
            for kind, message in ((kind, message) for kind in kinds for message in messages):
                if (kind, message) in seen:
                    self._fault(f"{text_of(message)!r} is stated twice for {kind!r}")
                seen.add((kind, message))
            if kinds and messages:
                yield kinds, messages

    def _message(self, text: Any) -> Message | None:
        if type(text) is not str or not text.isprintable() or len(text) > MAX_MESSAGE:
            self._fault(f"{_quoted(text)} is no message of one line and at most {MAX_MESSAGE} printable characters")
            return None
        try:
            message = parts(text)
        except ValueError as fault:
            self._fault(str(fault))
            return None
        named = any(part[0] for part in message if not isinstance(part, str))
        if named or any(not isinstance(a, str) and not isinstance(b, str) for a, b in pairwise(message)):
            self._fault(f"{text!r} has a hole with a name, or two side by side: write {{}}, and something between")
            return None
        if not has_words(part for part in message if isinstance(part, str)):
            self._fault(f"{text!r} has fewer than two words and eight letters, so it could never leave")
            return None
        return message


def _ascend(ranges: list[Any]) -> bool:
    """Say whether these are ranges of lines, each behind the one before."""
    last = 0
    for one in ranges:
        if type(one) is not list or [type(n) for n in one] != [int, int] or not last < one[0] <= one[1] <= MAX_LINE:
            return False
        last = one[1]
    return True


def _quoted(value: Any) -> str:
    """Return a value for an error: this file is the vendor's own, and can still be long."""
    return repr(value)[:80]
