"""gunicorn's log without what was sent: its messages quote requests, and a request may hold anything.

A chunk whose size is no number stands in such a message with its first bytes, a head that is none with its name. What
stays is the kind of the error, and for what is unexpected the lines of code that led there.
"""

import sys
import traceback
from typing import Any

from gunicorn.glogging import Logger


class QuietLogger(Logger):  # type: ignore[misc]
    """Says what went wrong, never the words of the exception at hand."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """While an exception is handled only its class is told: the message was made of its words."""
        error = sys.exc_info()[1]
        if error is None:
            super().warning(msg, *args, **kwargs)
        else:
            super().warning("a request was refused: %s", type(error).__name__)

    def exception(self, *_: Any, **__: Any) -> None:
        """The class and the way there; the message names the address that was asked for."""
        error = sys.exc_info()[1]
        way = "".join(traceback.format_tb(error.__traceback__)) if error else ""
        self.error("unexpected %s\n%s", type(error).__name__, way)
