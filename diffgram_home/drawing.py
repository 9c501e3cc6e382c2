"""Geometry of the drawings on the pages: bars by hour, the way from a leaf to the root, and a flow with its asides.

Numbers in, coordinates out; templates write the SVG. Attributes only, no styles, because the policy forbids those.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audit import tree

WIDTH = 480
HEIGHT = 40
_STEP = 20
_BAR = 14
_LOWEST = 2
"""Something is always seen to be there, however much larger the busiest hour is."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: what was `sent`, or what was `kept` here, in one hour; other words where others are asked for."""

    x: int
    y: int
    height: int
    what: str


def bars(sent: Sequence[int], kept: Sequence[int], names: tuple[str, str] = ("sent", "kept")) -> tuple[Bar, ...]:
    """Stacked bars, oldest hour first: sent below, kept here above. At most 24 hours, or days."""
    most = max((a + b for a, b in zip(sent, kept, strict=True)), default=0)
    drawn: list[Bar] = []
    for column, (a, b) in enumerate(zip(sent, kept, strict=True)):
        floor = HEIGHT - 2
        for number, what in zip((a, b), names, strict=True):
            if number:
                height = max(_LOWEST, round(number / most * (HEIGHT - 6)))
                floor -= height
                drawn.append(Bar(column * _STEP + 3, floor, height, what))
    return tuple(drawn)


@dataclass(frozen=True, slots=True)
class Step:
    """One level of an inclusion proof: the two halves, which of them is ours, and what they make together."""

    left: bytes
    right: bytes
    ours_is_left: bool
    parent: bytes
    y: int


def proof_steps(index: int, size: int, leaf_hash: bytes, path: Sequence[bytes]) -> tuple[Step, ...]:
    """The levels of an RFC 9162 inclusion proof (2.1.3.2), from the leaf upwards.

    It draws what `tree.verify_inclusion` decides; it decides nothing itself.
    """
    steps: list[Step] = []
    node, last, hash_ = index, size - 1, leaf_hash
    for level, sibling in enumerate(path):
        ours_is_right = bool(node & 1) or node == last
        left, right = (sibling, hash_) if ours_is_right else (hash_, sibling)
        while ours_is_right and not node & 1 and node:
            node, last = node >> 1, last >> 1
        hash_ = tree.node_hash(left, right)
        steps.append(Step(left, right, not ours_is_right, hash_, level))
        node, last = node >> 1, last >> 1
    return tuple(steps)


FLOW_WIDTH = 340
_MAIN, _ASIDE = (1, 208), (224, 115)
_LINE, _EDGE, _GAP = 15, 10, 16


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of a flow: its name, what happens there, and what stands beside it."""

    title: str
    lines: tuple[str, ...]
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `what` is title, line or aside."""

    x: int
    y: int
    words: str
    what: str


@dataclass(frozen=True, slots=True)
class Box:
    """One box with its lines of text; `what` is stage or aside."""

    x: int
    y: int
    width: int
    height: int
    what: str
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Boxes from above to below, and the arrows between them as `x1 y1 x2 y2`."""

    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int, int, int], ...]


def flow(stages: Sequence[Stage]) -> Flow:
    """Stations below each other, each with an arrow to the next; what stands beside one is joined to it by a line."""
    boxes: list[Box] = []
    arrows: list[tuple[int, int, int, int]] = []
    y, middle = 1, _MAIN[0] + _MAIN[1] // 2
    for number, stage in enumerate(stages):
        height = 2 * _EDGE + _LINE * max(1 + len(stage.lines), len(stage.aside))
        boxes.append(_box(*_MAIN, y, height, "stage", (stage.title, *stage.lines)))
        if stage.aside:
            boxes.append(_box(*_ASIDE, y, height, "aside", stage.aside))
            arrows.append((_ASIDE[0], y + height // 2, sum(_MAIN) + 2, y + height // 2))
        if number + 1 < len(stages):
            arrows.append((middle, y + height, middle, y + height + _GAP - 2))
        y += height + _GAP
    return Flow(y - _GAP + 1, tuple(boxes), tuple(arrows))


def _box(x: int, width: int, y: int, height: int, what: str, lines: Sequence[str]) -> Box:
    kinds = ("title" if what == "stage" else "aside", *[what.replace("stage", "line")] * (len(lines) - 1))
    top = y + (height - _LINE * len(lines)) // 2 + 11
    texts = (Text(x + _EDGE, top + n * _LINE, words, kinds[n]) for n, words in enumerate(lines))
    return Box(x, y, width, height, what, tuple(texts))


SERIES_HEIGHT = 60


@dataclass(frozen=True, slots=True)
class Series:
    """A number over time: stretches of it as `x,y x,y`, single points, and where there was no number, as x."""

    stretches: tuple[str, ...]
    points: tuple[tuple[int, int], ...]
    missing: tuple[int, ...]


def series(places: Sequence[float], values: Sequence[int | None]) -> Series:
    """Values at places from 0 (left) to 1 (right), over a floor that is 0; a gap where there is none."""
    most = max((value for value in values if value is not None), default=0) or 1
    runs: list[list[tuple[int, int]]] = [[]]
    missing: list[int] = []
    for place, value in zip(places, values, strict=True):
        x = 4 + round(place * (WIDTH - 8))
        if value is None:
            missing.append(x)
            runs.append([])
        else:
            runs[-1].append((x, SERIES_HEIGHT - 4 - round(value / most * (SERIES_HEIGHT - 8))))
    stretches = tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1)
    return Series(stretches, tuple(point for run in runs for point in run[-1:]), tuple(missing))
