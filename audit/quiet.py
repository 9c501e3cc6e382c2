"""A server's log without what was sent: its messages quote requests, and a request may hold anything.

A chunk whose size is no number stands in such a message with its first bytes, a head that is none with its name. What
stays is the kind of the error, and for what is unexpected the lines of code that led there.

Both servers log so. It stands before the server's own logger: `class Log(Quiet, Logger)`; it imports no server.
"""

import sys
import traceback
from collections.abc import Callable
from typing import Any, cast


class Quiet:
    """Says what went wrong, never the words of the exception at hand."""

    error: Callable[..., None]

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """While an exception is handled only its class is told: the message was made of its words."""
        error, logger = sys.exc_info()[1], cast(Any, super())
        if error is None:
            logger.warning(msg, *args, **kwargs)
        else:
            logger.warning("a request was refused: %s", type(error).__name__)

    def exception(self, *_: Any, **__: Any) -> None:
        """The class and the way there; the message names the address that was asked for."""
        error = sys.exc_info()[1]
        way = "".join(traceback.format_tb(error.__traceback__)) if error else ""
        self.error("unexpected %s\n%s", type(error).__name__, way)
