"""From the day's sessions to the counts that are kept, shown and sent: one class at a time, and no small groups.

Counts are by release and by one class each (browser with its major version, system, device, width of the window), never
by all of them together: "one Firefox 132 on Linux with a wide window" is somebody. Of each class, a group of fewer than
`smallest` sessions goes into a larger one: a version into its browser without a version, a browser into `other`; and
where what went there is itself fewer, the smallest group that was large enough goes with it, since the sum would
tell otherwise. A class of which nothing is left but `other` is not told at all. How many sessions there were in all,
and in how many something went wrong, is always told: an error that is sent says as much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diffgram_home.browser.classes import OTHER
from diffgram_home.browser.seen import Day, Group

ALL, PROGRAM, BROWSER = "all", "program", "browser"
CLASSES = (BROWSER, "system", "device", "viewport")
SMALLEST = 5

Key = tuple[str, int]
Counts = dict[Key, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """One count: sessions of a release by one class. `by` is ALL, PROGRAM or one of CLASSES; `major` 0 is none."""

    release: str
    by: str
    value: str
    major: int
    sessions: int
    errored: int


def rows(day: Day, smallest: int = SMALLEST) -> tuple[Row, ...]:
    """The counts of a day, in which no class has a group of fewer than `smallest` sessions."""
    return (*_browsers(day.groups, smallest), *(Row(r, PROGRAM, "", 0, n, e) for r, n, e in day.programs if n))


def _browsers(groups: Iterable[Group], smallest: int) -> Iterator[Row]:
    releases: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        releases[group.release].append(group)
    for release, found in sorted(releases.items()):
        yield Row(release, ALL, "", 0, sum(g.sessions for g in found), sum(g.errored for g in found))
        for by in CLASSES:
            counts = _fold(_by(found, by), smallest)
            if counts.keys() != {(OTHER, 0)}:
                yield from (Row(release, by, value, major, n, e) for (value, major), (n, e) in sorted(counts.items()))


def _by(groups: Iterable[Group], by: str) -> Counts:
    sums: Counts = defaultdict(lambda: (0, 0))
    for group in groups:
        key = str(getattr(group, by)), group.major if by == BROWSER else 0
        sums[key] = _plus(sums[key], (group.sessions, group.errored))
    return sums


def _fold(counts: Mapping[Key, tuple[int, int]], smallest: int) -> Counts:
    """No group under `smallest`: versions into their browser first, then what is left into `other`."""
    families: dict[str, Counts] = defaultdict(dict)
    for key, count in counts.items():
        families[key[0]][key] = count
    folded: Counts = {}
    for family, versions in families.items():
        folded |= _moved(versions, (family, 0), smallest)
    return _moved(folded, (OTHER, 0), smallest)


def _moved(counts: Counts, into: Key, smallest: int) -> Counts:
    """The same counts with groups under `smallest` moved `into` one, and more until that one is large enough."""
    kept = {key: count for key, count in counts.items() if count[0] >= smallest and key != into}
    small = [count for key, count in counts.items() if key not in kept]
    if not small:
        return kept
    rest = (0, 0)
    for count in small:
        rest = _plus(rest, count)
    while rest[0] < smallest and kept:
        least = min(kept, key=lambda key: (kept[key], key))
        rest = _plus(rest, kept.pop(least))
    return kept | {into: rest}


def _plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] + b[0], a[1] + b[1]
