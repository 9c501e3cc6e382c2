"""An OTLP log request as JSON (the OTLP specification's mapping of protobuf) → the same fields; others are not kept.

A member of another type than it should have makes the whole request malformed; members that are not known are passed
over, however deep they are, up to the depth that the reader of JSON bears.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from diffgram_home.otlp._request import Attributes, Found, Malformed

_WHOLE: Final = re.compile("-?[0-9]{1,19}")


class _Any(msgspec.Struct, frozen=True):
    stringValue: str | None = None
    intValue: int | str | None = None
    boolValue: Any = None
    doubleValue: Any = None
    bytesValue: Any = None
    arrayValue: Any = None
    kvlistValue: Any = None


_NOTHING: Final = _Any()


class _Attribute(msgspec.Struct, frozen=True):
    key: str = ""
    value: _Any | None = None


class _Resource(msgspec.Struct, frozen=True):
    attributes: list[_Attribute] | None = None


class _Scope(msgspec.Struct, frozen=True):
    name: str | None = None


class _Record(msgspec.Struct, frozen=True):
    severityNumber: int | None = None
    severityText: str | None = None
    body: _Any | None = None
    attributes: list[_Attribute] | None = None


class _ScopeLogs(msgspec.Struct, frozen=True):
    scope: _Scope | None = None
    logRecords: list[_Record] | None = None


class _ResourceLogs(msgspec.Struct, frozen=True):
    resource: _Resource | None = None
    scopeLogs: list[_ScopeLogs] | None = None


class _Request(msgspec.Struct, frozen=True):
    resourceLogs: list[_ResourceLogs] | None = None


_decode: Final = msgspec.json.Decoder(_Request).decode


def read(data: bytes) -> Found:
    """Return what an ExportLogsServiceRequest tells. Raises Malformed."""
    found = Found()
    for of in _request(data).resourceLogs or ():
        source = found.source(_attributes(of.resource.attributes if of.resource else None))
        for within in of.scopeLogs or ():
            name = (within.scope.name if within.scope else None) or ""
            for one in within.logRecords or ():
                said, body = one.severityText, _value(one.body)
                found.add(source, name, one.severityNumber or 0, said, body, _attributes(one.attributes))
    return found


def _request(data: bytes) -> _Request:
    """Read strictly, and where that fails once more as SDKs write: a text may be cut within a surrogate pair."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    try:
        return msgspec.convert(json.loads(data), _Request)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Malformed from None


def _attributes(found: Iterable[_Attribute] | None) -> Attributes:
    return [(one.key, _value(one.value)) for one in found or ()]


def _value(of: _Any | None) -> Any:
    """Return a text or a whole number; False for any other value, None for none."""
    if of is None or of == _NOTHING:
        return None
    if of.stringValue is not None:
        return of.stringValue
    whole = of.intValue
    if type(whole) is int:
        return whole
    if type(whole) is str and _WHOLE.fullmatch(whole):
        return int(whole)
    return False
