"""Reads `[spool]`, `[sending]`, `[keep]` and `[support]`: how much, how often, how long. For `settings` only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffgram_home.settings._table import Table

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spool:
    """Where products put their records; `group` owns the folder so that product and installation can be two users."""

    folder: Path
    group: str | None
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Sending:
    """How often to look for work, how long a batch can be read before it goes, and how much goes into one.

    `by_hand`: nothing goes over a connection, nobody is asked for a name; batches wait for `carry out`.
    """

    by_hand: bool
    every_s: int
    wait_s: int
    batch_messages: int
    batch_bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How long messages stay here after they were collected, and how long bodies of batches stay in the ledger."""

    local_days: int
    bodies_days: int


@dataclass(frozen=True, slots=True)
class Support:
    """The longest that a grant of support may last."""

    longest_h: int


def spool(table: Table, folder: Path) -> Spool:
    """`[spool]`, for the data folder `folder`; faults are collected in the table."""
    found = Spool(
        folder=table.path("folder") or folder / "spool",
        group=table.text("group", default="") or None,
        max_bytes=table.number("max_bytes", 256 * _MIB, _MIB, 1024 * 1024 * _MIB),
    )
    table.finish()
    return found


def sending(table: Table) -> Sending:
    """`[sending]`; faults are collected in the table."""
    found = Sending(
        by_hand=table.flag("by_hand", False),
        every_s=table.number("every_s", 5, 1, 3600),
        wait_s=table.number("wait_s", 0, 0, 3600),
        batch_messages=table.number("batch_messages", 1000, 1, 10_000),
        batch_bytes=table.number("batch_bytes", 1_000_000, 10_000, 1_000_000),
    )
    table.finish()
    return found


def keep(table: Table) -> Keep:
    """`[keep]`; faults are collected in the table."""
    found = Keep(table.number("local_days", 30, 1, 3650), table.number("bodies_days", 400, 1, 3650))
    table.finish()
    return found


def support(table: Table) -> Support:
    """`[support]`; faults are collected in the table."""
    found = Support(table.number("longest_h", 4, 1, 168))
    table.finish()
    return found
