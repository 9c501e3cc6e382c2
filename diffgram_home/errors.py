"""What can go wrong in the installation, as one small tree; every error has a code, a sentence, and what to do next.

    HomeError
    ├── SettingsFaults      the settings file: every fault at once
    ├── StoreError          the database or the data folder cannot be used
    ├── LedgerError         the ledger and its head do not agree
    └── PeopleError         an account cannot be made, changed or used

The door and the pages add their own below `HomeError`. A caller's own mistake stays `ValueError`.
"""

from __future__ import annotations

from dataclasses import dataclass


class HomeError(Exception):
    """Base of the package's errors. `retry` says whether trying the same again can help."""

    def __init__(self, code: str, message: str, hint: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.retry = retry

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.code}; {self.hint})"


@dataclass(frozen=True, slots=True)
class SettingsFault:
    """One thing wrong in the settings file: where (`key`, dotted; empty for the whole file), what, and what to do."""

    code: str
    key: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message} ({self.code}; {self.hint})"


class SettingsFaults(HomeError):
    """The settings cannot be used; `faults` lists everything that is wrong, in the order of the file's reading."""

    def __init__(self, path: str, faults: tuple[SettingsFault, ...]) -> None:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "".join(f"\n  {fault}" for fault in faults)
        super().__init__("settings-faults", f"{count} in '{path}':{lines}", "correct them all and start again")
        self.path = path
        self.faults = faults

    def __str__(self) -> str:
        return str(self.args[0])


class StoreError(HomeError):
    """The database or the data folder cannot be read or written now."""


class LedgerError(HomeError):
    """The ledger's leaves, nodes and head do not agree, or something asked of it is not in it."""


class PeopleError(HomeError):
    """An account cannot be made or changed."""
