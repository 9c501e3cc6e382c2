"""Leaves about what people allow: consent by content, switches, modes, the policy for upgrades."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import (
    Actor,
    Case,
    Checks,
    Count,
    FieldName,
    Hex64,
    KindName,
    Record,
    Role,
    Time,
    TransformWord,
    Types,
    Words,
    is_hex,
    is_instant,
)


class Consent(Record, frozen=True, kw_only=True):
    """`actor` in `role` approved or withdrew `fields` (name: definition hash), on whose `authority` in their words."""

    actor: Actor
    authority: Words
    decision: Literal["approved", "withdrawn"]
    fields: Annotated[dict[FieldName, Hex64], msgspec.Meta(min_length=1)]
    role: Role
    type: Literal["consent"] = "consent"


class Decision(Record, frozen=True, kw_only=True):
    """`actor` in `role` decided about `fields` (name: definition hash), on whose `authority` in their words.

    It stands in place of `Consent`, which earlier ledgers hold. An approval with `expires` ends then by itself, which
    is a record of its own with the decision `expired` by `home`. `source` is `policy` where a definition appeared that
    had been approved beforehand (`Allowance`).
    """

    actor: Actor
    authority: Words
    decision: Literal["approved", "declined", "withdrawn", "expired"]
    expires: Time | None
    fields: Annotated[dict[FieldName, Hex64], msgspec.Meta(min_length=1)]
    role: Role
    source: Literal["person", "policy"]
    type: Literal["decision"] = "decision"


class Switch(Record, frozen=True, kw_only=True):
    """One field was switched `off`, or `on` again, by a `person` or in the settings `file`."""

    actor: Actor
    field: FieldName
    from_: Literal["off", "on"] = msgspec.field(name="from")
    source: Literal["person", "file"]
    to: Literal["off", "on"]
    type: Literal["switch"] = "switch"


class Transform(Record, frozen=True, kw_only=True):
    """Another transform of one field's values was chosen, by a `person` or in the settings `file`; null is none.

    A transform is a word of `audit.transforms`, which the field's definition permitted then.
    """

    actor: Actor
    field: FieldName
    from_: TransformWord | None = msgspec.field(name="from")
    source: Literal["person", "file"]
    to: TransformWord | None
    type: Literal["transform"] = "transform"


class Policy(Record, frozen=True, kw_only=True):
    """The settings file's policy for material changes is now `to`; `allow` are the hashes it names, None for none."""

    actor: Actor
    allow: Annotated[list[Hex64], msgspec.Meta(min_length=1)] | None
    from_: Literal["withhold", "stop"] = msgspec.field(name="from")
    to: Literal["withhold", "stop"]
    type: Literal["policy"] = "policy"


class Allowance(Record, frozen=True, kw_only=True):
    """`actor` in `role` approved `definitions` (hashes) beforehand: they count as approved when they appear."""

    actor: Actor
    authority: Words
    definitions: Annotated[list[Hex64], msgspec.Meta(min_length=1)]
    role: Role
    type: Literal["allowance"] = "allowance"


class Release(Record, frozen=True, kw_only=True):
    """The catalogue `to` is installed in place of `from`; `asks` are the fields that wait for a decision by it."""

    actor: Actor
    asks: dict[FieldName, Hex64]
    from_: Hex64 = msgspec.field(name="from")
    hexes = ("from_", "to")
    to: Hex64
    type: Literal["release"] = "release"


class Mode(Record, frozen=True, kw_only=True):
    """The switch of a case, or with `kind` of one kind, moved; `generation` is the store's after it.

    `source` says who moved it: a `person`, the settings `file`, or a file that became `unreadable`.
    """

    actor: Actor
    case: Case
    from_: Literal["off", "local", "on", "offline"] = msgspec.field(name="from")
    generation: Count
    kind: KindName | None
    source: Literal["person", "file", "unreadable"]
    to: Literal["off", "local", "on", "offline"]
    type: Literal["mode"] = "mode"


def _is_consent(record: Any) -> bool:
    return is_hex("".join(record.fields.values()))


def _is_decision(record: Any) -> bool:
    dated = record.expires is None or (record.decision == "approved" and is_instant(record.expires))
    return dated and _is_consent(record)


TYPES: Types = {
    "consent": Consent,
    "decision": Decision,
    "switch": Switch,
    "transform": Transform,
    "policy": Policy,
    "allowance": Allowance,
    "release": Release,
    "mode": Mode,
}
CHECKS: Checks = {
    Consent: _is_consent,
    Decision: _is_decision,
    Transform: lambda record: record.from_ != record.to,
    Policy: lambda record: is_hex("".join(record.allow or ())),
    Allowance: lambda record: is_hex("".join(record.definitions)),
    Release: lambda record: is_hex("".join(record.asks.values())),
}
