"""Which time counts for a licence, where clocks are set back, leap ahead, and are mended again.

Pure: `advance` takes what stands and what the clock says now, and returns what stands then; keeping it (database,
ledger and file) is left to others. Rules:

  - `mark` is the latest time that is believed: lived through here, or signed by the vendor. It never goes back.
  - A clock behind the mark is told of, and the mark counts, moved on by the time that the machine runs.
  - A clock that leaps ahead is told of and not believed: time goes on as it was lived, until a signed time bears the
    clock out, or it has stood so for PATIENCE of running time. Mended before that, it has cost nothing. So neither a
    flat battery nor a mistyped year ends a licence without the warnings that it prescribes.
  - A machine that was off for less than AWAY, or paused for less than PAUSED, needs no patience.

Nothing here makes an ended licence count again: the believed time never falls.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

SLACK: Final = timedelta(minutes=5)
"""How far two clocks may differ before it is told."""
AWAY: Final = timedelta(days=4)
"""So long a machine may be off, a long weekend, before its clock needs to be borne out."""
PAUSED: Final = timedelta(hours=12)
"""So long a virtual machine may stand still, which no clock of its own counts."""
PATIENCE: Final = timedelta(days=3)
"""How much running time it takes to believe a clock that leapt ahead and that nobody mends."""
BEHIND, AHEAD = "CLOCK_BEHIND", "CLOCK_AHEAD"
_NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept: `mark`, the believed time; `waited`, the running time since a leap that is not believed yet."""

    mark: datetime
    waited: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """The time to decide with, and the code of what is wrong with the clock, or None."""

    at: datetime
    code: str | None = None


def advance(standing: Standing, now: datetime, ran: timedelta | None, signed: Iterable[datetime] = ()) -> Standing:
    """Return what stands `now`, when the machine ran for `ran` since the last call by its monotonic clock.

    `ran` is None in the first call after a start. `signed` are times that documents of the vendor bear. Where `ran` is
    below zero it counts as nothing.
    """
    lived = max(ran or _NOTHING, _NOTHING)
    known = max([standing.mark, *signed])
    expected = max(standing.mark + lived, known)
    if now <= expected + SLACK:  # also: it was mended, or stands behind
        return Standing(max(expected, min(now, expected + SLACK)))
    off = standing.waited is None and now - expected <= (AWAY if ran is None else PAUSED)
    borne_out = any(now - SLACK <= one <= now + SLACK for one in signed)
    waited = (standing.waited or _NOTHING) + lived
    if off or borne_out or waited >= PATIENCE:
        return Standing(now)
    return replace(standing, mark=expected, waited=waited)


def believed(standing: Standing, now: datetime) -> Believed:
    """Return the time that counts `now`; `standing` is what `advance` has returned for this very moment."""
    if standing.waited is not None:
        return Believed(standing.mark, AHEAD)
    if now < standing.mark - SLACK:
        return Believed(standing.mark, BEHIND)
    return Believed(max(standing.mark, now))
