"""One item of a Sentry envelope, whoever brought it: an event is reduced and recorded, the rest is counted and let go.

An item is named by its type. Types that are known but not taken are counted by a word each, all others as `unknown`: no
word of the sender's is ever written anywhere. Sessions and client reports are accepted, so that no SDK is troubled by
sending them: of a report the number of events lost before they came here is counted, of sessions their number. The
installation counts sessions by itself, with what `sessions` reads of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from event.errors import Reason
from event.sentry import scripts, sessions
from event.sentry._reduction import LOCALS, MESSAGE, PASSED_BY, TRANSACTION, Reduction
from event.sentry._values import members, number, rows
from event.ways import Way

KIND: Final = "home/error"
EVENT, UNKNOWN, LOST, SESSION = "event", "unknown", "lost-by-sender", "session"
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
    "log": "log",
    "otel_log": "log",
}
"""Types of items that are not taken → the word under which they are counted."""
WORDS: Final = frozenset({*NOT_TAKEN.values(), *PASSED_BY.values(), LOCALS, MESSAGE, UNKNOWN, LOST, SESSION})
"""Every word by which something is refused here."""
_MOST_ROWS = 100
_MOST = 1_000_000


class NotCollected(Exception):
    """An event is of a kind that is switched off just now; nothing of it was looked at but its platform."""


class Taker:
    """Takes items for one way; events of JavaScript for `pages`, the way of the case browser, where there is one.

    What runs on a platform that the index has names of is no page, but a program of the product.
    """

    def __init__(self, way: Way, pages: Way | None = None) -> None:
        self._way, self._pages = way, pages
        self._reduction = Reduction(way.log)

    @staticmethod
    def reads(kind: str) -> bool:
        """Say whether the content of an item of this type is looked at; of all others only the type is."""
        return kind in (EVENT, sessions.ONE, sessions.SUMS, "client_report")

    def collects(self) -> bool:
        """Say whether errors are collected just now, of whatever platform."""
        return self._way.collects(KIND) or (self._pages is not None and self._pages.collects(scripts.KIND))

    def take(self, kind: str, content: Any) -> Reason | None:
        """Record or count one item; `content` is its decoded JSON where `reads` says so. Return why it is not kept.

        Raises NotCollected for an event whose kind is off.
        """
        if kind == EVENT and type(content) is dict:
            return self._event(content)
        if kind == "client_report":
            self._count(LOST, _lost(members(content)))
        elif kind in (sessions.ONE, sessions.SUMS):
            told = sessions.told(kind, members(content))
            self._count(SESSION, told.sessions if told else 0)
        else:
            self._count(NOT_TAKEN.get(kind, UNKNOWN), 1)
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
            self._way.refuse(KIND, word, count)


def _lost(report: Mapping[str, Any]) -> int:
    """Return how many events an SDK says that it lost before they came here; categories other than errors are not."""
    losses = [members(one) for one in rows(report.get("discarded_events"))[:_MOST_ROWS]]
    return sum(max(number(one.get("quantity"), _MOST), 0) for one in losses if one.get("category") == "error")
