"""Errors of corporate. What is wrong, whose fault it is, and what to do next.

    CorporateError              code, hint
    ├── SettingsFaults          every fault of corporate.toml at once
    ├── OperatorError           a command or a form asked for something that cannot be done
    └── Answer                  an error on the wire: status, whether trying again can help, and what else to say

The wire has one JSON shape for errors, `Answer.as_json`; nothing else writes one.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class CorporateError(Exception):
    """Base of all. `code` is stable and short, `hint` says what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class SettingsFaults(CorporateError):
    """corporate.toml cannot be used; `faults` lists everything wrong with it, one sentence each."""

    def __init__(self, faults: Sequence[str], path: object) -> None:
        super().__init__("settings", f"{path}: {len(faults)} fault(s)", "correct the file and start again")
        self.faults = tuple(faults)


class OperatorError(CorporateError):
    """Somebody at a terminal or a page asked for what cannot be done."""


class Answer(CorporateError):
    """An error answer to an installation. Raised anywhere below the wire, rendered in one place."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        *,
        retry: bool = False,
        retry_after_s: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message, hint)
        self.status = status
        self.retry = retry
        self.retry_after_s = retry_after_s
        self.more = dict(more or {})

    def as_json(self) -> dict[str, Any]:
        """The one shape: code, message, hint, retry, and what else this code carries."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "retry": self.retry, **self.more}

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to this answer: `Retry-After` in seconds."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


def place_of(error: BaseException) -> str:
    """Where `error` was raised, `module:line`: a log may say it, unlike the error's words, which may quote a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
