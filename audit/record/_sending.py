"""Leaves about batches on their way over a connection, and about requests without a body."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import Case, Checks, Code, Count, Destination, Hex64, Positive, Record, Types, is_destination


class Sealed(Record, frozen=True, kw_only=True):
    """A batch was sealed: its number within its case, and its body by hash. `generation` is the modes' at sealing.

    `ledger_size` and `ledger_root` are the checkpoint that the body quotes: the ledger before this leaf.
    """

    hexes = ("catalogue", "index", "ledger_root", "sha256")
    case: Case
    catalogue: Hex64
    generation: Count
    index: Hex64
    ledger_root: Hex64
    ledger_size: Count
    messages: Positive
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["sealed"] = "sealed"


class Void(Record, frozen=True, kw_only=True):
    """The number will not carry the batch `replaces`: a body without content (`sha256`) goes in its place."""

    hexes = ("ledger_root", "replaces", "sha256")
    case: Case
    ledger_root: Hex64
    ledger_size: Count
    reason: Literal["withdrawn", "refused", "mode"]
    replaces: Hex64
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["void"] = "void"


class Attempt(Record, frozen=True, kw_only=True):
    """A connection to `destination` ("host:port") is about to open for the body `sha256`. Written before it does."""

    hexes = ("sha256",)
    case: Case
    destination: Destination
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["attempt"] = "attempt"


class Outcome(Record, frozen=True, kw_only=True):
    """How the attempt whose leaf has the index `attempt` ended.

    `accepted` has the receipt, as a compact JWS; `unknown` means that bytes may have arrived. `status` is the HTTP
    status, `code` our or corporate's short reason.
    """

    hexes = ("sha256",)
    attempt: Count
    case: Case
    code: Code | None
    outcome: Literal["accepted", "rejected", "unknown"]
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)] | None
    sequence: Positive
    sha256: Hex64
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] | None
    type: Literal["outcome"] = "outcome"


class Contact(Record, frozen=True, kw_only=True):
    """A request without a body: `step` "asked" before the socket opens, then "answered" or "failed"."""

    code: Code | None
    destination: Destination
    request: Annotated[str, msgspec.Meta(pattern=r"^GET /[A-Za-z0-9/._-]{0,200}\Z")]
    step: Literal["asked", "answered", "failed"]
    type: Literal["contact"] = "contact"


def is_outcome(record: Any) -> bool:
    """A token is told by its two dots, visible ASCII around them; whether it holds is for `receipt.read` to say."""
    token = record.receipt
    if token is not None and not (token.isascii() and token.isprintable() and token.count(".") == 2):
        return False
    return bool((record.outcome == "accepted") == (token is not None))


TYPES: Types = {
    "sealed": Sealed,
    "void": Void,
    "attempt": Attempt,
    "outcome": Outcome,
    "contact": Contact,
}
CHECKS: Checks = {
    Attempt: is_destination,
    Contact: is_destination,
    Outcome: is_outcome,
}
