"""Leaves about what people here ask of corporate, and about corporate's signed statements of what it deleted."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import (
    Actor,
    Checks,
    Code,
    Count,
    Destination,
    Document,
    Hex64,
    KindName,
    Positive,
    Record,
    Types,
    is_destination,
)


class Asked(Record, frozen=True, kw_only=True):
    """`actor` saw the request `sha256` of the kind `purpose` and wants it sent: `kept` at first, `again` later on.

    What became of it stands in the leaves `request` and `answer`, if it was ever sent.
    """

    hexes = ("sha256",)
    actor: Actor
    purpose: KindName
    sha256: Hex64
    step: Literal["kept", "again"]
    type: Literal["asked"] = "asked"


class Request(Record, frozen=True, kw_only=True):
    """A connection to `destination` is about to open for the request `sha256`, which `actor` saw and sent.

    `purpose` is the request's kind, `request` its method and path. A retry is the same bytes under a leaf of its own.
    """

    hexes = ("sha256",)
    actor: Actor
    destination: Destination
    purpose: KindName
    request: Annotated[str, msgspec.Meta(pattern=r"^POST /[A-Za-z0-9/._-]{0,200}\Z")]
    sha256: Hex64
    size_bytes: Positive
    type: Literal["request"] = "request"


class Answer(Record, frozen=True, kw_only=True):
    """How the request whose leaf has the index `request` ended.

    `accepted` has the `document` that corporate answered with, a compact JWS; `unknown` means that it may have arrived.
    """

    code: Code | None
    document: Document | None
    outcome: Literal["accepted", "rejected", "unknown"]
    request: Count
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] | None
    type: Literal["answer"] = "answer"


class Deletion(Record, frozen=True, kw_only=True):
    """Corporate's statement of a deletion that nobody here asked for: it rode on an answer, or `actor` brought it."""

    actor: Actor
    document: Document
    type: Literal["deletion"] = "deletion"


def _is_answer(record: Any) -> bool:
    return bool((record.outcome == "accepted") == (record.document is not None))


TYPES: Types = {
    "asked": Asked,
    "request": Request,
    "answer": Answer,
    "deletion": Deletion,
}
CHECKS: Checks = {
    Request: is_destination,
    Answer: _is_answer,
}
