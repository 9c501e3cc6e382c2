"""What would go, exactly, and what is here only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from diffgram_home.views.cases import Withheld
from diffgram_home.views.lines import Line


@dataclass(frozen=True, slots=True)
class Pending:
    """One sealed batch that waits to go, with its exact bytes; None where `reading.pending` was asked without."""

    id: int
    case: str
    sequence: int
    state: str
    sealed_at: datetime
    messages: int
    size_bytes: int
    sha256: str
    tries: int
    next_try_at: datetime | None
    last_outcome: str | None
    last_code: str | None
    void: str | None
    body: bytes | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """One message that is here only: `mode` and `generation` of its kind's switch when it was collected."""

    block: int
    position: int
    case: str
    kind: str
    taken_at: datetime
    mode: str
    generation: int
    line: Line


@dataclass(frozen=True, slots=True)
class KeptPage:
    """Some of what is kept here, newest first; `older` is where to go on (block, position), None at the end.

    `unreadable` counts blocks among them that are damaged.
    """

    entries: tuple[Kept, ...]
    older: tuple[int, int] | None
    unreadable: int


@dataclass(frozen=True, slots=True)
class PendingPage:
    """What would go, exactly, and what is kept here. `not_sealed` counts messages that the gate has not seen yet."""

    batches: tuple[Pending, ...]
    total_batches: int
    total_messages: int
    total_bytes: int
    not_sealed: Mapping[str, int]
    withheld: tuple[Withheld, ...]
    approval_missing: bool
    stopped: bool
    enrolled: bool
