"""Reads `[approval]`: what each case asks for before sending, and how long a batch waits. For `settings` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audit.approval import LEVELS, NONE
from audit.modes import MODES
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Approval:
    """Case → none, one or two; a batch that is not approved after `expires_h` hours is voided.

    The file can ask for more than was recorded, and never for less (`approvals`).
    """

    levels: Mapping[str, str]
    expires_h: int


def read(table: Table) -> Approval:
    """`[approval]`; faults are collected in the table."""
    found = Approval(
        MappingProxyType({case: table.choice(case, LEVELS, NONE) for case in MODES}),
        table.number("expires_h", 72, 1, 8760),
    )
    table.finish()
    return found
