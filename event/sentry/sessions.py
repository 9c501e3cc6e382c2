"""What a Sentry SDK tells of its sessions: how many there were of a release, and in how many something went wrong.

An item `session` tells of one, again and again as it goes on: only its first telling (`init`) counts, so none counts
twice; one in which something goes wrong later counts as one without errors. `sessions` are sums that a program made by
itself. Whoever has them (`sid`, `did`, `attrs` beside the release) is not read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from event.sentry._values import members, name, number, rows

ONE, SUMS = "session", "sessions"
MOST: Final = 1_000_000
_MOST_ROWS: Final = 100
_STATES: Final = ("exited", "errored", "abnormal", "crashed")
_WRONG: Final = _STATES[1:]


@dataclass(frozen=True, slots=True)
class Told:
    """Sessions of a release ("" where none is told), and how many of them had errors; both at most MOST."""

    release: str
    sessions: int
    errored: int


def told(kind: str, content: Mapping[str, Any]) -> Told | None:
    """Return what an item of type `session` or `sessions` tells; None where it tells of none that is new."""
    release = name(members(content.get("attrs")).get("release")).rpartition("@")[2]
    if kind == ONE:
        went_wrong = content.get("status") in _WRONG or number(content.get("errors"), MOST) > 0
        return Told(release, 1, int(went_wrong)) if content.get("init") is True else None
    counted = list(_counted(content))
    sessions = sum(count for _, count in counted)
    errored = sum(count for state, count in counted if state in _WRONG)
    return Told(release, min(sessions, MOST), min(errored, MOST)) if sessions else None


def _counted(content: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for one in rows(content.get("aggregates"))[:_MOST_ROWS]:
        for state in _STATES:
            yield state, max(number(members(one).get(state), MOST), 0)
