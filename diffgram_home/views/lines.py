"""Lines: the exact text of a body, and each value in it beside the field that declares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """One value in a line of bytes: `path` its key path, `text` its exact JSON, and the field that declares it."""

    path: str
    text: str
    field: str | None
    brief: str
    type: str
    sensitivity: str
    identifies: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body: number from 1 (1 is the header), its kind, the exact text, and each value explained."""

    number: int
    kind: str
    text: str
    values: tuple[Value, ...]
