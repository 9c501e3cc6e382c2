"""Which exception of an event caused which: `exception.values` in the order of `event.error`.

An entry without a type is no exception: some SDKs tell the place of a message by it. Sentry lists the innermost cause
first and what was raised last; newer SDKs number them as they walk: an exception, its cause with all that follows from
it, then the members of a group, each likewise. We want an exception, its members, then its cause. The numbers are the
sender's, so they only order what is there: nothing can come twice, or without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from event.sentry._values import members, name, number, rows

MOST = 50
_CAUSES = ("__cause__", "__context__", "cause")


@dataclass(frozen=True, slots=True)
class Chain:
    """The exceptions in our order, and of them the line of causes that begins with the first."""

    all: tuple[dict[str, Any], ...]
    causes: tuple[dict[str, Any], ...]


def chain(exception: Any) -> Chain:
    """Return the exceptions of an event's member `exception`: `{"values": […]}`, a list, or just one."""
    values = exception if type(exception) is list else members(exception).get("values", [members(exception)])
    found = [one for one in rows(values)[-MOST:][::-1] if type(one) is dict and name(one.get("type"))]
    if not _is_numbered(found):
        return Chain(tuple(found), tuple(found))
    found.sort(key=_number)
    whole, causes, _ = _subtree(found, 0)
    return Chain(tuple(whole), tuple(causes))


def _number(one: dict[str, Any]) -> int:
    return number(members(one.get("mechanism")).get("exception_id"), MOST * 100)


def _is_numbered(found: Sequence[dict[str, Any]]) -> bool:
    numbers = {_number(one) for one in found}
    return len(numbers) == len(found) and 0 in numbers and -1 not in numbers


def _subtree(found: Sequence[dict[str, Any]], at: int) -> tuple[list[Any], list[Any], int]:
    """Return the exceptions from position `at` that belong to the one there, its line of causes, and what comes next.

    Recursive, at most `MOST` deep: every call takes at least one exception.
    """
    own, line = found[at], [found[at]]
    cause: list[Any] = []
    after = at + 1
    if after < len(found) and name(members(found[after].get("mechanism")).get("source")) in _CAUSES:
        cause, deeper, after = _subtree(found, after)
        line += deeper
    grouped: list[Any] = []
    while after < len(found) and (at == 0 or _is_member(found[after], own)):
        more, _, after = _subtree(found, after)
        grouped += more
    return [own, *grouped, *cause], line, after


def _is_member(one: dict[str, Any], of: dict[str, Any]) -> bool:
    parent = number(members(one.get("mechanism")).get("parent_id"), MOST * 100)
    return parent == _number(of)
