"""The values that pages render and commands print, made by `reading.py`: frozen, complete, and ready for JSON.

Rules: instants are aware UTC; sizes are bytes of the body before Content-Encoding, unless a name says otherwise; hashes
are lower-case hex. Nothing here can be told to send, and nothing here holds a customer's value but the messages that a
person of the customer asked to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import difference


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
    undecided: int
    catalogue: str
    corporate: str
    enrolled: bool
    customer: str | None
    last_message_at: datetime | None
    heartbeat_at: datetime | None


UNDECIDED = ("new", "changed", "expired")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the catalogue and what the customer decided about it.

    `state` is approved, new (never approved), changed (another definition was approved), expired (the approval's date
    has come), declined, withdrawn, removed, or requested (leaves only in a request that a person sees and sends). `off`
    says that it is switched off, whatever was decided. Who decided last about this definition, and on whose authority,
    is told for approvals and declines.
    """

    name: str
    key: str
    case: str
    kinds: tuple[str, ...]
    type: str
    unit: str | None
    purpose: tuple[str, ...]
    brief: str
    example: Any
    sensitivity: str
    identifies: str
    retention_days: int
    owner: str
    since: str
    expires: str
    if_off: str
    explain: str | None
    params: Mapping[str, Any]
    hash: str
    state: str
    approved_by: str | None
    approved_role: str | None
    approved_at: datetime | None
    authority: str | None
    expires_at: datetime | None
    source: str | None
    declined_by: str | None
    declined_at: datetime | None
    off: bool

    @property
    def undecided(self) -> bool:
        """Whether a person is asked: nobody decided about this definition, or the approval's date has come."""
        return self.state in UNDECIDED


@dataclass(frozen=True, slots=True)
class Value:
    """One value in a line of bytes: `path` its key path, `text` its exact JSON, and the field that declares it."""

    path: str
    text: str
    field: str | None
    brief: str
    type: str
    sensitivity: str
    identifies: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body: number from 1 (1 is the header), its kind, the exact text, and each value explained."""

    number: int
    kind: str
    text: str
    values: tuple[Value, ...]


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
class IncidentStep:
    """One step of an incident's timeline: noticed, told, deleted or closed; `leaf` is its proof, None until it is."""

    what: str
    at: datetime | None
    leaf: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One Unexpected Data Transfer: key paths and counts, and its timeline. The documents are compact JWS."""

    id: int
    token: str
    source: str
    text: str
    paths: Mapping[str, int]
    count: int
    case: str | None
    sequence: int | None
    last_at: datetime
    closed_by: str | None
    steps: tuple[IncidentStep, ...]
    statement: str | None
    deletion: str | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closed_by is None


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
