"""Lines: the exact text of a body, and each value in it beside the field that declares it."""

from __future__ import annotations

from dataclasses import dataclass

from diffgram_home.views.fields import Made


@dataclass(frozen=True, slots=True)
class Value:
    """One value in a line of bytes: `path` its key path, `text` its exact JSON, and the field that declares it.

    `means` says what it stands for, where that is something else than itself, such as -1 for timed out. `made` and
    `query` say how it was made, `unmade` in words why nothing does; `duration` how long that took.
    """

    path: str
    text: str
    field: str | None
    brief: str
    type: str
    sensitivity: str
    identifies: str
    unit: str | None
    means: str
    made: tuple[Made, ...]
    unmade: str
    query: str | None
    duration: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body: number from 1 (1 is the header), its kind, the exact text, and each value explained."""

    number: int
    kind: str
    text: str
    values: tuple[Value, ...]
