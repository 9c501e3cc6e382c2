"""`event.wsgi(app)` and `event.flask(app)`: uncaught exceptions of a web product, for who has no sentry-sdk.

An exception is reported and raised again, untouched; what the application answers passes as it is: status, headers, the
order of streaming, its length, and `close`, also where it raises. Each exception is reported once, by whichever of the
two sees it first. Interruptions (`SystemExit`, `KeyboardInterrupt`, `GeneratorExit`) are no errors of the product.

Flask answers an exception of a view with a page of its own, so a middleware never sees it: there it is Flask's own
signal that tells. `event` needs no Flask: the signal is looked up among the modules that the product has loaded.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, cast

from event.errors import EventError
from event.event import error

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_reported: ContextVar[BaseException | None] = ContextVar("reported", default=None)


def wsgi(application: Application) -> Application:
    """Return `application` with its uncaught exceptions reported."""

    def watched(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        _reported.set(None)
        try:
            answer = application(environ, start_response)
        except Exception as fault:
            _report(fault)
            _reported.set(None)  # it holds the frames of the request, and with them all that the request held
            raise
        if type(answer) in (list, tuple):  # whole already; servers look at its length
            _reported.set(None)
            return answer
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(answer, wrapper):  # servers send such a file without reading it
            return answer
        return _Watched(answer)

    return watched


def flask(app: Any) -> None:
    """Report uncaught exceptions of a Flask application, in its views and while it streams.

    Raises EventError where Flask is not loaded, which then cannot be a Flask application.
    """
    module = sys.modules.get("flask")
    if module is None:
        raise EventError("start", "there is no Flask to listen to", "hand in the Flask application, or use event.wsgi")
    app.wsgi_app = wsgi(app.wsgi_app)
    module.got_request_exception.connect(_told, app)


def _told(_app: Any, exception: BaseException) -> None:
    _report(exception)


def _report(exception: BaseException) -> None:
    if _reported.get() is not exception:
        _reported.set(exception)
        error(exception)


class _Watched:
    """An answer that is being streamed."""

    def __init__(self, answer: Iterable[bytes]) -> None:
        self._answer = answer
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = iter(self._answer)
            return next(self._parts)
        except StopIteration:
            raise
        except Exception as fault:
            _report(fault)
            raise

    def close(self) -> None:
        """End the answer, as servers do whatever happened."""
        try:
            if hasattr(self._answer, "close"):
                cast("Any", self._answer).close()
        except Exception as fault:
            _report(fault)
            raise
        finally:
            _reported.set(None)
