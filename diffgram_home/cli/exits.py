"""The exit codes of `diffgram-home`: one table, for programs that call it and for the manual.

The table is data so that the help text, docs/commands.md and the commands cannot differ. Rule: a code keeps its
meaning for ever; a new meaning gets a new number.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FINDING = 1
    USAGE = 2
    DECISION = 3
    SETTINGS = 4
    NOT_REACHED = 5
    NOT_FOUND = 6
    STORAGE = 7
    NO_NAMESPACE = 8
    INTERRUPTED = 130


MEANING: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.DONE: "done; or healthy; or nothing needed doing",
        Exit.FINDING: "it ran and found something wrong, or was refused: see what it printed",
        Exit.USAGE: "the command line is not right: an unknown command, option, case, kind, field or value",
        Exit.DECISION: "a person has to decide: fields wait for approval and are withheld, or a question was answered "
        "with no and nothing changed",
        Exit.SETTINGS: "the settings file is missing, unreadable or not right; every problem is listed",
        Exit.NOT_REACHED: "corporate was not reached, or its answer did not arrive; it will be tried again",
        Exit.NOT_FOUND: "nothing is stored under that sequence number",
        Exit.STORAGE: "the data folder or the database cannot be used: permission, space, or in use by others",
        Exit.NO_NAMESPACE: "`prove` proved nothing: a program is missing, or the kernel allows no network namespace",
        Exit.INTERRUPTED: "interrupted by Ctrl-C",
    }
)


def table() -> tuple[tuple[str, str], ...]:
    """(code, meaning) for each exit code, in order."""
    return tuple((str(int(code)), meaning) for code, meaning in MEANING.items())
