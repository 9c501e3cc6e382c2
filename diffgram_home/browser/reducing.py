"""What home.js told, as the values of the catalogue's kinds; `event` reduces each by its declared type."""

from __future__ import annotations

from typing import Any, Final

from diffgram_home.browser.told import Problem, Visit
from event.scripts import Thrown

ERROR: Final = "home/browser-error"
VISIT: Final = "home/visit"
RESOURCE: Final = "resource"


def error(item: Problem, release: str | None) -> dict[str, Any]:
    """Return the values of `home/browser-error`. A resource that did not load has no class and no position."""
    thrown = None if item.how == RESOURCE else Thrown(item.name, item.message, item.frames)
    values = {"how": item.how, "element": item.element, "route": item.route, "release": release, "error_log": thrown}
    return _told(values)


def visit(item: Visit) -> dict[str, Any]:
    """Return the values of `home/visit`."""
    return _told({"route": item.route, "referrer": item.referrer, "seconds": item.seconds})


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
