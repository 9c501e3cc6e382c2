"""What the installation hands in to the routes of `own`: plain values, by the resource that a route declares.

There is no member here for a name, a path, an address, a text or a secret: what a route never gets it cannot tell.
Words are of closed lists, which the catalogue repeats; anything else arrives as `other`.
"""

from __future__ import annotations

from dataclasses import dataclass

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Versions:
    """Releases as numbers; `schema` is the number of the last migration, the hashes are SHA-256 in hexadecimal."""

    python: str
    database: str
    schema: int
    catalogue: str
    index: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings that have a number or a yes; of all others only whether they are given."""

    database: str
    proxy: bool
    ca_file: bool
    by_hand: bool
    behind_proxy: bool
    mail: bool
    elsewhere: bool
    workers: int
    every_s: int
    wait_s: int
    batch_messages: int
    batch_bytes: int
    local_days: int
    bodies_days: int
    spool_bytes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, by code: how bad, and how often."""

    code: str
    level: str
    found: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one case: messages that are not sealed, batches by state, hours that the oldest batch waits."""

    case: str
    waiting: int
    queued: int
    voiding: int
    refused: int
    oldest_h: int


@dataclass(frozen=True, slots=True)
class Consent:
    """One case: its mode, and how many of its fields are approved or wait for a decision."""

    case: str
    mode: str
    fields: int
    approved: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Leaves, and attempts by outcome; what is spooled and not taken in."""

    leaves: int
    accepted: int
    rejected: int
    unknown: int
    segments: int
    spooled_bytes: int


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Seconds since the scheduler was last alive (-1: never), and the stages that fail, by name."""

    silent_s: int
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issues:
    """Issues that are kept here, how many of them were seen in the last 7 days, and messages of all of them."""

    issues: int
    recent: int
    errors: int
