"""Incidents: Unexpected Data Transfers, from when one was noticed until somebody here closes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IncidentStep:
    """One step of an incident's timeline: noticed, told, deleted or closed; `leaf` is its proof, None until it is."""

    what: str
    at: datetime | None
    leaf: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One Unexpected Data Transfer: key paths and counts, and its timeline. The documents are compact JWS."""

    id: int
    token: str
    source: str
    text: str
    paths: Mapping[str, int]
    count: int
    case: str | None
    sequence: int | None
    last_at: datetime
    closed_by: str | None
    steps: tuple[IncidentStep, ...]
    statement: str | None
    deletion: str | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closed_by is None
