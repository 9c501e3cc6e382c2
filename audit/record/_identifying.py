"""Leaves about who is who: accounts of people, getting an identity, and what became of it."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import (
    Account,
    Actor,
    Case,
    Checks,
    Code,
    Count,
    Destination,
    Hex64,
    Positive,
    Record,
    Role,
    Token,
    Types,
    is_destination,
    is_hex,
)


class Person(Record, frozen=True, kw_only=True):
    """An account on this installation was made, changed, removed or deleted; `role` where a role is given or taken.

    `account` is `person:N`, a number that is never given again, since names stay out of the ledger; in leaves of
    earlier releases it is the name. Who is `removed` keeps a name here, who is `deleted` has none any more.
    """

    account: Account
    actor: Actor
    change: Literal["added", "removed", "role-given", "role-taken", "password-set", "locked", "unlocked", "deleted"]
    role: Role | None
    type: Literal["person"] = "person"


class Enrolment(Record, frozen=True, kw_only=True):
    """A step of getting an identity from corporate. The token never stands here.

    `key` is the thumbprint of the installation's key, `root` the pinned fingerprint, `certificate` the SHA-256 of the
    DER that was granted or renewed, `code` the reason of a refusal.
    """

    actor: Actor
    certificate: Hex64 | None
    code: Code | None
    destination: Destination
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
    root: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    step: Literal["asked", "granted", "refused", "unknown", "renewed"]
    type: Literal["enrolment"] = "enrolment"


class EnrolmentByHand(Record, frozen=True, kw_only=True):
    """A step of getting an identity with files carried by hand; members as in `Enrolment`."""

    actor: Actor
    certificate: Hex64 | None
    code: Code | None
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
    root: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    step: Literal["asked", "granted", "refused", "renewed"]
    type: Literal["enrolment-by-hand"] = "enrolment-by-hand"


class Identity(Record, frozen=True, kw_only=True):
    """A step about whose this ledger is.

    `conflict`: corporate saw (`code`) that number `sequence` of `case` contradicts an earlier one. `settled`: a person
    cleared it up, for the reason `code`. `ended`: this machine goes on as the installation `other`, in a ledger of its
    own. `begun`: this ledger succeeds that of `other`, which ended at `ledger_size` with `ledger_root`. `left`:
    corporate has deleted everything of this installation, and its identity ended.
    """

    actor: Actor
    case: Case | None
    code: Code | None
    ledger_root: Hex64 | None
    ledger_size: Count | None
    other: Token | None
    sequence: Positive | None
    step: Literal["conflict", "settled", "ended", "begun", "left"]
    type: Literal["identity"] = "identity"


def _is_enrolment(record: Any) -> bool:
    return is_destination(record) and _has_its_certificate(record)


def _has_its_certificate(record: Any) -> bool:
    is_given, certificate = record.step in ("granted", "renewed"), record.certificate
    return is_given == (certificate is not None) and is_hex(certificate or "")


def _is_identity(record: Any) -> bool:
    begun = record.step == "begun"
    has_end = record.ledger_root is not None and record.ledger_size is not None and is_hex(record.ledger_root)
    has_other = record.other is not None
    number = record.case is not None and record.sequence is not None
    return bool(
        begun == has_end
        and has_other == (record.step in ("ended", "begun"))
        and number == (record.step == "conflict")
        and (record.code is not None) == (record.step in ("conflict", "settled"))
        and (record.ledger_root is None) == (record.ledger_size is None)
        and (record.case is None) == (record.sequence is None)
    )


TYPES: Types = {
    "person": Person,
    "enrolment": Enrolment,
    "enrolment-by-hand": EnrolmentByHand,
    "identity": Identity,
}
CHECKS: Checks = {
    Enrolment: _is_enrolment,
    EnrolmentByHand: _has_its_certificate,
    Identity: _is_identity,
}
