"""`sentry_sdk.init(transport=event.SentryTransport())`: what the SDK captures is reduced here, in the process.

Nothing is sent, and no DSN is needed; the SDK's integrations work as they are. Each event goes through the reduction
into the spool of `event.start`, so it survives the end of the process, and costs no thread and no queue. Before that
the SDK itself has read the exception: it calls `str()` on it and, unless told otherwise, `repr()` on local variables.

sentry-sdk takes an instance of its own class Transport, nothing that merely looks like one. So that `event` needs no
sentry-sdk, the class is looked up among the modules that are loaded when a transport is made: whoever calls
`sentry_sdk.init` has loaded it.
"""

import contextlib
import sys
from types import new_class
from typing import Any

from event.errors import EventError, NotCollected
from event.event import collector
from event.sentry.items import Taker
from event.ways import Way

_SDK = "sentry_sdk.transport"


class SentryTransport:
    """A transport for sentry-sdk 2. Raises EventError where sentry-sdk is not loaded."""

    def __new__(cls, *_args: Any, **_options: Any) -> "SentryTransport":
        """Return an instance that is one of the SDK's own class Transport, too."""
        module = sys.modules.get(_SDK)
        if module is None:
            hint = "import sentry_sdk first, as in `sentry_sdk.init(transport=event.SentryTransport())`"
            raise EventError("start", "there is no sentry-sdk to make a transport for", hint)
        both: type[SentryTransport] = new_class("SentryTransport", (SentryTransport, module.Transport))
        return object.__new__(both)

    def __init__(self, options: Any = None) -> None:
        self.options = options
        self.parsed_dsn = None
        self._taker: tuple[Any, Taker] | None = None

    def capture_envelope(self, envelope: Any) -> None:
        """Take what the SDK captured. Never raises, except as `event.start(strict=True)` asks for."""
        current = collector()
        if current is None:
            return
        if self._taker is None or self._taker[0] is not current:
            self._taker = current, Taker(Way(current))
        try:
            for item in envelope.items:
                self._take(self._taker[1], item)
        except Exception:
            current.trouble()

    def _take(self, taker: Taker, item: Any) -> None:
        kind = item.type if type(item.type) is str else ""
        with contextlib.suppress(NotCollected):
            taker.take(kind, item.payload.json if taker.reads(kind) else None)
