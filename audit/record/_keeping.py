"""Leaves about the ledger itself: checkpoints elsewhere, bodies pruned by age."""

from typing import Literal

from audit.record._base import Actor, Checks, Count, Hex64, Positive, Record, Types


class Checkpoint(Record, frozen=True, kw_only=True):
    """The checkpoint at `size` leaves with `root` was handed to `place`, outside this ledger."""

    hexes = ("root",)
    place: Literal["file", "syslog", "witness", "export", "corporate"]
    root: Hex64
    size: Positive
    type: Literal["checkpoint"] = "checkpoint"


class Pruned(Record, frozen=True, kw_only=True):
    """`bodies` bodies of leaves with an index under `before` were deleted by age; their hashes stay."""

    actor: Actor
    before: Count
    bodies: Count
    type: Literal["pruned"] = "pruned"


TYPES: Types = {
    "checkpoint": Checkpoint,
    "pruned": Pruned,
}
CHECKS: Checks = {}
