"""Turns the words `field=value` of a command line into the values that a product would hand to `event.new`.

It only reads the words by the declared type of each field; whether the value is allowed is `event`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from audit.catalogue import Field

_WHOLE = ("id", "count", "size_bytes", "duration_ms", "bucket")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
RESERVED = ("kind", "at")


def parse(words: Iterable[str], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Key -> value of each `key=value`. Raises click.BadParameter for what cannot be read."""
    pairs = [_split(word) for word in words]
    unknown = [key for key, _ in pairs if key not in fields or key in RESERVED]
    if unknown:
        possible = ", ".join(key for key in fields if key not in RESERVED) or "none"
        raise click.BadParameter(f'no field "{unknown[0]}" can be given for this kind; its fields: {possible}')
    twice = [key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1]
    if twice:
        raise click.BadParameter(f'"{twice[0]}" is given twice')
    return {key: _value(fields[key], text) for key, text in pairs}


def _split(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise click.BadParameter(f'"{word}" is not field=value')
    return key, value


def _value(field: Field, text: str) -> Any:
    reader = _READERS.get(field.type)
    if reader is None:
        return text
    try:
        return reader(text)
    except (ValueError, KeyError):
        raise click.BadParameter(f'"{field.key}" is of the type {field.type}: write {_HOW[field.type]}') from None


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _refused(_: str) -> Any:
    raise ValueError("not from a command line")


_READERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_WHOLE, int),
    "flag": lambda text: _FLAGS[text.lower()],
    "instant": _instant,
    "keys": lambda text: text.split(","),
    "error_log": _refused,
    "script_log": _refused,
}
_HOW: Mapping[str, str] = {
    **dict.fromkeys(_WHOLE, "a whole number"),
    "flag": "true or false",
    "instant": "a moment with its time zone, such as 2026-11-21T14:01:05Z",
    "error_log": "event.error(exception) in the product; it cannot be typed",
    "script_log": "home.js in a page of the product; it cannot be typed",
}
