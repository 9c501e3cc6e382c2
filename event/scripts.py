"""An error of JavaScript becomes class, shape and positions in shipped bundles: no words, no values (design 5).

Who takes reports from pages hands in what was thrown; the type `script_log` is made of it at the call, as every value
is. Corporate finds the words in the vendor's own source maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit import scripts
from audit.index import Index
from audit.types import MAX_FRAMES, NO_PLACE, NO_TYPE
from event._shape import shape

_OUTER = 15


@dataclass(frozen=True, slots=True)
class Thrown:
    """What a page told of an error: its class's name, its message, and its calls, `file:line:column`, innermost first.

    `name` and `message` are None where the page knew none. Nothing of it is kept but what `reduced` makes.
    """

    name: str | None
    message: str | None
    frames: Sequence[str] = ()


def reduced(thrown: Thrown, index: Index) -> dict[str, Any]:
    """Return the value of a `script_log`: outermost call first, as in an `error_log`."""
    name = thrown.name
    known = type(name) is str and scripts.has_type(index.bundles, name)
    shapes = [] if thrown.message is None else [shape(thrown.message)]
    return {"chain": [{"type": name if known else NO_TYPE, "shapes": shapes}], "frames": _frames(thrown, index)}


def _frames(thrown: Thrown, index: Index) -> list[list[Any]]:
    """Neighbours that are the same are one; of too many, the outermost few and the innermost."""
    places: list[list[Any]] = []
    for frame in reversed(thrown.frames):
        known = type(frame) is str and scripts.has_place(index.bundles, frame)
        place = [frame if known else NO_PLACE, int(known)]
        if not places or places[-1] != place:
            places.append(place)
    return places if len(places) <= MAX_FRAMES else places[:_OUTER] + places[_OUTER - MAX_FRAMES :]
