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


class RequestByHand(Record, frozen=True, kw_only=True):
    """The request `sha256`, which `actor` saw and sent, is about to be written into the file `file` (its SHA-256).

    `purpose` is the request's kind. A retry is the same bytes under a leaf of its own, by hand or not.
    """

    hexes = ("file", "sha256")
    actor: Actor
    file: Hex64
    purpose: KindName
    sha256: Hex64
    size_bytes: Positive
    type: Literal["request-by-hand"] = "request-by-hand"


class AnswerByHand(Record, frozen=True, kw_only=True):
    """What corporate said of a request by hand, as its answer was carried in; members as in `Answer`.

    It follows the request's own answer, which is unknown while the file is on its way; a later one may follow.
    """

    hexes = ("sha256",)
    code: Code | None
    document: Document | None
    outcome: Literal["accepted", "rejected", "unknown"]
    request: Count
    sha256: Hex64
    status: Annotated[int, msgspec.Meta(ge=100, le=999)]
    type: Literal["answer-by-hand"] = "answer-by-hand"


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
    "request-by-hand": RequestByHand,
    "answer-by-hand": AnswerByHand,
}
CHECKS: Checks = {
    Request: is_destination,
    Answer: _is_answer,
    AnswerByHand: _is_answer,
}
