"""The closed list of types, which is the privacy guarantee: none of them is a string of the caller's choice (design 4).

For each type: which parameters a field must or may state, and how a value in a message is checked. A check answers yes
or no for a decoded JSON value; it never repairs. Reducing what a product hands in *to* such values is the business of
`event`; these checks run again in the gate of the installation and of corporate, with the same index.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from audit._coding import (
    MAX_CHAIN,
    MAX_FRAMES,
    MAX_SHAPES,
    NO_LOGGER,
    NO_PLACE,
    NO_ROUTE,
    NO_TYPE,
    SHAPE,
    check_code_text,
    check_error_log,
    check_logger,
    check_place,
    check_route,
    check_script_log,
    check_shape,
    check_type,
    size_class,
)
from audit.index import Index

__all__ = [
    "MAX_CHAIN",
    "MAX_FRAMES",
    "MAX_ID",
    "MAX_KEYS",
    "MAX_SHAPES",
    "NO_LOGGER",
    "NO_PLACE",
    "NO_ROUTE",
    "NO_TYPE",
    "OTHER",
    "PRECISIONS",
    "SENTINELS",
    "SHAPE",
    "STANDS",
    "TYPES",
    "WHOLE",
    "WINDOW",
    "Check",
    "TypeRule",
    "bucket_labels",
    "instant_text",
    "size_class",
]

Check = Callable[[Any], bool]
MAX_ID = 2**53 - 1
SENTINELS = (-1, -2)
WINDOW = timedelta(days=400)
OTHER = "other"
_NO_ANSWER = {-1: "timed out: there is no number", -2: "failed: there is no number"}
_STRANGE_PLACE = {NO_PLACE: "a place in code that the index of shipped code does not name"}
_STRANGE_TYPE = {NO_TYPE: "an exception type that the index of shipped code does not name"}
STANDS: Mapping[str, Mapping[Any, str]] = {
    **dict.fromkeys(("count", "size_bytes", "duration_ms"), _NO_ANSWER),
    "choice": {OTHER: "none of the declared choices"},
    "place": _STRANGE_PLACE,
    "type": _STRANGE_TYPE,
    "route": {NO_ROUTE: "an address that no registered URL rule matches"},
    "logger": {NO_LOGGER: "a logger that the index of shipped code does not name"},
    "error_log": {**_STRANGE_PLACE, **_STRANGE_TYPE},
    "script_log": {**_STRANGE_PLACE, **_STRANGE_TYPE},
}
"""Values that stand for something else, by type, in words; those of `error_log` stand inside it."""
MAX_KEYS = 64

PRECISIONS: Mapping[str, str] = {
    "day": r"\d{4}-\d{2}-\d{2}",
    "hour": r"\d{4}-\d{2}-\d{2}T\d{2}Z",
    "minute": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z",
    "second": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
}
_VERSION = re.compile(r"(?=(?:\.?[0-9]){1,6}\Z)[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}")
"""Six digits in all: three parts of three are as many as a telephone number has."""
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[0-9a-f]{32}")
_SELECTOR = re.compile(r"[a-z][a-z0-9-]{0,30}(?::[0-9]{1,3})?(?:>[a-z][a-z0-9-]{0,30}(?::[0-9]{1,3})?){0,15}")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_NOT_PUBLIC = frozenset(
    {
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "mail",
        "onion",
        "private",
    }
)
"""Last labels of hosts that are nobody's but the customer's own (RFC 6761, 6762, 7686, 8375; ICANN's `internal`)."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """One type of the closed list: what it can carry, its parameters, and how its check is made.

    `stands` has the values that stand for something else, with what they mean: sentinels, and stand-ins for what is not
    in the type's list.
    """

    name: str
    carries: str
    required: frozenset[str]
    optional: frozenset[str]
    make: Callable[[Mapping[str, Any], Index], Check]
    needs_unit: bool = False
    stands: Mapping[Any, str] = field(default_factory=dict)

    def means(self, value: Any) -> str:
        """Return in words what a value stands for that is none of its own kind; nothing for all others."""
        return self.stands.get(value, "") if type(value) in (int, str) else ""


def bucket_labels(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """Return the labels of a bucket field: `<50`, `<200`, …, and `>=` the last bound."""
    return (*(f"<{bound}" for bound in bounds), f">={bounds[-1]}")


def instant_text(moment: datetime, precision: str) -> str:
    """Return a UTC moment, truncated (never rounded) to the precision."""
    day = moment.strftime("%Y-%m-%d")
    form = {"day": "", "hour": "T%HZ", "minute": "T%H:%MZ", "second": "T%H:%M:%SZ"}[precision]
    return day + moment.strftime(form)


def _whole(value: Any) -> bool:
    return type(value) is int


def _text(pattern: re.Pattern[str]) -> Check:
    match = pattern.fullmatch
    return lambda value: type(value) is str and match(value) is not None


def _identifier(params: Mapping[str, Any], _: Index) -> Check:
    maximum = params["maximum"]
    return lambda value: type(value) is int and 0 <= value <= maximum


def _number(params: Mapping[str, Any], _: Index) -> Check:
    low, high = params.get("minimum", 0), params["maximum"]
    return lambda value: type(value) is int and (low <= value <= high or value in SENTINELS)


def _span(params: Mapping[str, Any]) -> tuple[int, int]:
    return params.get("minimum", 0), params["maximum"]


WHOLE: Mapping[str, Callable[[Mapping[str, Any]], tuple[int, int]]] = {
    "id": lambda params: (0, params["maximum"]),
    **dict.fromkeys(("count", "size_bytes", "duration_ms"), _span),
}
"""Types of whole numbers → lowest and highest value by their parameters; the check may let a few more pass."""


def _bucket(params: Mapping[str, Any], _: Index) -> Check:
    return _among(frozenset(bucket_labels(tuple(params["bounds"]))))


def _choice(params: Mapping[str, Any], _: Index) -> Check:
    return _among(frozenset(params["choices"]) | {OTHER})


def _among(allowed: frozenset[str]) -> Check:
    return lambda value: type(value) is str and value in allowed


def _flag(_params: Mapping[str, Any], _: Index) -> Check:
    return lambda value: type(value) is bool


def _version(_params: Mapping[str, Any], index: Index) -> Check:
    return lambda value: type(value) is str and (_VERSION.fullmatch(value) is not None or value in index.versions)


def _instant(params: Mapping[str, Any], _: Index) -> Check:
    pattern = re.compile(PRECISIONS[params["precision"]], re.ASCII)
    seen: dict[str, bool] = {}

    def check(value: Any) -> bool:
        if type(value) is not str:
            return False
        known = seen.get(value)
        if known is None:
            if len(seen) > 4096:
                seen.clear()
            known = seen[value] = pattern.fullmatch(value) is not None and _exists(value)
        return known

    return check


def _exists(text: str) -> bool:
    """Say whether the digits are a real moment: no 31 February, no 25th hour."""
    full = text.rstrip("Z") + {10: "T00:00:00", 13: ":00:00", 16: ":00", 19: ""}[len(text.rstrip("Z"))]
    try:
        datetime.fromisoformat(full)
    except ValueError:
        return False
    return True


def _site(params: Mapping[str, Any], _: Index) -> Check:
    directories = frozenset(params.get("directories", ()))

    def check(value: Any) -> bool:
        if type(value) is not str:
            return False
        host, slash, directory = value.partition("/")
        return _HOST.fullmatch(host) is not None and _is_public(host) and (not slash or directory in directories)

    return check


def _is_public(host: str) -> bool:
    """Say whether a host can be one that anybody knows: no single word, no address, no name of a network of one's own.

    A customer's machines are called after people (`rosas-laptop.local`), and a long number is a host name, too.
    """
    rest, _, last = host.rpartition(".")
    is_last = len(last) > 1 and (last.isalpha() or last.startswith("xn--"))
    return host == "localhost" or bool(rest and is_last and last not in _NOT_PUBLIC)


def _keys(params: Mapping[str, Any], _: Index) -> Check:
    allowed = frozenset(params["keys"])

    def one(key: Any) -> bool:
        return type(key) is str and (key in allowed or (key[:1] == "<" and SHAPE.fullmatch(key[1:-1]) is not None))

    return lambda value: type(value) is list and len(value) <= MAX_KEYS and all(map(one, value))


def _digest(params: Mapping[str, Any], _: Index) -> Check:
    return _text(re.compile(rf"[0-9a-f]{{{params['hex_chars']}}}"))


def _never(_params: Mapping[str, Any], _: Index) -> Check:
    return lambda _value: False


def _rule(name: str, carries: str, make: Any, required: str = "", optional: str = "", unit: bool = False) -> TypeRule:
    stands = STANDS.get(name, {})
    return TypeRule(name, carries, frozenset(required.split()), frozenset(optional.split()), make, unit, stands)


def _fixed(pattern: re.Pattern[str]) -> Callable[[Mapping[str, Any], Index], Check]:
    return lambda _params, _index: _text(pattern)


TYPES: Mapping[str, TypeRule] = {
    rule.name: rule
    for rule in (
        _rule("id", "a database id, from the key column that the field names", _identifier, "maximum", "key_column"),
        _rule("count", "a whole number of things; -1 timed out, -2 failed", _number, "maximum", "minimum", unit=True),
        _rule("size_bytes", "a size in bytes; -1 timed out, -2 failed", _number, "maximum", "minimum"),
        _rule("duration_ms", "a duration in milliseconds; -1 timed out, -2 failed", _number, "maximum", "minimum"),
        _rule("bucket", "one of the declared ranges, by upper bound", _bucket, "bounds", unit=True),
        _rule("flag", "true or false", _flag),
        _rule("choice", "one word of a closed list; anything else is `other`", _choice, "choices"),
        _rule(
            "version", "one to three numbers of at most three digits, six in all, or a version in the index", _version
        ),
        _rule("instant", "a UTC moment, truncated to the declared precision", _instant, "precision"),
        _rule(
            "place",
            "module:function:line of shipped code, file:line:column of a shipped script, or <place>",
            check_place,
        ),
        _rule("type", "an exception type that the index names, or <type>", check_type),
        _rule("logger", "the name of a logger that shipped code asks for, or <logger>", check_logger),
        _rule("code_text", "literal words of shipped source at a place, with shapes between them", check_code_text),
        _rule("shape", "a list of value classes such as email or integer(4), computed, never copied", check_shape),
        _rule("route", "a registered URL rule, or <route>; never a concrete address", check_route),
        _rule("site", "the name of a public host, and at most one listed first directory", _site, "", "directories"),
        _rule("selector", "tag names and positions in a page", _fixed(_SELECTOR)),
        _rule("keys", "declared keys of a JSON document; any other as its shape", _keys, "keys"),
        _rule("digest", "a keyed hash under a secret that never leaves, truncated", _digest, "hex_chars"),
        _rule("hash", "the SHA-256 of something that corporate holds or published", _fixed(_HEX64)),
        _rule("token", "a random identifier without meaning, minted and recorded by our code", _fixed(_TOKEN)),
        _rule(
            "error_log",
            "types, places, words of shipped source or of known messages, and shapes of one error; no values",
            check_error_log,
        ),
        _rule("script_log", "class, positions in shipped scripts and shape of one JavaScript error", check_script_log),
        _rule(
            "transforms",
            "which permitted transforms were used: names of fields, and words of their definitions",
            _never,
        ),
        _rule("envelope", "travels around a batch, written by HTTP or TLS; never inside one", _never),
    )
}
