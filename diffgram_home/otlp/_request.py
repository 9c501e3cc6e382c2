"""What was read of a request: its records, and how often something was let go that is not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from event.records import Record
from event.records.record import READ, level, made

MOST_RECORDS: Final = 10_000
ATTRIBUTES, RESOURCE, BODY, MANY = "attributes", "resource", "body", "too-many"
WORDS: Final = frozenset({ATTRIBUTES, RESOURCE, BODY, MANY})
"""Words for what is let go of a request: attributes of records and of resources, a body that is no text, records."""
_LANGUAGE, _RELEASE = "telemetry.sdk.language", "service.version"
OF_RESOURCE: Final = frozenset({_LANGUAGE, _RELEASE})
Attributes = Iterable[tuple[str, Any]]
"""Key and value; a value that is neither text nor number may be anything, and is not looked at."""


class Malformed(ValueError):
    """These bytes are no request for logs."""


class TooMany(ValueError):
    """This request has more parts than are read."""


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """What the resource of a group of records tells: the program's language and release."""

    language: str
    release: str


@dataclass(slots=True, repr=False)
class Found:
    """The records of a request in order, at most MOST_RECORDS; `unread` says by word how often something was let go."""

    records: list[Record] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)

    def source(self, attributes: Attributes) -> Source:
        """Return what a resource tells."""
        told: dict[str, str] = {}
        for key, value in attributes:
            if key in OF_RESOURCE and type(value) is str:
                told[key] = value
            else:
                self.unread[RESOURCE] += 1
        return Source(told.get(_LANGUAGE, ""), told.get(_RELEASE, ""))

    def add(self, source: Source, scope: str, severity: Any, said: Any, body: Any, attributes: Attributes) -> None:
        """Add one record. `severity` is its number, `said` the text of it, `body` anything, None where it has none."""
        if len(self.records) >= MOST_RECORDS:
            self.unread[MANY] += 1
            return
        told: dict[str, Any] = {}
        for key, value in attributes:
            if key in READ:
                told[key] = value
            else:
                self.unread[ATTRIBUTES] += 1
        if body is not None and type(body) is not str:
            self.unread[BODY] += 1
        self.records.append(made(level(severity, said), scope, body, told, source.language, source.release))
