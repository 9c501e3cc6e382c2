"""What a catalogue's tables must say. Each rule yields (key, code, message, hint); the caller knows file and line."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from audit import transforms
from audit.index import EMPTY
from audit.types import MAX_ID, PRECISIONS, TYPES

Found = tuple[str, str, str, str]
PURPOSES = ("fix-faults", "improve", "support", "billing", "licence", "integrity", "transport")
SENSITIVITIES = ("technical", "interaction", "organisation", "personal")
IDENTIFIES = ("nobody", "installation", "organisation", "person-by-pseudonym")
_SEMVER = re.compile(r"\d+\.\d+\.\d+")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_KIND_KEYS = {"case", "brief", "since", "removed"}
_REQUIRED = (
    *("kinds", "type", "purpose", "brief", "example", "sensitivity", "identifies"),
    *("retention_days", "owner", "since", "expires", "if_off"),
)
_OPTIONAL = {"key", "unit", "explain", "review", "removed", "transforms"}
WITHOUT_TRANSFORMS = ("every", "request")
"""Cases, as they stand in catalogues, of what wraps a batch or stands in a request."""
_BY_FORM = frozenset(
    ("place", "type", "route", "logger", "code_text", "error_log", "script_log", "envelope", "transforms")
)
_REVIEW_KEYS = {"by", "date", "link", "definition"}


def kind_faults(name: str, table: Any, namespace: str, cases: tuple[str, ...]) -> Iterator[Found]:
    """Yield every fault of one [kind."…"] table."""
    if not isinstance(table, dict):
        yield "", "not-a-table", f"kind {name!r} is no table", 'write [kind."namespace/thing-done"]'
        return
    if not re.fullmatch(rf"{namespace}/[a-z][a-z0-9]*(?:-[a-z0-9]+)*", name):
        yield "", "kind-name", f"kind {name!r} is not named {namespace}/thing-done", "lower case, - between words"
    for key in sorted(table.keys() - _KIND_KEYS):
        yield key, "unknown-key", f"kind {name!r} has an unknown key {key!r}", f"use {', '.join(sorted(_KIND_KEYS))}"
    if table.get("case") not in cases:
        yield "case", "unknown-case", f"kind {name!r} has no case of {', '.join(cases)}", "state one of them"
    yield from _sentence(name, "brief", table.get("brief"), 10)
    yield from _version(name, "since", table.get("since"))
    if "removed" in table:
        yield from _version(name, "removed", table["removed"])


def field_faults(name: str, table: Any, cases: Mapping[str, str]) -> Iterator[Found]:
    """Yield every fault of one [field.…] table, given kind → case for the kinds read so far."""
    if not isinstance(table, dict) or "type" not in table:
        yield "", "no-type", f"field {name!r} has no type", f"state one of {', '.join(TYPES)}"
        return
    rule = TYPES.get(table["type"]) if isinstance(table["type"], str) else None
    if rule is None:
        yield "type", "unknown-type", f"field {name!r} has an unknown type", f"the list is closed: {', '.join(TYPES)}"
        return
    if not _NAME.fullmatch(name):
        yield "", "field-name", f"field {name!r} has an odd name", "lower case letters, digits and _"
    known = {*_REQUIRED, *_OPTIONAL, *rule.required, *rule.optional}
    for key in sorted(table.keys() - known):
        yield (
            key,
            "unknown-key",
            f"field {name!r} has an unknown key {key!r}",
            f"type {rule.name} knows {sorted(known)}",
        )
    for key in [key for key in (*_REQUIRED, *sorted(rule.required)) if key not in table]:
        yield key, "missing-key", f"field {name!r} lacks {key!r}", "every field states it; none may be left to guess"
    yield from _kinds_of(name, table.get("kinds"), cases)
    yield from _closed(name, table)
    yield from _plain(name, table)
    yield from _review(name, table.get("review"))
    found = list(_parameters(name, table))
    yield from found
    if not found and rule.required <= table.keys():
        yield from _transforms(name, table, cases)
    if rule.needs_unit and not isinstance(table.get("unit"), str):
        yield "unit", "no-unit", f"field {name!r} of type {rule.name} has no unit", "name what is counted"
    if not found and rule.required <= table.keys() and not _example_holds(table):
        yield (
            "example",
            "bad-example",
            f"the example of {name!r} is no {rule.name}",
            "give one that the gate would take",
        )


def _kinds_of(name: str, stated: Any, cases: Mapping[str, str]) -> Iterator[Found]:
    if stated is None:
        return
    if not isinstance(stated, list) or not stated or len(set(map(str, stated))) != len(stated):
        yield (
            "kinds",
            "kinds",
            f"the kinds of {name!r} are no list of different kinds",
            'kinds = ["namespace/thing-done"]',
        )
        return
    for kind in stated:
        if kind not in cases:
            yield "kinds", "unknown-kind", f"field {name!r} names an unknown kind {kind!r}", "declare the kind above it"
    if len({cases[kind] for kind in stated if kind in cases}) > 1:
        yield "kinds", "two-cases", f"the kinds of {name!r} are of several cases", "define a field for each case"


def _closed(name: str, table: Mapping[str, Any]) -> Iterator[Found]:
    purpose = table.get("purpose", [PURPOSES[0]])
    if not isinstance(purpose, list) or not purpose or not set(map(str, purpose)) <= set(PURPOSES):
        yield "purpose", "purpose", f"the purpose of {name!r} is not of the closed list", f"use {', '.join(PURPOSES)}"
    for key, allowed in (("sensitivity", SENSITIVITIES), ("identifies", IDENTIFIES)):
        if key in table and table[key] not in allowed:
            yield key, key, f"the {key} of {name!r} is not of the closed list", f"use {', '.join(allowed)}"


def _plain(name: str, table: Mapping[str, Any]) -> Iterator[Found]:
    yield from _sentence(name, "brief", table.get("brief", "-" * 20), 20)
    yield from _sentence(name, "if_off", table.get("if_off", "-" * 10), 10)
    yield from _sentence(name, "owner", table.get("owner", "-" * 3), 3)
    days = table.get("retention_days", 1)
    if type(days) is not int or not 0 <= days <= 3650:
        yield (
            "retention_days",
            "retention",
            f"retention_days of {name!r} is no number of days",
            "0 to 3650, 0: not kept",
        )
    yield from _version(name, "since", table.get("since", "1.0.0"))
    if "removed" in table:
        yield from _version(name, "removed", table["removed"])
    if "explain" in table:
        yield from _sentence(name, "explain", table["explain"], 5)
    expires = table.get("expires", "never")
    if expires != "never" and not isinstance(expires, date) and not _is_date(expires):
        yield "expires", "expires", f"expires of {name!r} is no date", 'write "2028-11-21", or "never" with a reason'


def _review(name: str, review: Any) -> Iterator[Found]:
    if review is None:
        return
    if not isinstance(review, dict) or review.keys() != _REVIEW_KEYS:
        yield "review", "review", f"the review of {name!r} is not whole", f"state {', '.join(sorted(_REVIEW_KEYS))}"


def _parameters(name: str, table: Mapping[str, Any]) -> Iterator[Found]:
    for key in ("maximum", "minimum"):
        if key in table and (type(table[key]) is not int or not -MAX_ID <= table[key] <= MAX_ID):
            yield key, "bound", f"{key} of {name!r} is no whole number", "state a number within 2^53-1"
    if "bounds" in table:
        bounds = table["bounds"]
        rising = isinstance(bounds, list) and all(type(b) is int for b in bounds) and bounds == sorted(set(bounds))
        if not rising or not 1 <= len(bounds) <= 32:
            yield "bounds", "bounds", f"bounds of {name!r} are no rising whole numbers", "bounds = [50, 200, 1000]"
    for key in ("choices", "directories", "keys"):
        words = table.get(key, ["word"])
        if not isinstance(words, list) or not 1 <= len(words) <= 256 or not all(_is_word(word) for word in words):
            yield (
                key,
                key,
                f"{key} of {name!r} are no list of words",
                "1 to 256 words of at most 64 letters, digits, _ . - /",
            )
    if "precision" in table and table["precision"] not in PRECISIONS:
        yield "precision", "precision", f"precision of {name!r} is unknown", f"use {', '.join(PRECISIONS)}"
    if "hex_chars" in table and table["hex_chars"] not in range(16, 65):
        yield "hex_chars", "hex-chars", f"hex_chars of {name!r} is not 16 to 64", "state how many digits are kept"


def _transforms(name: str, table: Mapping[str, Any], cases: Mapping[str, str]) -> Iterator[Found]:
    """Every fault of the list of transforms, given parameters without fault."""
    words = table.get("transforms", [""])
    if not isinstance(words, list) or not words or len(set(map(str, words))) != len(words) or len(words) > 16:
        hint = 'transforms = ["round:10", "round:100"], at most 16'
        yield "transforms", "transforms", f"transforms of {name!r} are no list of different words", hint
        return
    if "transforms" not in table:
        return
    if any(cases.get(kind) in WITHOUT_TRANSFORMS for kind in table["kinds"] if isinstance(kind, str)):
        why, hint = "it wraps batches or is part of a request", "it goes as it is, or not at all"
        yield (
            "transforms",
            "transforms",
            f"{name!r} can permit no transform: {why}",
            hint,
        )
    for word in words:
        try:
            no = transforms.refusal(transforms.read(str(word)), table["type"], table)
        except ValueError as error:
            no = str(error)
        if no:
            hint = "permit only what leaves a value that the field declares"
            yield "transforms", "transforms", f"{name!r} cannot permit the transform {word!r}: {no}", hint


def _example_holds(table: Mapping[str, Any]) -> bool:
    """Whether the gate would take the example; names of an index are judged by their form alone."""
    if table["type"] in _BY_FORM:
        return bool(table.get("example"))
    return TYPES[table["type"]].make(table, EMPTY)(table.get("example"))


def _sentence(name: str, key: str, value: Any, least: int) -> Iterator[Found]:
    if not isinstance(value, str) or not least <= len(value) <= 600:
        yield key, "too-short", f"{key} of {name!r} is missing or says too little", f"write {least} to 600 characters"


def _version(name: str, key: str, value: Any) -> Iterator[Found]:
    if not isinstance(value, str) or not _SEMVER.fullmatch(value):
        yield key, "version", f"{key} of {name!r} is no release", 'write a release such as "1.0.0"'


def _is_date(text: Any) -> bool:
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _is_word(word: Any) -> bool:
    return isinstance(word, str) and re.fullmatch(r"[A-Za-z0-9_.\-/]{1,64}", word) is not None
