"""Leaves about approval before sending: what a case asks for, and what was decided about the very bytes of a batch."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import Actor, Case, Checks, Hex64, Positive, Record, Role, Types, Words

Level = Literal["none", "one", "two"]


class BatchDecision(Record, frozen=True, kw_only=True):
    """`actor` in `role` approved or refused the bytes `sha256` of a batch waiting, or their time `expired` (`home`).

    A refusal has a `reason`, and may have a `note` in the person's own words. Nothing of it ever leaves.
    """

    hexes = ("sha256",)
    actor: Actor
    case: Case
    decision: Literal["approved", "refused", "expired"]
    note: Words | None
    reason: Literal["personal", "unexpected", "unneeded", "not-now", "other"] | None
    role: Role | None
    sequence: Positive
    sha256: Hex64
    type: Literal["batch-decision"] = "batch-decision"


class ApprovalRule(Record, frozen=True, kw_only=True):
    """What a case asks for before sending was `set`, by a `person` or in the settings `file`.

    `asked`: the first of two persons wants it to ask for less, and nothing changed yet; `kept`: that was taken back.
    `expires_h` is how many hours a batch waits for approval.
    """

    actor: Actor
    case: Case
    expires_h: Annotated[int, msgspec.Meta(ge=1, le=8760)]
    from_: Level = msgspec.field(name="from")
    source: Literal["person", "file"]
    step: Literal["set", "asked", "kept"]
    to: Level
    type: Literal["approval-rule"] = "approval-rule"


def _is_batch_decision(record: Any) -> bool:
    refused, expired = record.decision == "refused", record.decision == "expired"
    by_home = expired == (record.actor == "home") == (record.role is None)
    return (record.reason is not None) == refused and (refused or record.note is None) and by_home


TYPES: Types = {"batch-decision": BatchDecision, "approval-rule": ApprovalRule}
CHECKS: Checks = {BatchDecision: _is_batch_decision}
