"""Leaves about what people here are told: incidents, corporate's instructions, its list of catalogues."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import (
    Actor,
    Checks,
    Code,
    Count,
    Document,
    Hex64,
    Note,
    Path,
    Positive,
    Record,
    Token,
    Types,
    Words,
    is_hex,
)


class Incident(Record, frozen=True, kw_only=True):
    """A step in the timeline of an Unexpected Data Transfer: something undeclared arrived, or tried to leave.

    `source` says where it was noticed: at the `tripwire` or another fence here, by `corporate`, or by the `customer`.
    `paths` are key paths up to the last declared key, or the fence that refused, with counts; never content. `document`
    is corporate's signed statement (a compact JWS) where the step has one.
    """

    actor: Actor
    document: Document | None
    incident: Token
    paths: Annotated[dict[Path, Positive], msgspec.Meta(max_length=200)]
    source: Literal["tripwire", "corporate", "customer"]
    step: Literal["noticed", "told", "deleted", "closed"]
    type: Literal["incident"] = "incident"


class Instruction(Record, frozen=True, kw_only=True):
    """Corporate's instructions of this `number` were `taken`, or what they ask came to an end by its date (`over`).

    `document` is the compact JWS as it came, `over` names what ended, such as `case event`; one of them is null.
    """

    actor: Actor
    document: Document | None
    number: Positive
    over: Annotated[list[Words], msgspec.Meta(min_length=1, max_length=200)] | None
    step: Literal["taken", "over"]
    type: Literal["instruction"] = "instruction"


class Published(Record, frozen=True, kw_only=True):
    """A checkpoint of corporate's published list of catalogues was `taken`, or `refused` for the reason `code`.

    `note` is the signed note: of a list that was refused it proves what was shown. `size` and `root`: what was taken.
    """

    actor: Actor
    code: Code | None
    note: Note | None
    root: Hex64 | None
    size: Count | None
    step: Literal["taken", "refused"]
    type: Literal["published"] = "published"


def _is_published(record: Any) -> bool:
    taken = record.step == "taken"
    whole = (record.code is None, record.note is not None, record.root is not None, record.size is not None)
    return all(whole) and is_hex(record.root) if taken else whole[0] is whole[2] is whole[3] is False


TYPES: Types = {
    "incident": Incident,
    "instruction": Instruction,
    "published": Published,
}
CHECKS: Checks = {
    Published: _is_published,
}
