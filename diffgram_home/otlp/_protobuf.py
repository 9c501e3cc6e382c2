"""Protobuf's wire format of an OTLP log request → the few fields that are read; all others are stepped over unseen.

A strict reader of our own (decision 0037): it knows nine messages, goes four levels deep whatever was nested into a
value, makes no object for what is not read, and stops at MOST_FIELDS. A length that lies, a number that does not end,
groups (which no field here ever was), and texts that are not UTF-8 make the whole request malformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from diffgram_home.otlp._request import Attributes, Found, Malformed, Source, TooMany

MOST_FIELDS: Final = 500_000
_NUMBER, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_FIXED: Final = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_ALL_BITS: Final = (1 << 64) - 1
_MOST_OF_A_TAG: Final = (1 << 32) - 1
_FIRST, _SECOND, _THIRD, _FIFTH, _SIXTH = (number << 3 | _BYTES for number in (1, 2, 3, 5, 6))
_SEVERITY: Final = 2 << 3 | _NUMBER
_STRING, _INTEGER = 1 << 3 | _BYTES, 3 << 3 | _NUMBER
_VALUES: Final = frozenset(
    {_STRING, _INTEGER, 2 << 3 | _NUMBER, 4 << 3 | _EIGHT_BYTES, *(n << 3 | _BYTES for n in (5, 6, 7))}
)
"""The members of an AnyValue, of which the last one counts."""
_OTHER: Final = object()
"""Stands for a value that is neither text nor whole number."""


def read(data: bytes) -> Found:
    """Return what an ExportLogsServiceRequest tells. Raises Malformed, and TooMany for one of too many fields."""
    return _Reader().request(memoryview(data))


class _Reader:
    """Reads one request; counts its fields."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS
        self._found = Found()

    def request(self, data: memoryview) -> Found:
        for tag, value in self._fields(data):
            if tag == _FIRST:
                self._resource_logs(value)
        return self._found

    def _resource_logs(self, data: memoryview) -> None:
        resource, scopes = b"", []
        for tag, value in self._fields(data):
            if tag == _FIRST:
                resource += value  # a message that comes twice is one: their bytes, joined
            elif tag == _SECOND:
                scopes.append(value)
        source = self._found.source(self._attributes(memoryview(resource), _FIRST))
        for scope in scopes:
            self._scope_logs(scope, source)

    def _scope_logs(self, data: memoryview, source: Source) -> None:
        scope, records = b"", []
        for tag, value in self._fields(data):
            if tag == _FIRST:
                scope += value
            elif tag == _SECOND:
                records.append(value)
        name = ""
        for tag, value in self._fields(memoryview(scope)):
            if tag == _FIRST:
                name = _text(value)
        for record in records:
            self._record(record, source, name)

    def _record(self, data: memoryview, source: Source, scope: str) -> None:
        severity, said, body, attributes = 0, "", None, []
        for tag, value in self._fields(data):
            if tag == _SEVERITY:
                severity = value
            elif tag == _THIRD:
                said = _text(value)
            elif tag == _FIFTH:
                body = self._any(value, body)
            elif tag == _SIXTH:
                attributes.append(self._attribute(value))
        self._found.add(source, scope, severity, said, body, attributes)

    def _attributes(self, data: memoryview, of: int) -> Attributes:
        return [self._attribute(value) for tag, value in self._fields(data) if tag == of]

    def _attribute(self, data: memoryview) -> tuple[str, Any]:
        key, told = "", None
        for tag, value in self._fields(data):
            if tag == _FIRST:
                key = _text(value)
            elif tag == _SECOND:
                told = self._any(value, told)
        return key, told

    def _any(self, data: memoryview, before: Any) -> Any:
        """Return a text or a whole number, `_OTHER` for any other value, `before` where none is told."""
        found = before
        for tag, value in self._fields(data):
            if tag == _STRING:
                found = _text(value)
            elif tag == _INTEGER:
                found = value - (1 << 64) if value >> 63 else value
            elif tag in _VALUES:
                found = _OTHER
        return found

    def _fields(self, data: memoryview) -> Iterator[tuple[int, Any]]:
        """Yield tag (number of the field × 8 + form) and value: a whole number, or a view of the bytes."""
        at, end = 0, len(data)
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise TooMany
            tag, at = _number(data, at, end)
            form, value = tag & 7, 0
            if tag > _MOST_OF_A_TAG or tag < 8:
                raise Malformed
            if form == _NUMBER:
                value, at = _number(data, at, end)
                yield tag, value
                continue
            length = _FIXED.get(form, -1)
            if form == _BYTES:
                length, at = _number(data, at, end)
            if not 0 <= length <= end - at:
                raise Malformed
            yield tag, data[at : at + length]
            at += length


def _number(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """Return the number that begins at `at`, at most ten bytes of seven bits, and where it ends."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found & _ALL_BITS, at
    raise Malformed


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise Malformed from None
