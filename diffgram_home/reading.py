"""Read models: answers what pages and commands ask, from one snapshot each; changes nothing and opens no socket.

Cost does not grow with the history: hours are summed, lists have a limit and go on after the last id they gave.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from diffgram_home import views

if TYPE_CHECKING:
    from diffgram_home.home import Home


def overview(home: Home, now: datetime) -> views.Overview:
    """The first page: four lanes, last attempts, notices, and where the ledger stands."""


def cases(home: Home) -> tuple[views.Case, ...]:
    """The seed's summary table, live: one row for each of the four cases."""


def fields(home: Home) -> tuple[views.Field, ...]:
    """Every field of the catalogue with its approval, in the catalogue's order; the page searches and filters."""


def pending(home: Home, *, case: str | None = None, limit: int = 20, lines: int = 50) -> views.PendingPage:
    """What would go now, exactly: queued batches in the order of sending, each explained up to `lines` lines."""


def kept(home: Home, *, case: str | None = None, before: int | None = None, limit: int = 100) -> tuple[views.Kept, ...]:
    """Messages collected and kept here, newest block first, from blocks with an id below `before`."""


def sent(
    home: Home, *, case: str | None = None, outcome: str | None = None, before: int | None = None, limit: int = 100
) -> tuple[views.AttemptLine, ...]:
    """Attempts, newest first, with an id below `before`."""


def attempt(home: Home, attempt_id: int, *, lines: int = 200) -> views.AttemptPage | None:
    """One attempt in full, or None if there is none of this id."""


def body(home: Home, case: str, sequence: int) -> bytes | None:
    """The exact bytes that stand for a sequence number, or None if unknown or pruned."""


def body_of(home: Home, sha256: str) -> bytes | None:
    """The exact bytes with this hash, or None if unknown or pruned."""


def history(home: Home, *, before: int | None = None, limit: int = 100) -> tuple[views.Change, ...]:
    """Who changed what, newest first, from ledger positions below `before`."""


def withheld(home: Home, *, days: int = 30, now: datetime) -> tuple[views.Withheld, ...]:
    """What was dropped or withheld in the last days, by day, newest first."""


def notices(home: Home) -> tuple[views.Notice, ...]:
    """Open notices, newest first."""
