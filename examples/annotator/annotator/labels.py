"""Reading a label file: JSON, a list of objects with a name and perhaps a colour."""

from __future__ import annotations

import json

COLOURS = ("teal", "amber", "violet", "rose", "slate")


class LabelFileError(ValueError):
    """The uploaded label file cannot be used."""


def parse(filename: str, data: bytes) -> list[tuple[str, str]]:
    """Return name and colour of each label; raise LabelFileError naming the entry that is wrong."""
    try:
        entries = json.loads(data)
    except ValueError as broken:
        raise LabelFileError(f"label file {filename!r} is not JSON") from broken
    return [_label(filename, number, entry) for number, entry in enumerate(entries, 1)]


def _label(filename: str, number: int, entry: dict[str, str]) -> tuple[str, str]:
    try:
        return entry["name"].strip(), entry.get("colour", COLOURS[number % len(COLOURS)])
    except KeyError as missing:
        raise LabelFileError(f"entry {number} of label file {filename!r} has no name") from missing
