"""The values that a verification takes and gives: findings, the head, what is known from elsewhere, the report.

Only their shape; `verification` offers them, and `_judging` makes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit._requests import Read

FAULT, NOTE = "fault", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold at the leaf `index` (None: of the whole). A note is not a fault of the ledger."""

    index: int | None
    code: str
    message: str
    severity: str = FAULT


@dataclass(frozen=True, slots=True)
class Head:
    """The size and root that the store or the export claims to end with."""

    size: int
    root: bytes


Item = tuple[int, bytes] | Finding | Head
"""What a source yields: (index, leaf bytes), its own trouble as a finding, or the head that it claims."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller knows from elsewhere, each part optional.

    kept         (size, root) of checkpoints whose signature the caller has verified, kept outside this host
    receipts     keys that may sign receipts (`signed.ring`); without them receipts stay unread
    installation whose ledger this is, 32 hexadecimal digits; else the first body says it
    statement    reads a statement of corporate's that nobody here asked for
    documents    kind of request → what reads corporate's answer to it; without one it stays unread
    """

    kept: tuple[tuple[int, bytes], ...] = ()
    receipts: Mapping[str, Ed25519PublicKey] | None = None
    installation: str | None = None
    documents: Mapping[str, Read] = field(default_factory=dict)
    statement: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a verification. It holds when there is no fault; `not_proved` says what even then stays open."""

    size: int
    root: str
    faults: int
    notes: int
    bodies: int
    body_bytes: int
    pruned: int
    accepted: int
    receipts: int
    pending: int
    kept: int
    not_proved: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return self.faults == 0
