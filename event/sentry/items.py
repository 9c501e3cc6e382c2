"""One item of a Sentry envelope, whoever brought it: an event is reduced and recorded, the rest is counted and let go.

An item is named by its type. Types that are known but not taken are counted by a word each, all others as `unknown`: no
word of the sender's is ever written anywhere. Sessions and client reports are accepted, so that no SDK is troubled by
sending them: of a report the number of events lost before they came here is counted, of sessions their number. The
installation counts sessions by itself, with what `sessions` reads of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from event.errors import NotCollected, Reason
from event.records.taking import LOG, PAGES, Records
from event.sentry import logs, scripts, sessions
from event.sentry._reduction import LOCALS, MESSAGE, PASSED_BY, TRANSACTION, Reduction
from event.sentry._values import members, number, rows
from event.ways import Way

KIND: Final = "home/error"
EVENT, UNKNOWN, LOST, SESSION = "event", "unknown", "lost-by-sender", "session"
LOGS: Final = "log"
"""The word for log records that are let go: their kind is off, they are a page's, or they are no records."""
NOT_TAKEN: Final[Mapping[str, str]] = {
    "transaction": TRANSACTION,
    "span": TRANSACTION,
    "attachment": "attachment",
    "form_data": "attachment",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "profile": "profile",
    "profile_chunk": "profile",
    "statsd": "metric",
    "metric_buckets": "metric",
    "trace_metric": "metric",
    "feedback": "feedback",
    "user_report": "feedback",
    "check_in": "check-in",
    "otel_log": LOGS,
}
"""Types of items that are not taken → the word under which they are counted."""
WORDS: Final = frozenset(
    {*NOT_TAKEN.values(), *PASSED_BY.values(), LOCALS, MESSAGE, UNKNOWN, LOST, SESSION, logs.ATTRIBUTES}
)
"""Every word by which something is refused here."""
_MOST_ROWS = 100
_MOST = 1_000_000


class Taker:
    """Takes items for one way; events of JavaScript for `pages`, the way of the case browser, where there is one.

    What runs on a platform that the index has names of is no page, but a program of the product.
    """

    def __init__(self, way: Way, pages: Way | None = None) -> None:
        self._way, self._pages = way, pages
        self._reduction = Reduction(way.log)
        self._records = Records(way)

    def reads(self, kind: str) -> bool:
        """Say whether the content of an item of this type is looked at; of all others only the type is."""
        if kind == logs.ITEM:
            return self._way.collects(LOG)
        return kind in (EVENT, sessions.ONE, sessions.SUMS, "client_report")

    def not_taken(self, kind: str) -> str:
        """Return the word of an item of a type that is not taken just now; nothing for one that is, or is unknown."""
        if kind == logs.ITEM:
            return "" if self._way.collects(LOG) else LOGS
        return NOT_TAKEN.get(kind, "")

    def collects(self) -> bool:
        """Say whether errors, of whatever platform, or logs are collected just now."""
        return (
            self._way.collects(KIND)
            or self._way.collects(LOG)
            or (self._pages is not None and self._pages.collects(scripts.KIND))
        )

    def take(self, kind: str, content: Any) -> Reason | None:
        """Record or count one item; `content` is its decoded JSON where `reads` says so. Return why it is not kept.

        Raises NotCollected for an event whose kind is off.
        """
        if kind == EVENT and type(content) is dict:
            return self._event(content)
        if kind == logs.ITEM and content is not None:
            return self._logs(content)
        if kind == "client_report":
            self._count(LOST, _lost(members(content)))
        elif kind in (sessions.ONE, sessions.SUMS):
            told = sessions.told(kind, members(content))
            self._count(SESSION, told.sessions if told else 0)
        else:
            self._count(self.not_taken(kind) or UNKNOWN, 1)
        return None

    def settle(self) -> Reason | None:
        """Wait until the disk has what was recorded so far; return why it has not, or None."""
        return self._way.settle() or (self._pages.settle() if self._pages is not None else None)

    def refuse(self, word: str) -> None:
        """Count something that was no item at all, by a word of the caller's closed list."""
        self._count(word, 1)

    def _event(self, content: dict[str, Any]) -> Reason | None:
        if self._pages is not None and scripts.is_script(content) and not self._reduction.declares(content):
            return self._script(self._pages, content)
        if not self._way.collects(KIND):
            raise NotCollected(KIND)
        reduced = self._reduction.of(content)
        for word in reduced.refused:
            self._count(word, 1)
        if reduced.error_log is None:
            return Reason.REFUSED
        return self._way.error(KIND, lambda: reduced.error_log, reduced.values)

    def _logs(self, content: Any) -> Reason | None:
        """Record log records; return why the last that could not be kept was not. A page's are let go."""
        found = logs.read(content)
        self._count(logs.ATTRIBUTES, found.unread)
        programs = [one for one in found.records if one.language not in PAGES]
        self._count(LOGS, found.lost + len(found.records) - len(programs))
        reasons = [self._records.log(one) for one in programs]
        return next((reason for reason in reversed(reasons) if reason is not None), None)

    def _script(self, pages: Way, content: dict[str, Any]) -> Reason | None:
        if not pages.collects(scripts.KIND):
            raise NotCollected(scripts.KIND)
        values = scripts.values(content)
        if values is None:
            pages.refuse(scripts.KIND, MESSAGE)
            return Reason.REFUSED
        return pages.new(scripts.KIND, values)

    def _count(self, word: str, count: int) -> None:
        if count:
            self._way.refuse(KIND if self._way.collects(KIND) else LOG, word, count)


def _lost(report: Mapping[str, Any]) -> int:
    """Return how many events an SDK says that it lost before they came here; categories other than errors are not."""
    losses = [members(one) for one in rows(report.get("discarded_events"))[:_MOST_ROWS]]
    return sum(max(number(one.get("quantity"), _MOST), 0) for one in losses if one.get("category") == "error")
