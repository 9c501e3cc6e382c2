"""Geometry of the two drawings on the pages: bars by hour, and the way from a leaf to the root.

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
    """One rectangle: what was `sent`, or what was `kept` here, in one hour."""

    x: int
    y: int
    height: int
    what: str


def bars(sent: Sequence[int], kept: Sequence[int]) -> tuple[Bar, ...]:
    """Stacked bars, oldest hour first: sent below, kept here above. At most 24 hours."""
    most = max((a + b for a, b in zip(sent, kept, strict=True)), default=0)
    drawn: list[Bar] = []
    for column, (a, b) in enumerate(zip(sent, kept, strict=True)):
        floor = HEIGHT - 2
        for number, what in ((a, "sent"), (b, "kept")):
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
