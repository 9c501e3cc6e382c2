"""Cases: the seed's summary table, live, and what moved in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of one case: messages collected, messages and bytes that left."""

    at: datetime
    collected: int
    messages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Total:
    """Sums over a day or a month; `attempts` counts every try, `messages` each message once."""

    collected: int
    messages: int
    size_bytes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """What did not go on and why: `what` is dropped (before the spool) or withheld (by the gate); counted by day."""

    day: str
    what: str
    case: str
    reason: str
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Corporate asked for less: a case, kind or field (`what`, `name`), narrowed `to`, `until` when, and `why`."""

    what: str
    name: str
    to: str
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the seed's summary table, live. `installed` is false while the part is not in this release.

    `mode` is what holds: the narrower of the customer's `own` setting and what corporate `asked`. So with `kinds`.
    """

    case: str
    name: str
    direction: str
    scope: str
    personal: str
    use: str
    customer_can_limit: str
    mode: str
    modes: tuple[str, ...]
    installed: bool
    fields: int
    approved: int
    identifies: tuple[str, ...]
    cost_of_off: tuple[str, ...]
    kinds: Mapping[str, str]
    own: str
    own_kinds: Mapping[str, str]
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One case on the overview: its mode, the last 24 hours by hour (oldest first), day and month."""

    case: Case
    bars: tuple[Bar, ...]
    day: Total
    month: Total
    waiting_messages: int
    waiting_batches: int
