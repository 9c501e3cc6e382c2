"""The bytes of a Sentry envelope → its items; and JSON as strangers write it.

An envelope is a line of JSON, then for each item a line of JSON with its type and, mostly, the length of what follows,
then that, then a line feed. A length that is too large, or does not end at a line feed, ends the reading: what came
before it holds. Only the lines are looked at here, and of them only the type and the length.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

MOST_ITEMS: Final = 100
MOST_OF_ONE: Final = 2 * 1024 * 1024
_MOST_OF_A_LINE: Final = 64 * 1024
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type, or nothing where it has none, and its bytes."""

    type: str
    data: memoryview


@dataclass(frozen=True, slots=True)
class Envelope:
    """What could be read; `whole` says whether that was everything."""

    items: tuple[Item, ...]
    whole: bool


def parse(data: bytes) -> Envelope:
    """Return the items of an envelope, as far as it can be read."""
    head, at = _line(data, 0)
    if decoded(head) is None:
        return Envelope((), False)
    view, items = memoryview(data), []
    while at < len(data):
        line, begin = _line(data, at)
        if not line:  # blank lines between items are nothing
            at = begin
            continue
        of = decoded(line)
        end = _end(data, begin, of) if of is not None and len(items) < MOST_ITEMS else -1
        if of is None or end < 0:
            return Envelope(tuple(items), False)
        kind = of.get("type")
        items.append(Item(kind if type(kind) is str else "", view[begin:end]))
        at = end + 1
    return Envelope(tuple(items), True)


def decoded(data: bytes | memoryview) -> dict[str, Any] | None:
    """Return the object that `data` is as JSON, or None.

    Half a surrogate pair is no JSON to a strict reader, but what some SDKs leave of a text that they cut short.
    """
    try:
        found = _decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        found = _leniently(data)
    return found if type(found) is dict else None


def _leniently(data: bytes | memoryview) -> Any:
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        return None


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the line that begins at `at`, and where the next one does; a line that is too long reads as no JSON."""
    end = data.find(b"\n", at, at + _MOST_OF_A_LINE)
    if end < 0:
        end = len(data)
    return data[at : min(end, at + _MOST_OF_A_LINE)].strip(), end + 1


def _end(data: bytes, begin: int, of: dict[str, Any]) -> int:
    """Return where the item that begins at `begin` ends, or -1 where its length lies."""
    length = of.get("length")
    if length is None:
        end = data.find(b"\n", begin)
        return end if end >= 0 else len(data)
    if type(length) is not int or not 0 <= length <= len(data) - begin:
        return -1
    end = begin + length
    return end if end == len(data) or data[end : end + 1] == b"\n" else -1
