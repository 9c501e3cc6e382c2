"""How this installation stands: its history, who it is to corporate, and which catalogues were published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import difference


@dataclass(frozen=True, slots=True)
class Change:
    """One change that a person (or the file) made: who, when, what, from and to; `position` is its ledger leaf."""

    at: datetime
    actor: str
    what: str
    subject: str
    before: str | None
    after: str | None
    detail: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this installation is to corporate: the last number of each case, and an open conflict if there is one."""

    installation: str
    customer: str | None
    certificate_ends_at: str | None
    succeeds: str | None
    numbers: Mapping[str, int]
    conflict: Any


@dataclass(frozen=True, slots=True)
class Release:
    """One published catalogue. `state` is installed, newer, older, or other (of another product).

    `changes` are what a newer one would change here, each `audit.difference.Change`.
    """

    position: int
    release: str
    catalogue: str
    at: datetime
    state: str
    changes: tuple[difference.Change, ...]
