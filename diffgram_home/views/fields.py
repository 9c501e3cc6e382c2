"""Fields: what the catalogue says of one, and what was decided about it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import catalogue

UNDECIDED = ("new", "changed", "expired")


@dataclass(frozen=True, slots=True)
class Made:
    """One code place that makes a value: `inputs` are the names that it reads for it, `version` that of its source.

    `kinds` are those of the field's messages in which it makes it.
    """

    place: str
    inputs: tuple[str, ...]
    version: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field(catalogue.Field):
    """One field of the catalogue, as it is defined there, and what the customer decided about it.

    `state` is approved, new (never approved), changed (another definition was approved), expired (the approval's date
    has come), declined, withdrawn, removed, or requested (leaves only in a request that a person sees and sends). `off`
    says that it is switched off, whatever was decided; `transform` how its values leave, None for as they are. Who
    decided last about this definition, and on whose authority, is told for approvals and declines. `made` says how its
    values are made, in the words of `unmade` where by no place of ours that is stated; `stands` has the values that
    stand for something else, with what they mean.
    """

    state: str
    approved_by: str | None
    approved_role: str | None
    approved_at: datetime | None
    authority: str | None
    expires_at: datetime | None
    source: str | None
    declined_by: str | None
    declined_at: datetime | None
    off: bool
    transform: str | None
    made: tuple[Made, ...]
    unmade: str
    stands: Mapping[Any, str]

    @property
    def undecided(self) -> bool:
        """Whether a person is asked: nobody decided about this definition, or the approval's date has come."""
        return self.state in UNDECIDED
