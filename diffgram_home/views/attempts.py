"""Attempts: what was tried, with what end, and its proofs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from diffgram_home.views.lines import Line


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt in a list. `outcome` is None while it is under way; `void` says why the number was voided."""

    id: int
    case: str
    sequence: int
    at: datetime
    outcome: str | None
    code: str | None
    messages: int
    size_bytes: int
    sha256: str
    destination: str
    void: str | None
    receipt: bool
    state: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the life of a batch, each from its own ledger leaf: sealed, attempt, outcome, void."""

    what: str
    at: datetime
    text: str
    position: int
    leaf_hash: str
    sha256: str | None
    data: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that a leaf stands in the tree: the hashes from its sibling up, under `root` at `size`."""

    position: int
    leaf_hash: str
    size: int
    root: str
    path: tuple[str, ...]
    checkpoint: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Corporate's signed statement: the compact JWS, and what it says."""

    token: str
    claims: Mapping[str, Any]
    same_hash: bool


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """One attempt in full: exact bytes (None once pruned by age), lines, steps, receipt, place in the tree."""

    line: AttemptLine
    ended_at: datetime | None
    status: int | None
    detail: str | None
    hint: str | None
    body: bytes | None
    pruned_at: datetime | None
    lines: tuple[Line, ...]
    lines_total: int
    steps: tuple[Step, ...]
    receipt: Receipt | None
    inclusion: Inclusion
    others: tuple[AttemptLine, ...]


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """A number without a receipt, and why; `may_be_there` says that its bytes may have arrived all the same."""

    id: int
    case: str
    sequence: int
    state: str
    sealed_at: datetime
    messages: int
    tries: int
    last_outcome: str | None
    last_code: str | None
    may_be_there: bool
    why: str
