"""The way of one message: switch, reduce, encode, frame, write. Everything that `event.event` does not show.

In production nothing is ever raised into the product and nothing is logged: what cannot be recorded is counted, by
reason, kind and key. With `strict`, for development and tests, a call that is wrong as written raises EventError,
whether or not its kind is collected just now.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any, NoReturn

import msgspec

from audit.catalogue import Catalogue
from audit.index import Index
from audit.types import PRECISIONS, instant_text
from event._counts import UNDECLARED, Counts
from event._error import ErrorLog
from event._modes import COLLECTED, ModeFile
from event._reduce import RESERVED, Compiled, compile_kinds, switched_off, type_name
from event._spool import MAX_PAYLOAD_BYTES, Limits, Writer
from event.errors import Drop, EventError, Reason
from event.words import Marked

_encode = msgspec.json.Encoder().encode
_UNDECLARED_KEY = (UNDECLARED, 1, 0, None)
Clock = tuple[float, float, Mapping[str, str]]


class Collector:
    """One spool, one catalogue, one index. `new` and `error` may be called from any thread."""

    def __init__(
        self,
        spool: Path,
        catalogue: Catalogue,
        index: Index,
        product: Sequence[str],
        strict: bool,
        limits: Limits,
        case: str = "event",
        writer: Callable[[Path, Limits, Counts], Writer] = Writer,
    ) -> None:
        self.counts = Counts()
        self.log = ErrorLog(index, product)
        self.logs = Marked(index.logs)
        self._stated = catalogue, index, case
        self._kinds = self._declared = compile_kinds(*self._stated)
        self._off: frozenset[str] = frozenset()
        self._strict = strict
        self._modes = ModeFile(spool, self._kinds, self._without)
        self.writer = writer(spool, limits, self.counts)
        self._clock: Clock = (0.0, 0.0, {})

    def new(
        self,
        kind: str,
        values: Mapping[str, Any],
        exception: BaseException | None = None,
        made: Callable[[], Any] | None = None,
    ) -> Reason | None:
        """Record one message; return why it could not be recorded, None also where it is not collected.

        `made` gives the value of the fields that hold an error, reduced already, where there is no `exception`. Raises
        EventError when strict and the call is wrong as written; else never.
        """
        try:
            compiled = self._kinds.get(kind) if type(kind) is str else None
            if compiled is None:
                self._undeclared_kind(kind)
                return Reason.UNDECLARED_KIND
            if self._strict:
                self._insist(self._declared[kind], values, exception)
            word = self._modes.switches[compiled.name][0]
            if word & 3 not in COLLECTED:
                word = self._again(compiled.name)
                if not word:
                    return None
                compiled = self._kinds[compiled.name]  # mapped anew: other fields may be switched off
            begin, end, instants = self._clock
            if not begin <= time() < end:
                instants = self._tick()
                if self._modes.switches[compiled.name][0] != word:  # switched meanwhile: the next one is collected
                    return None
            message = self._reduced(compiled, values, instants[compiled.precision])
            if exception is not None and compiled.error_keys:
                message.update(dict.fromkeys(compiled.error_keys, self.log.of(exception)))
            elif made is not None and compiled.error_keys:
                message.update(dict.fromkeys(compiled.error_keys, made()))
            payload = _encode((word, message))
            trouble = Reason.TOO_LARGE if len(payload) > MAX_PAYLOAD_BYTES else self.writer.append(payload)
            if trouble is not None:
                self.counts.add(trouble, compiled.name)
            return trouble
        except EventError:
            raise
        except Exception:
            self.trouble()
            return Reason.INTERNAL

    def error(self, exception: BaseException, kind: str, values: Mapping[str, Any]) -> None:
        """Record one exception, likewise."""
        if issubclass(type(exception), BaseException):
            self.new(kind, values, exception)
            return
        try:
            self._no_exception(kind, exception)
        except EventError:
            raise
        except Exception:
            self.trouble()

    def refuse(self, kind: str, word: str, count: int) -> None:
        """Count what was handed in for `kind` and is not taken; `word`, of a closed list of ours, says what it was."""
        if self.collects(kind, None):  # off is off: nothing is opened to count what would not have been collected
            self.writer.ready()
            self.counts.add(Reason.REFUSED, kind, word, count)

    def collects(self, kind: str, key: str | None) -> bool:
        """Say whether a kind, or one field of it, is collected just now."""
        compiled = self._kinds.get(kind) if type(kind) is str else None
        if compiled is None or not self._collected(compiled.name):
            return False
        if key is None or (type(key) is str and key in RESERVED):
            return True
        entry = self._kinds[compiled.name].fields.get(key) if type(key) is str else None
        return entry is not None and entry[3] is not switched_off

    def _without(self, off: frozenset[str]) -> None:
        """Reduce no field named in `off` from now on."""
        if off != self._off:
            self._kinds, self._off = compile_kinds(*self._stated, off), off

    def _reduced(self, compiled: Compiled, values: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Return the message. Keys in it are the catalogue's own strings, never the caller's."""
        message: dict[str, Any] = {"kind": compiled.name, "at": at}
        fields = compiled.fields
        for key, value in values.items():
            own, low, high, reduce = fields.get(key, _UNDECLARED_KEY)
            if type(value) is int and low <= value <= high:
                message[own] = value
                continue
            if reduce is None:
                self.counts.add(Reason.UNDECLARED_FIELD, compiled.name, UNDECLARED)
                continue
            if reduce is switched_off:
                continue
            try:
                message[own] = reduce(value)
            except Drop as drop:
                self.counts.add(drop.reason, compiled.name, own)
        return message

    def _again(self, kind: str) -> int:
        """Return the word of a kind that seemed to be off, or 0: its file may have been replaced."""
        word = self._modes.switches[kind][0] if self._modes.again() else 0
        return word if word & 3 in COLLECTED else 0

    def _tick(self) -> Mapping[str, str]:
        """Once a second of collecting: look whether the files are still ours, and write the time out anew."""
        self._modes.verify()
        self.writer.verify()
        second = int(time())
        moment = datetime.fromtimestamp(second, UTC)
        instants = {precision: instant_text(moment, precision) for precision in PRECISIONS}
        self._clock = (second, second + 1, instants)
        return instants

    def _undeclared_kind(self, kind: Any) -> None:
        if self._strict:
            name = repr(kind) if type(kind) is str and len(kind) <= 80 else f"a {type_name(kind)}"
            hint = "declare it in the product's catalogue, or correct the name"
            raise EventError(Reason.UNDECLARED_KIND, f"kind {name} is not declared", hint)
        if not any(self._collected(name) for name in self._kinds):
            return  # off is off: nothing is opened to count what would not have been collected
        self.writer.ready()
        self.counts.add(Reason.UNDECLARED_KIND, UNDECLARED)

    def _no_exception(self, kind: Any, exception: Any) -> None:
        compiled = self._kinds.get(kind) if type(kind) is str else None
        if compiled is None:
            self._undeclared_kind(kind)
        elif self._strict:
            raise EventError(
                Reason.WRONG_TYPE,
                f"event.error was handed a {type_name(exception)} for kind {compiled.name!r}",
                "hand in the exception itself, as in `except Exception as fault: event.error(fault)`",
            )
        elif self._collected(compiled.name):
            self.writer.ready()
            self.counts.add(Reason.WRONG_TYPE, compiled.name, next(iter(compiled.error_keys), ""))

    def _collected(self, kind: str) -> bool:
        return self._modes.switches[kind][0] & 3 in COLLECTED or self._again(kind) > 0

    def _insist(self, compiled: Compiled, values: Mapping[str, Any], exception: BaseException | None) -> None:
        """Raise EventError for the first thing that is wrong with the call as written."""
        if exception is not None and not compiled.error_keys:
            hint = "declare a field of type error_log for it, or use another kind"
            raise EventError(Reason.UNDECLARED_FIELD, f"kind {compiled.name!r} has no field for an error", hint)
        for key, value in values.items():
            reduce = compiled.fields[key][3] if type(key) is str and key in compiled.fields else None
            if reduce is None:
                _undeclared_field(compiled, key)
            try:
                reduce(value)
            except Drop as drop:
                what = "has the wrong type" if drop.reason is Reason.WRONG_TYPE else "is out of bounds"
                message = f"field {key!r} of kind {compiled.name!r} {what} (a {type_name(value)} was handed in)"
                raise EventError(drop.reason, message, drop.instead) from None

    def trouble(self) -> None:
        """Count a fault of ours, where an exception is being handled. Raises it when strict."""
        if self._strict:
            raise
        with contextlib.suppress(Exception):
            self.counts.add(Reason.INTERNAL)


def _undeclared_field(compiled: Compiled, key: Any) -> NoReturn:
    name = repr(key) if type(key) is str and len(key) <= 80 else f"a {type_name(key)}"
    known = ", ".join(sorted(compiled.fields)) or "no fields"
    message = f"field {name} is not declared for kind {compiled.name!r}"
    raise EventError(Reason.UNDECLARED_FIELD, message, f"use one of {known}, or declare it in the product's catalogue")
