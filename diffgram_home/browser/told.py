"""The body that home.js sends, read by its format (docs/formats/browser.md) and nothing else.

Whatever is not of the format is refused as a whole, or item by item; unknown members are passed over unseen. Nothing
here is kept: `reducing` makes of it what may be.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MOST_BYTES = 60_000
MOST_ITEMS = 32
MOST_FRAMES = 30

Route = Annotated[str, Meta(max_length=200)]


class Visit(Struct, tag_field="kind", tag="visit", frozen=True):
    """A visit of a route, when it ended. `seconds` is how long it was open and visible."""

    route: Route
    referrer: Annotated[str, Meta(max_length=253)] | None = None
    seconds: Annotated[int, Meta(ge=0, le=2**31)] | None = None


class Problem(Struct, tag_field="kind", tag="error", frozen=True):
    """An error, as the page saw it. `frames` are innermost first; of a `resource` there is only its `element`."""

    how: Annotated[str, Meta(max_length=20)]
    route: Route | None = None
    name: Annotated[str, Meta(max_length=100)] | None = None
    message: Annotated[str, Meta(max_length=500)] | None = None
    frames: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=MOST_FRAMES)] = []
    element: Annotated[str, Meta(max_length=40)] | None = None


Item = Visit | Problem


class Told(Struct, frozen=True):
    """One body. `items` are read one by one, so that one that cannot be read takes no other with it."""

    v: Literal[1]
    items: Annotated[list[msgspec.Raw], Meta(max_length=MOST_ITEMS)]
    release: Annotated[str, Meta(max_length=20)] | None = None
    viewport: Annotated[int, Meta(ge=0, le=4)] | None = None
    lost: Annotated[int, Meta(ge=0, le=2**31)] = 0


_body = msgspec.json.Decoder(Told)
_item = msgspec.json.Decoder(Item)


def read(body: bytes) -> Told | None:
    """Return what the body tells, or None when it is not of the format."""
    try:
        return _body.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def items(told: Told) -> tuple[list[Item], int]:
    """Return the items that can be read, and how many cannot."""
    found: list[Item] = []
    for raw in told.items:
        try:
            found.append(_item.decode(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return found, len(told.items) - len(found)
