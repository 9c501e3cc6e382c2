"""Explains the bytes of a batch: each line as it is, each value beside the field that declares it.

The bytes are shown, never made again: a value's text is cut out of its line. How a value was made is said in the words
of the catalogue that is handed in, which for what left is the one by which it was sealed (`catalogues`). A name that it
does not have is shown without a field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from audit.catalogue import HEADER, Catalogue, Field
from audit.method import NOT_MEASURED, NOT_OURS, UNSTATED
from audit.types import TYPES
from diffgram_home import views
from event.issue import pieces_of

ENVELOPE_TYPE = "envelope"
ERROR_LOGS, WORDS = ("error_log", "script_log"), "code_text"
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
        _value(key, bytes(raw), kind, declared.get(key), catalogue)
        for key, raw in members.items()
        if number == 1 or key != "kind"
    )
    return views.Line(number, kind, shown, values)


def message(value: dict[str, Any], catalogue: Catalogue) -> views.Line:
    """A message that was collected, explained as the line that it would be."""
    return line(msgspec.json.encode(value), 2, catalogue)


def made(key: str, kinds: Sequence[str], catalogue: Catalogue) -> tuple[views.Made, ...]:
    """How a key is made in messages of `kinds`, as the catalogue states it."""
    return tuple(
        views.Made(
            one.place,
            one.inputs[key],
            one.version,
            tuple(kind for kind in kinds if one.makes(kind, catalogue.kinds[kind].case, key)),
        )
        for one in catalogue.made(key, *kinds)
    )


def unmade(field: Field, made: Sequence[views.Made]) -> str:
    """Why no code place is stated; nothing where one is."""
    if made:
        return ""
    return NOT_OURS if field.type == ENVELOPE_TYPE else UNSTATED


def _value(key: str, raw: bytes, kind: str, field: Field | None, catalogue: Catalogue) -> views.Value:
    text = raw.decode("utf-8", "replace")
    if field is None:
        strange = "not in the catalogue by which it is explained"
        return views.Value(key, text, None, strange, "", "", "", None, "", (), UNSTATED, None, NOT_MEASURED)
    found = made(key, (kind,), catalogue)
    return views.Value(
        path=key,
        text=text,
        field=field.name,
        brief=field.brief,
        type=field.type,
        sensitivity=field.sensitivity,
        identifies=field.identifies,
        unit=field.unit,
        means=means(field, text),
        made=found,
        unmade=unmade(field, found),
        query=field.explain,
        duration=NOT_MEASURED,
    )


def means(field: Field, text: str) -> str:
    """What a value stands for, where that is something else than itself; `text` is its exact JSON."""
    rule = TYPES[field.type]
    stands: list[str] = []
    if field.type in ERROR_LOGS:  # the names stand inside it
        stands = [f"{name}: {words}" for name, words in rule.stands.items() if f'"{name}"' in text]
    try:
        if field.type in (*ERROR_LOGS, WORDS):
            return "; ".join([_read(json.loads(text)), *stands])
        return rule.means(json.loads(text)) if rule.stands else ""
    except (ValueError, LookupError, TypeError, AttributeError):  # bytes that no gate has seen: shown as they are
        return "; ".join(stands)


def _read(value: Mapping[str, Any]) -> str:
    """An error, or words of the source, as a person reads them; a shape stands in angle brackets."""
    links = value.get("chain", [{"type": "", "code_text": value}])
    said = [": ".join(filter(None, (link["type"], _words(link.get("code_text"))))) for link in links]
    at = [place for place, _ in value.get("frames", [])[-1:]]
    return ", at ".join(["; then ".join(said), *at])


def _words(code_text: Mapping[str, Any] | None) -> str:
    pieces = pieces_of(code_text) if code_text else ()
    return "".join(f"<{text}>" if is_shape else text for text, is_shape in pieces)


def _text(raw: msgspec.Raw | None) -> str:
    try:
        return msgspec.json.decode(raw, type=str) if raw is not None else ""
    except msgspec.MsgspecError:
        return ""
