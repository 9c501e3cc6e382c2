"""Values become metadata here, at the call, by the declared type of their field; nothing else reaches a disk (design
3).

A reducer takes whatever a product handed in and returns a value that `audit.types` accepts, or raises Drop. It looks at
exact built-in types only: `type(x) is int`, never `isinstance`, and never a method of a value of any other type. So a
subclass of str that lies about its length, or raises from `__eq__`, is never asked.
"""

from bisect import bisect_right
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timezone
from typing import Any
from zoneinfo import ZoneInfo

from audit.catalogue import Catalogue, Field
from audit.index import Index
from audit.types import (
    MAX_KEYS,
    NO_LOGGER,
    NO_PLACE,
    NO_ROUTE,
    NO_TYPE,
    OTHER,
    SENTINELS,
    TYPES,
    WHOLE,
    WINDOW,
    bucket_labels,
    instant_text,
)
from event._shape import shape
from event.errors import Drop, Reason
from event.scripts import Thrown, reduced

Reducer = Callable[[Any], Any]
RESERVED = ("kind", "at")
_MAX_NAME = 512
_MAX_SITE = 2048
_WORDS = ("at", "arguments")
_ZONES = (timezone, ZoneInfo)


@dataclass(frozen=True, slots=True)
class Compiled:
    """One kind, ready for use: the precision of `at`, what becomes of each key, and the keys that hold errors.

    A key's entry is (the catalogue's own string, lowest, highest, reducer). A whole number from lowest to highest is
    carried as it is: most values, checked without a call. All else goes to the reducer; where only it may decide,
    lowest is above highest.
    """

    name: str
    precision: str
    fields: Mapping[str, tuple[str, int, int, Reducer]]
    error_keys: tuple[str, ...]


def compile_kinds(
    catalogue: Catalogue, index: Index, case: str = "event", off: Container[str] = ()
) -> dict[str, Compiled]:
    """Return kind → Compiled for every live kind of `case`, in which fields named in `off` are not reduced."""
    return {
        kind.name: _compile(kind.name, catalogue.of_kind(kind.name), index, off) for kind in catalogue.live_kinds(case)
    }


def switched_off(_value: Any) -> None:
    """Stand for the reducer of a field that is switched off; who finds it passes the value by, unseen."""


def _compile(kind: str, fields: Mapping[str, Field], index: Index, off: Container[str]) -> Compiled:
    at = fields.get("at")
    precision = at.params["precision"] if at is not None else "second"
    ready = {
        key: (key, 1, 0, switched_off)
        if field.name in off
        else (key, *_span(field), _MAKERS.get(field.type, _checked)(field, index))
        for key, field in fields.items()
        if key not in RESERVED
    }
    errors = tuple(key for key, f in fields.items() if f.type == "error_log" and f.name not in off)
    return Compiled(kind, precision, ready, errors)


def _span(field: Field) -> tuple[int, int]:
    return WHOLE[field.type](field.params) if field.type in WHOLE else (1, 0)


def type_name(value: Any) -> str:
    """Return the name of a value's type without running any of its code, for messages to developers."""
    name = type.__dict__["__qualname__"].__get__(type(value))
    return str.__str__(name)[:80]


def class_name(kind: type) -> str:
    """Return `ValueError`, or `module.Name` for what is not built in; runs no code of the class or its metaclass."""
    module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    if type(module) is not str or type(name) is not str:
        return NO_TYPE
    return name if module == "builtins" else f"{module}.{name}"


def _wrong(instead: str) -> Drop:
    return Drop(Reason.WRONG_TYPE, instead)


def _outside(instead: str) -> Drop:
    return Drop(Reason.OUT_OF_BOUNDS, instead)


def _identifier(field: Field, _: Index) -> Reducer:
    maximum = field.params["maximum"]

    def reduce(value: Any) -> int:
        if type(value) is not int:
            raise _wrong("hand in the database id as an int")
        if not 0 <= value <= maximum:
            raise _outside(f"hand in an id from 0 to {maximum}")
        return value

    return reduce


def _number(field: Field, _: Index) -> Reducer:
    low, high = field.params.get("minimum", 0), field.params["maximum"]

    def reduce(value: Any) -> int:
        if type(value) is not int:
            raise _wrong("hand in a whole number as an int")
        if low <= value <= high or value in SENTINELS:
            return value
        raise _outside(f"hand in {low} to {high}, -1 for timed out, or -2 for failed")

    return reduce


def _bucket(field: Field, _: Index) -> Reducer:
    bounds = tuple(field.params["bounds"])
    labels = bucket_labels(bounds)

    def reduce(value: Any) -> str:
        if type(value) is not int:
            raise _wrong("hand in a whole number as an int; the bucket is found for you")
        if value < 0:
            raise _outside("hand in 0 or more")
        return labels[bisect_right(bounds, value)]

    return reduce


def _flag(_field: Field, _: Index) -> Reducer:
    def reduce(value: Any) -> bool:
        if type(value) is not bool:
            raise _wrong("hand in True or False")
        return value

    return reduce


def _choice(field: Field, _: Index) -> Reducer:
    choices = {choice: choice for choice in field.params["choices"]}

    def reduce(value: Any) -> str:
        if type(value) is not str:
            raise _wrong("hand in one of the declared choices as a str")
        return choices.get(value, OTHER) if len(value) <= _MAX_NAME else OTHER

    return reduce


def _instant(field: Field, _: Index) -> Reducer:
    precision = field.params["precision"]

    def reduce(value: Any) -> str:
        if type(value) is date:
            value = datetime.combine(value, time(), UTC)
        if type(value) is not datetime or type(value.tzinfo) not in _ZONES:
            raise _wrong("hand in an aware datetime, such as datetime.now(UTC)")
        try:
            moment = value.astimezone(UTC)
        except OverflowError:
            raise _outside("hand in a moment within 400 days of now") from None
        if abs(moment - datetime.now(UTC)) > WINDOW:
            raise _outside("hand in a moment within 400 days of now")
        return instant_text(moment, precision)

    return reduce


def _name_in(has: Callable[[str], bool], stand_in: str) -> Reducer:
    """Make a reducer for one slot of the index: what does not stand in it becomes the slot's stand-in."""

    def reduce(value: Any) -> str:
        if type(value) is not str:
            raise _wrong("hand in the name as a str")
        return value if len(value) <= _MAX_NAME and has(value) else stand_in

    return reduce


def _type(_field: Field, index: Index) -> Reducer:
    by_name = _name_in(index.has_type, NO_TYPE)

    def reduce(value: Any) -> str:
        return str(by_name(class_name(value) if issubclass(type(value), type) else value))

    return reduce


def _shape(_field: Field, _: Index) -> Reducer:
    return lambda value: [shape(value)]


def _site(field: Field, index: Index) -> Reducer:
    accepts = TYPES["site"].make(field.params, index)

    def reduce(value: Any) -> str:
        if type(value) is not str:
            raise _wrong("hand in an address as a str; only its host is kept")
        if len(value) > _MAX_SITE:
            raise _outside("hand in an address of at most 2048 characters")
        host, directory = _host_and_directory(value)
        if directory and accepts(f"{host}/{directory}"):
            return f"{host}/{directory}"
        if not accepts(host):
            raise _outside("hand in an address that has the name of a public host")
        return host

    return reduce


def _host_and_directory(address: str) -> tuple[str, str]:
    """Split an address; user, password, port, query and fragment are never looked at again.

    Without `://` it is a host as it stands: `mailto:` and its like have none, though somebody's mail names one.
    """
    _, scheme, rest = address.partition("://")
    rest = rest if scheme else address
    for end in "?#":
        rest = rest.partition(end)[0]
    authority, _, path = rest.partition("/")
    host = (authority.rpartition("@")[2] if scheme else authority).partition(":")[0]
    return host.lower(), path.partition("/")[0]


def _keys(field: Field, _: Index) -> Reducer:
    allowed = frozenset(field.params["keys"])

    def one(key: Any) -> str:
        known = type(key) is str and len(key) <= _MAX_NAME and key in allowed
        return key if known else f"<{shape(key)}>"

    def reduce(value: Any) -> list[str]:
        if type(value) not in (dict, list, tuple):
            raise _wrong("hand in the document as a dict, or its keys as a list")
        return [one(key) for _, key in zip(range(MAX_KEYS), value, strict=False)]

    return reduce


def _error_log(_field: Field, _: Index) -> Reducer:
    def reduce(_value: Any) -> None:
        raise _wrong("call event.error(exception), which builds it")

    return reduce


def _script_log(_field: Field, index: Index) -> Reducer:
    def reduce(value: Any) -> dict[str, Any]:
        if type(value) is not Thrown:
            raise _wrong("hand in an event.scripts.Thrown")
        return reduced(value, index)

    return reduce


def _code_text(field: Field, index: Index) -> Reducer:
    """Make a reducer for words that were found at their place already; it copies what is exactly of the form."""
    accepts = TYPES[field.type].make(field.params, index)

    def reduce(value: Any) -> dict[str, Any]:
        if type(value) is not dict or len(value) != len(_WORDS):
            raise _wrong("log through event.Handler, which builds it")
        copied = {key: one for key, one in value.items() if type(key) is str and key in _WORDS}
        if not accepts(copied):
            raise _outside("log through event.Handler, which builds it")
        return copied

    return reduce


def _checked(field: Field, index: Index) -> Reducer:
    """Make a reducer for what is handed in as it leaves: token, hash, digest, version, selector."""
    accepts = TYPES[field.type].make(field.params, index)

    def reduce(value: Any) -> str:
        if type(value) is not str:
            raise _wrong("hand in a str")
        if len(value) > _MAX_NAME or not accepts(value):
            raise _outside(f"hand in what the type {field.type!r} allows: {TYPES[field.type].carries}")
        return value

    return reduce


_MAKERS: Mapping[str, Callable[[Field, Index], Reducer]] = {
    "id": _identifier,
    "count": _number,
    "size_bytes": _number,
    "duration_ms": _number,
    "bucket": _bucket,
    "flag": _flag,
    "choice": _choice,
    "instant": _instant,
    "place": lambda _field, index: _name_in(TYPES["place"].make({}, index), NO_PLACE),
    "type": _type,
    "route": lambda _field, index: _name_in(index.has_route, NO_ROUTE),
    "shape": _shape,
    "site": _site,
    "keys": _keys,
    "logger": lambda _field, index: _name_in(index.has_logger, NO_LOGGER),
    "code_text": _code_text,
    "error_log": _error_log,
    "script_log": _script_log,
}
