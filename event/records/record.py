"""One log record as somebody else's library told it: the few things that are looked at, by whichever way it came."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from event.sentry._values import name, number

LEVELS: Final[Mapping[str, str]] = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
    "critical": "critical",
}
"""What records call their severity → the level of `home/log`."""
_LEAST: Final = ((21, "critical"), (17, "error"), (13, "warning"), (9, "info"), (1, "debug"))
_HIGHEST_SEVERITY: Final = 24
_HIGHEST_LINE: Final = 999_999
LOGGER: Final = "logger.name"
TYPE, MESSAGE, STACK = "exception.type", "exception.message", "exception.stacktrace"
_PATHS: Final = ("code.file.path", "code.filepath")
_FUNCTIONS: Final = ("code.function.name", "code.function")
_LINES: Final = ("code.line.number", "code.lineno")
READ: Final = frozenset({LOGGER, TYPE, MESSAGE, STACK, *_PATHS, *_FUNCTIONS, *_LINES})
"""The attributes of a record that are read (OpenTelemetry's semantic conventions, and their older names)."""


@dataclass(frozen=True, slots=True, repr=False)
class Raised:
    """An exception that a record tells: its type, its message, and its stack trace as a text; None for what is not."""

    type: str | None
    message: str | None
    stack: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One record.

    `level` is one of home/log's, or `other`; `language` that of the program (`telemetry.sdk.language`), empty where it
    is not told; `line` -1 where none is told; `body` None where it is no text.
    """

    level: str
    logger: str
    body: str | None
    language: str
    release: str
    path: str
    function: str
    line: int
    raised: Raised | None


def level(severity: Any, text: Any) -> str:
    """Return the level for a severity number (OpenTelemetry's 1 to 24), or by its text where there is none."""
    found = number(severity, _HIGHEST_SEVERITY)
    if found > 0:
        return next(word for least, word in _LEAST if found >= least)
    return LEVELS.get(name(text).lower(), "other")


def made(level: str, logger: str, body: Any, attributes: Mapping[str, Any], language: str, release: str) -> Record:
    """Return the record with what its `attributes` tell; those that are not in READ are not looked at."""
    return Record(
        level,
        logger or name(attributes.get(LOGGER)),
        body if type(body) is str else None,
        language,
        release.rpartition("@")[2],
        _first(attributes, _PATHS),
        _first(attributes, _FUNCTIONS).rpartition(".")[2],
        max(number(attributes.get(key), _HIGHEST_LINE) for key in _LINES),
        _raised(attributes),
    )


def _raised(attributes: Mapping[str, Any]) -> Raised | None:
    found = [attributes.get(key) for key in (TYPE, MESSAGE, STACK)]
    texts = [value if type(value) is str else None for value in found]
    return Raised(*texts) if any(texts) else None


def _first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := name(attributes.get(key)))), "")
