"""An event of a JavaScript SDK becomes what home.js tells of an error: class, message, positions, of the case browser.

Of a frame only the last part of its address is taken, with line and column: no host, no folder, no query. What stands
in no shipped bundle becomes `<place>` and `<type>` when the message is made.
"""

from collections.abc import Mapping
from typing import Any, Final

from event.scripts import Thrown
from event.sentry._chain import chain
from event.sentry._values import members, name, number, rows

KIND: Final = "home/browser-error"
PLATFORMS: Final = frozenset({"javascript", "node"})
_MOST_FRAMES = 50
_HIGHEST = 9_999_999


def is_script(document: Mapping[str, Any]) -> bool:
    """Say whether an event is one of JavaScript."""
    return name(document.get("platform")) in PLATFORMS


def values(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values of `home/browser-error` for an event, or None where it has no exception."""
    found = chain(document.get("exception")).all
    if not found:
        return None
    first = found[0]
    frames = rows(members(first.get("stacktrace")).get("frames"))[-_MOST_FRAMES:]
    said = first.get("value")
    thrown = Thrown(name(first.get("type")), said if type(said) is str else None, [*map(_position, reversed(frames))])
    release = name(document.get("release")).rpartition("@")[2]
    return {"how": _how(first), "error_log": thrown, **({"release": release} if release else {})}


def _how(one: Mapping[str, Any]) -> str:
    mechanism = members(one.get("mechanism"))
    if "rejection" in name(mechanism.get("type")):
        return "rejection"
    return "error" if mechanism.get("handled") is False else "caught"


def _position(frame: Any) -> str:
    of = members(frame)
    file = name(of.get("filename")).partition("?")[0].rpartition("/")[2]
    return f"{file}:{number(of.get('lineno'), _HIGHEST)}:{number(of.get('colno'), _HIGHEST)}"
