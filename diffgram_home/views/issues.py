"""Errors kept here, by issue: what they have in common, when they were, and what of them left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. `messages` are those kept here; `hours` those of the last 24 hours, oldest first, the present last."""

    id: int
    title: str
    culprit: str
    in_product: bool
    messages: int
    first_at: datetime
    last_at: datetime
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IssueList:
    """Some issues, the last seen first; `more` is how many to pass over for the next ones, None at the end.

    `behind` says that messages from before this release are still being gone through.
    """

    issues: tuple[Issue, ...]
    total: int
    more: int | None
    behind: bool


@dataclass(frozen=True, slots=True)
class IssueLink:
    """One exception of the chain: its type, and its words as (text, whether it is a shape) pieces, or its shapes.

    `shapes` are, for each value it had, the shapes seen in the newest messages with how often.
    """

    type: str
    words: tuple[tuple[str, bool], ...] | None
    shapes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class IssueFrame:
    """One place on the way to the fault: file or module, function (None in a script), line."""

    place: str
    module: str
    function: str | None
    line: str
    in_product: bool


@dataclass(frozen=True, slots=True)
class IssueBatch:
    """A batch that holds messages of the issue: how many, and the last attempt to send it, if there was one."""

    case: str
    sequence: int
    messages: int
    sha256: str
    waits: bool
    attempt: int | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class IssuePage:
    """One issue in full, by its newest message. `left` and `waiting` count in the newest `looked_at` messages of it.

    Without `kind` the newest message cannot be read: its block is damaged, and the lists are empty.
    """

    issue: Issue
    days: tuple[int, ...]
    kind: str | None
    at: str | None
    chain: tuple[IssueLink, ...]
    frames: tuple[IssueFrame, ...]
    left: int
    waiting: int
    looked_at: int
    batches: tuple[IssueBatch, ...]

    @property
    def here_only(self) -> int:
        """Of the messages looked at, those that neither left nor wait to go."""
        return self.looked_at - self.left - self.waiting
