"""Log records become `home/log`; an exception that one brings, `home/error`, or of JavaScript, `home/browser-error`.

Of a record are left: its level, its logger if shipped code asks for one of that name, the line that logged it if the
index has that, the words of the source there, and the release if it is a version. Its moment is that of its arrival.
Attributes, resource, trace, and whatever else it can carry have no way on. A page's records without an exception are
let go: what pages tell is of the case browser.
"""

from collections.abc import Mapping
from typing import Any, Final

from audit.types import NO_PLACE, TYPES
from event.errors import NotCollected, Reason
from event.records import _said, _traces
from event.records.record import Raised, Record
from event.sentry._places import Places
from event.sentry._reduction import Reduction
from event.sentry.scripts import KIND as SCRIPT
from event.sentry.scripts import values as script_values
from event.ways import Way

LOG: Final = "home/log"
ERROR: Final = "home/error"
MESSAGE: Final = "message"
"""The word by which something is refused here: a page's record without an exception."""
_PYTHON: Final = frozenset({"", "python"})
PAGES: Final = frozenset({"webjs"})
"""The languages of pages."""
_NODE: Final = "nodejs"
_PLATFORMS: Final = {_NODE: "node", "dotnet": "csharp", "": "python"}
"""What OpenTelemetry calls a language → what Sentry's SDKs, and files of names, call it, where that differs."""


class Records:
    """Takes records for one way; errors of JavaScript for `pages`, the way of the case browser. Any thread may use it.

    Without `pages` an error of JavaScript is let go. Node is a program of the product where the index has names of it.
    """

    def __init__(self, way: Way, pages: Way | None = None) -> None:
        self._way, self._pages = way, pages
        self._index = way.log.index
        self._places = Places(way.log)
        self._reduction = Reduction(way.log)
        self._is_version = TYPES["version"].make({}, self._index)

    def collects(self) -> bool:
        """Say whether anything that a record can become is collected just now."""
        scripted = self._pages is not None and self._pages.collects(SCRIPT)
        return scripted or self._way.collects(LOG) or self._way.collects(ERROR)

    def take(self, record: Record) -> Reason | None:
        """Record what a record tells; return why it could not be kept.

        Raises NotCollected where what it would become is switched off; nothing of it was looked at then.
        """
        tried: list[Reason | None] = []
        if record.language in PAGES and record.raised is None:
            self.refuse(MESSAGE)
            return Reason.REFUSED
        if record.language not in PAGES and self._way.collects(LOG):
            tried.append(self.log(record))
        if record.raised is not None:
            tried += self._raised(record, record.raised)
        if not tried:
            raise NotCollected(LOG)
        return next((reason for reason in tried if reason is not None), None)

    def log(self, record: Record) -> Reason | None:
        """Record what a record says, as `home/log`, without any exception; return why it could not be kept."""
        return self._way.new(LOG, self._values(record))

    def settle(self) -> Reason | None:
        """Wait until the disk has what was recorded; return why it has not."""
        return self._way.settle() or (self._pages.settle() if self._pages is not None else None)

    def refuse(self, word: str, count: int = 1) -> None:
        """Count what was let go, by a word of the caller's closed list."""
        self._way.refuse(LOG if self._way.collects(LOG) else ERROR, word, count)

    def _values(self, record: Record) -> dict[str, Any]:
        """Return the values of `home/log`; each is held against the index once more when the message is made."""
        place = self._place(record)
        values: dict[str, Any] = {"level": record.level, "logger": record.logger, "place": place}
        if (words := self._words(record, place)) is not None:
            values["words"] = words
        if self._is_version(record.release):
            values["release"] = record.release
        return values

    def _place(self, record: Record) -> str:
        """Return the line that logged a record, as a place of the index."""
        module = self._module(record)
        return self._places.place(module, record.function, record.line) if module else NO_PLACE

    def _words(self, record: Record, place: str) -> Mapping[str, Any] | None:
        """Return the words of a record: at its line, or where that is not known, anywhere in its logger's module."""
        if record.body is None or record.language not in _PYTHON:
            return None
        if place != NO_PLACE:
            return _said.at_line(self._index, self._module(record), record.line, record.body)
        return _said.of_module(self._index, record.logger, record.body)

    def _module(self, record: Record) -> str:
        return _traces.module_of(record.path, self._index.modules) if record.language in _PYTHON else ""

    def _raised(self, record: Record, raised: Raised) -> list[Reason | None]:
        """Record an exception as the kind that it is; nothing where that is switched off."""
        found = self._event(record, raised)
        if record.language in PAGES or (record.language == _NODE and not self._reduction.declares(found)):
            return self._thrown(found)
        if not self._way.collects(ERROR):
            return []
        reduced = self._reduction.of(found)
        if reduced.error_log is None:
            self.refuse(MESSAGE)
            return [Reason.REFUSED]
        return [self._way.error(ERROR, lambda: reduced.error_log, reduced.values)]

    def _event(self, record: Record, raised: Raised) -> dict[str, Any]:
        """Return the event that an SDK of Sentry would have made of an exception."""
        modules = self._index.modules
        values = _traces.python(raised, modules) if record.language in _PYTHON else [_traces.script(raised)]
        platform = _PLATFORMS.get(record.language, record.language)
        return {"platform": platform, "release": record.release, "exception": {"values": values}}

    def _thrown(self, found: dict[str, Any]) -> list[Reason | None]:
        if self._pages is None or not self._pages.collects(SCRIPT):
            return []
        values = script_values(found)
        if values is None:
            self.refuse(MESSAGE)
            return [Reason.REFUSED]
        return [self._pages.new(SCRIPT, values)]
