"""Leaves about what is carried by hand instead of over a connection."""

from typing import Annotated, Literal

import msgspec

from audit.record._base import Actor, Case, Checks, Code, Count, Hex64, Positive, Record, Types
from audit.record._sending import is_outcome


class CarriedOut(Record, frozen=True, kw_only=True):
    """`actor` has a file written that carries `batches` batches by hand; `sha256` and `size_bytes` are the file's.

    Requests in it have leaves of their own (`RequestByHand`), which name the file; with them alone there is no batch.
    """

    hexes = ("sha256",)
    actor: Actor
    batches: Count
    sha256: Hex64
    size_bytes: Positive
    type: Literal["carried-out"] = "carried-out"


class AttemptByHand(Record, frozen=True, kw_only=True):
    """The body `sha256` is about to be written into the file `file` (its SHA-256). Written before it is."""

    hexes = ("file", "sha256")
    case: Case
    file: Hex64
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["attempt-by-hand"] = "attempt-by-hand"


class OutcomeByHand(Record, frozen=True, kw_only=True):
    """What corporate said of an attempt by hand, as its answer was carried in; members as in `Outcome`.

    It follows the attempt's own outcome, which is unknown while the file is on its way; a later answer may follow.
    """

    hexes = ("sha256",)
    attempt: Count
    case: Case
    code: Code | None
    outcome: Literal["accepted", "rejected", "unknown"]
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)] | None
    sequence: Positive
    sha256: Hex64
    status: Annotated[int, msgspec.Meta(ge=100, le=999)]
    type: Literal["outcome-by-hand"] = "outcome-by-hand"


class CarriedIn(Record, frozen=True, kw_only=True):
    """`actor` took in a file of corporate's with `answers` answers; `manifest` is the version it put in force."""

    hexes = ("sha256",)
    actor: Actor
    answers: Count
    manifest: Positive | None
    sha256: Hex64
    size_bytes: Positive
    type: Literal["carried-in"] = "carried-in"


TYPES: Types = {
    "carried-out": CarriedOut,
    "attempt-by-hand": AttemptByHand,
    "outcome-by-hand": OutcomeByHand,
    "carried-in": CarriedIn,
}
CHECKS: Checks = {
    OutcomeByHand: is_outcome,
}
