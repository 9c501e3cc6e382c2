"""Explains the bytes of a batch: each line as it is, each value beside the field that declares it.

The bytes are shown, never made again: a value's text is cut out of its line. A name that today's catalogue does not
have (the batch is older) is shown without a field.
"""

from __future__ import annotations

from typing import Any

import msgspec

from audit.catalogue import HEADER, Catalogue
from diffgram_home import views

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])


def lines(body: bytes, catalogue: Catalogue, limit: int) -> tuple[views.Line, ...]:
    """The first `limit` lines of a body, the header being line 1."""
    if limit <= 0:
        return ()
    parts = body.split(b"\n", limit)[:limit]
    return tuple(line(part, number, catalogue) for number, part in enumerate(parts, 1) if part)


def count(body: bytes) -> int:
    """How many lines a body has, with the header."""
    return body.count(b"\n")


def line(text: bytes, number: int, catalogue: Catalogue) -> views.Line:
    """One line explained; one that is no JSON object is shown without values."""
    shown = text.decode("utf-8", "replace")
    try:
        members = _raw.decode(text)
    except msgspec.MsgspecError:
        return views.Line(number, "", shown, ())
    kind = HEADER if number == 1 else _text(members.get("kind"))
    declared = catalogue.of_kind(kind)
    values = tuple(
        _value(key, bytes(raw), declared.get(key)) for key, raw in members.items() if number == 1 or key != "kind"
    )
    return views.Line(number, kind, shown, values)


def message(value: dict[str, Any], catalogue: Catalogue) -> views.Line:
    """A message that was collected, explained as the line that it would be."""
    return line(msgspec.json.encode(value), 2, catalogue)


def _value(key: str, raw: bytes, field: Any) -> views.Value:
    text = raw.decode("utf-8", "replace")
    if field is None:
        return views.Value(key, text, None, "not in today's catalogue", "", "", "")
    return views.Value(key, text, field.name, field.brief, field.type, field.sensitivity, field.identifies)


def _text(raw: msgspec.Raw | None) -> str:
    try:
        return msgspec.json.decode(raw, type=str) if raw is not None else ""
    except msgspec.MsgspecError:
        return ""
