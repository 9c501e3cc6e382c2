"""Reading what a stranger wrote: a member has the type that it should have, or it is not there."""

from typing import Any

MAX_NAME = 512


def members(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if type(value) is dict else {}


def rows(value: Any) -> list[Any]:
    """Return a list, or an empty one."""
    return value if type(value) is list else []


def name(value: Any) -> str:
    """Return a text that could be a name, or an empty one."""
    return value if type(value) is str and len(value) <= MAX_NAME else ""


def number(value: Any, highest: int) -> int:
    """Return a whole number from 0 to `highest`, or -1."""
    return value if type(value) is int and 0 <= value <= highest else -1
