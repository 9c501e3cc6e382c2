"""`event.Handler`: calls of `logging` become level, logger, place and words of the source; never a value (design 5).

`LogRecord.msg` is not trusted, since a caller can put anything into it: it leaves only where it is, as a whole, what
the source says at the very call that runs. That call is found by the frames above this handler, not by what the record
says of itself. Arguments leave as shapes; nothing is formatted, and no code of a record, message or argument is run.

The handler takes no lock, waits for nothing and never raises; what goes wrong is counted. A record that comes from
another thread than its call (a queue) has no words and no place. What is logged while a record is being handled here
is passed by.
"""

import contextlib
import logging
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

import msgspec

from audit.template import Template, fields, has_words
from event._collect import Collector
from event._error import MAX_WORDS_BYTES
from event._shape import shape
from event.event import collector
from event.words import Marked, Said, holes

KIND = "home/log"
_LEVELS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)
_LOGGING = vars(logging)
_MAX_FRAMES = 100
_state = logging.LogRecord.__dict__["__dict__"].__get__
_encode = msgspec.json.Encoder().encode


class Handler(logging.Handler):
    """Tells the calls of `logging` from `level` on as `home/log`: `logging.getLogger().addHandler(event.Handler())`.

    An exception that a call brings along (`exc_info`) is told as `home/error` too, unless `errors` is false: say so
    where the product already reports its errors itself. `release` goes with both. `event.start` may come later; before
    it, and while the kind is `off`, nothing is collected.
    """

    def __init__(self, level: int = logging.WARNING, *, errors: bool = True, release: str | None = None) -> None:
        super().__init__(level)
        self._errors = errors
        self._fields: dict[str, Any] = {} if release is None else {"release": release}
        self._here = threading.local()

    def createLock(self) -> None:
        """Take no lock: a record is written in one call, and a product must never wait for another's."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Tell a record that the handler's filters let pass; never raises."""
        if getattr(self._here, "is_busy", False):
            return False
        self._here.is_busy = True
        try:
            passed = self.filter(record)
            if passed:
                self.emit(record)
            return passed
        except Exception:
            with contextlib.suppress(Exception):
                _count_trouble()
            return False
        finally:
            self._here.is_busy = False

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a record."""
        found = collector()
        if found is None:
            return
        state = _state(record)
        if found.collects(KIND, None):
            found.new(KIND, _values(found, state, _caller(sys._getframe())) | self._fields)
        brought = state.get("exc_info")
        if (
            self._errors
            and type(brought) is tuple
            and len(brought) == 3
            and issubclass(type(brought[1]), BaseException)
        ):
            found.error(brought[1], "home/error", self._fields)


def _values(found: Collector, state: Mapping[str, Any], frame: FrameType | None) -> dict[str, Any]:
    """Return what is told of a record: what it says of itself by its own members, the rest by the frame that logs."""
    values: dict[str, Any] = {"level": _level(state.get("levelno")), "logger": _name(state.get("name"))}
    values["place"] = found.log.place(frame, frame.f_lineno)[0] if frame is not None else ""
    if frame is not None and (said := _said(found.logs, frame, state)) is not None:
        values["words"] = said
    return values


def _name(value: Any) -> str:
    return value if type(value) is str else ""


def _count_trouble() -> None:
    found = collector()
    if found is not None:
        found.trouble()


def _level(number: Any) -> str:
    if type(number) is not int:
        return "other"
    return next((word for least, word in _LEVELS if number >= least), "debug")


def _caller(frame: FrameType | None) -> FrameType | None:
    """Return the frame of the call of `logging` that runs, or None when it does not run in this thread."""
    is_logging = False
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return None
        if frame.f_globals is _LOGGING:
            is_logging = True
        elif is_logging:
            return frame
        frame = frame.f_back
    return None


def _said(marked: Marked, frame: FrameType, state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the words of a record, if its message is, as a whole, one thing that the source says at this call."""
    found = marked.at(frame, frame.f_lasti)
    message = state.get("msg")
    if found is None or type(message) is not str:
        return None
    at, site = found
    fitting = [(t, values) for t in site.arguments.positional[0] if (values := holes(t, message)) is not None]
    if len(fitting) != 1 or not has_words(fitting[0][0]):
        return None
    template, values = fitting[0]
    said = _formatted(template, state.get("args")) if len(template) == 1 else _spelt(template, values)
    value = {"at": at, "arguments": [said]}
    return value if len(_encode(value)) <= MAX_WORDS_BYTES else None


def _formatted(template: Template, args: Any) -> Said:
    """Return a format with the shapes of its arguments, as `logging` puts them in; without any it stays as it is."""
    text = str(template[0])
    if not args or type(args) not in (tuple, dict):
        return [text]
    form, names = fields(text)
    if not any(isinstance(part, str) for part in form):
        return [text]
    given = {name: value for name, value in args.items() if type(name) is str} if type(args) is dict else {}
    by: Mapping[Any, Any] = given if type(args) is dict else dict(enumerate(args))
    return _spelt(form, [by.get(name) for name in names])


def _spelt(template: Template, values: list[Any]) -> Said:
    shapes = iter(values)
    return [part if isinstance(part, str) else [shape(next(shapes))] for part in template]
