"""A stack trace as a text becomes what a Sentry SDK would have told of the same: types, messages, frames.

Python's: sections of one exception each, the first cause first; a group's members are not read. JavaScript's: a call a
line. Whatever a text imitates, what is found here is only asked for in the index afterwards. Every line is looked at
once, and a text is bounded.
"""

import re
from collections.abc import Container, Iterator, Sequence
from typing import Any, Final

from audit.types import NO_TYPE
from event.records.record import Raised

MOST_CHARS: Final = 262_144
_LONGEST_LINE: Final = 1_024
_LONGEST_PATH: Final = 12
_BEGINS: Final = "Traceback (most recent call last):"
_CAUSED: Final = "\nThe above exception was the direct cause of the following exception:\n"
_MEANWHILE: Final = "\nDuring handling of the above exception, another exception occurred:\n"
_FRAME: Final = re.compile(r'  File "([^"]*)", line (\d{1,6}), in (\S+)')
_TYPE: Final = re.compile(r"[^\W\d]\w*(?:\.(?:[^\W\d]\w*|<locals>))*")
_BEFORE_A_FILE: Final = re.compile(r"[/\\\s()@]")
_MOST_DIGITS: Final = 7
_MEMBERS: Final = "  +-+-"
_INDENTS: Final = ("  | ", "  + ")


def python(raised: Raised, modules: Container[str]) -> list[dict[str, Any]]:
    """Return the exceptions, the first cause first, as `exception.values` of an event; `modules` are the index's."""
    sections = _sections((raised.stack or "")[-MOST_CHARS:])
    found = [value for section in sections if (value := _section(section, modules)) is not None]
    last = found[-1] if found else {}
    if raised.type and raised.type.rpartition(".")[2] != last.get("type"):
        last["module"], _, last["type"] = raised.type.rpartition(".")
    if raised.message is not None:
        last["value"] = raised.message
    return found or [{"type": NO_TYPE, **last}]


def script(raised: Raised) -> dict[str, Any]:
    """Return an error of JavaScript, likewise; of any other language, where no line is a call, type and message."""
    lines = (raised.stack or "")[:MOST_CHARS].split("\n")
    frames = [call for line in reversed(lines) for call in _call(line[-_LONGEST_LINE:])]
    told = {"type": raised.type or NO_TYPE, "mechanism": {"handled": True}, "stacktrace": {"frames": frames}}
    return told if raised.message is None else {**told, "value": raised.message}


def _call(line: str) -> list[dict[str, Any]]:
    """Return the call that a line of a JavaScript stack tells, `at Cart.fill (/srv/file.js:1:77)`, or no name."""
    function, brace, _ = line.strip().removeprefix("at ").partition(" (")
    parts = line.rstrip().removesuffix(")").rsplit(":", 2)
    if len(parts) < 3 or not all(p.isascii() and p.isdigit() and len(p) <= _MOST_DIGITS for p in parts[1:]):
        return []
    file, at, column = _BEFORE_A_FILE.split(parts[0])[-1], int(parts[1]), int(parts[2])
    return [{"filename": file, "function": function if brace else "", "lineno": at, "colno": column}]


def module_of(path: str, modules: Container[str]) -> str:
    """Return the module of the index that a file is, by the longest end of its path; nothing where it is none."""
    parts = path.replace("\\", "/").removesuffix(".py").removesuffix("/__init__").split("/")[-_LONGEST_PATH:]
    names = (".".join(parts[start:]) for start in range(len(parts)))
    return next((name for name in names if name in modules), "")


def _sections(text: str) -> list[str]:
    """Return the text of each exception."""
    if "Exception Group Traceback" in text:
        text = "\n".join(_of_the_group(text.split("\n")))
    return text.replace(_MEANWHILE, _CAUSED).split(_CAUSED)


def _of_the_group(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of an outermost group, as if it were no group."""
    for line in lines:
        if line.startswith(_MEMBERS):
            return
        yield line[4:] if line.startswith(_INDENTS) else line


def _section(text: str, modules: Container[str]) -> dict[str, Any] | None:
    """Return what one exception's part of a stack trace tells; None where it tells no type."""
    lines = text.strip("\n").split("\n")
    begin = next((n for n, line in enumerate(lines) if line.endswith(_BEGINS)), -1)
    frames: list[dict[str, Any]] = []
    for at in range(begin + 1, len(lines)):
        if not lines[at].startswith("  "):
            named, _, message = "\n".join(lines[at:]).partition(": ")
            return _exception(named.rstrip("\n"), message, frames)
        frames += _frame(lines[at][:_LONGEST_LINE], modules)
    return None


def _frame(line: str, modules: Container[str]) -> list[dict[str, Any]]:
    found = _FRAME.fullmatch(line)
    if found is None:
        return []
    return [{"module": module_of(found[1], modules), "function": found[3], "lineno": int(found[2])}]


def _exception(named: str, message: str, frames: list[dict[str, Any]]) -> dict[str, Any] | None:
    if _TYPE.fullmatch(named[:_LONGEST_LINE]) is None:
        return None
    module, _, own = named.rpartition(".")
    return {"module": module, "type": own, "value": message, "stacktrace": {"frames": frames}}
