"""The errors of `event`: what a developer is told, and what a product in production never sees.

    EventError    a call or a start that cannot mean anything: the reason's code, a sentence, and what to do next

It is a ValueError, since only the caller can mend it. Only `strict` raises it. No message quotes a value: it names the
kind, the field, and the type of what was handed in.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why something was dropped. These words are written to the spool's count files and shown to the customer."""

    UNDECLARED_KIND = "undeclared-kind"
    UNDECLARED_FIELD = "undeclared-field"
    WRONG_TYPE = "wrong-type"
    OUT_OF_BOUNDS = "out-of-bounds"
    TOO_LARGE = "too-large"
    SPOOL_FULL = "spool-full"
    DISK_FULL = "disk-full"
    SHORT_WRITE = "short-write"
    SPOOL_UNUSABLE = "spool-unusable"
    REFUSED = "refused"
    INTERNAL = "internal"


class EventError(ValueError):
    """A call that is wrong as written. `code` is a Reason or `start`; `hint` says what to do next."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.code = code
        self.hint = hint


class Drop(Exception):
    """A reducer's no to one value: the reason to count, and what the caller should hand in instead."""

    def __init__(self, reason: Reason, instead: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead


class NotCollected(Exception):
    """What somebody told is of a kind that is switched off just now; no more of it was looked at than says so."""
