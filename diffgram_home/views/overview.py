"""The first page: how the four cases stand, what a person should know, where the ledger stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from diffgram_home.views.attempts import AttemptLine
from diffgram_home.views.cases import Lane, Withheld


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know and what to do about it; `count` says how often since `first_at`."""

    code: str
    subject: str
    text: str
    hint: str
    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the ledger stands: `root` is hex; the last checkpoint's text, and when `verify` last found it whole."""

    size: int
    root: str
    checkpoint: str | None
    checkpoint_at: datetime | None
    verified_at: datetime | None
    verified_ok: bool | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint as it is kept here; `cosigners` are the names of others that signed it too."""

    size: int
    at: datetime
    text: str
    cosigners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page. `unapproved` counts live fields whose present definition is not approved, `undecided` those of
    them that wait for a person: what was declined or withdrawn does not.
    """

    name: str
    installation: str
    at: datetime
    lanes: tuple[Lane, ...]
    attempts: tuple[AttemptLine, ...]
    notices: tuple[Notice, ...]
    withheld_today: tuple[Withheld, ...]
    proof: Proof
    fields: int
    approved: int
    unapproved: int
    asked: int
    undecided: int
    catalogue: str
    corporate: str
    enrolled: bool
    customer: str | None
    last_message_at: datetime | None
    heartbeat_at: datetime | None
