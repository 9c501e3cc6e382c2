"""The judge of `benchmarks.words`: what of a customer's value left, which words were kept; knows nothing of templates.

A word is a run of two letters or more. What the message truly says is asked of the exception itself (`str`), which the
finder may never do, and the customer's values are cut out of it; of what is left, those words count that stand in a
literal of the file that raised or of a file of the exception's class.

Two things are faults. A leak: four characters or more of a customer's value (also in lower case, percent-, base64- or
hex-encoded) stand in what leaves and not in a literal of these files, or something leaves that is neither such a
literal nor a shape. A false word: a literal leaves that the message, without the customer's values, does not say in
that order. That no code of an exception is called is for the tests (tests/event/test_words.py).
"""

import ast
import base64
import dis
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from audit.types import SHAPE

WORD = re.compile(r"[^\W\d_]{2,}")
SHORTEST = 4
RAISES = dis.opmap["RAISE_VARARGS"]
_CUT = "\x00"
_MARKS = ".,;:!?'\"()[]{}<>"
Said = Sequence[Sequence[str | list[str]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one raise let out: leaks, false words, words of the source it truly said, words kept."""

    leaks: tuple[str, ...]
    false: tuple[str, ...]
    said: int
    kept: int


def judge(
    exception: BaseException,
    out: Said | None,
    customer: Iterable[str],
    texts: Sequence[str],
    published: Collection[str] = (),
) -> Verdict:
    """Return the verdict on what left for one exception; `texts` are the messages that it truly showed.

    `published` are literals that may leave as they are, whole, though they stand in no source: of an exception that
    compiled code raised every word counts then, since none stands in a source.
    """
    values = [value for value in customer if value]
    files = files_of(exception)
    shipped = "\n".join(literals(file) for file in files)
    left = [part for argument in out or () for part in argument if isinstance(part, str)]
    shapes = [part[0] for argument in out or () for part in argument if isinstance(part, list)]
    leaks = [s for s in shapes if not SHAPE.fullmatch(s)]
    own = [part for part in left if part not in published]
    leaks += [part for part in own if not all(word.strip(_MARKS) in shipped for word in part.split())]
    leaks += [found for value in values for found in _of_customer("\n".join(own), value, shipped)]
    bare = _CUT.join(_without(text, values) for text in texts)
    told = _CUT.join(_without(text, [value for value in values if value not in shipped]) for text in texts)
    known = _words(shipped)
    every = bool(published) and is_compiled(exception)
    words = Counter(word for word in WORD.findall(bare) if every or word in known)
    kept = Counter(word for part in left for word in WORD.findall(part))
    return Verdict(tuple(leaks), tuple(_false(left, told)), words.total(), (words & kept).total())


def is_compiled(exception: BaseException) -> bool:
    """Say whether no `raise` of Python source raised it: its words stand in no source."""
    trace = exception.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or trace.tb_frame.f_code.co_code[trace.tb_lasti] != RAISES


def files_of(exception: BaseException) -> list[str]:
    """Return the file of the last step of the traceback, and those of the classes of the exception."""
    trace: TracebackType | None = exception.__traceback__
    files: list[str] = []
    while trace is not None:
        files = [trace.tb_frame.f_code.co_filename]
        trace = trace.tb_next
    for kind in type(exception).__mro__:
        for made in vars(kind).values():
            code = getattr(made, "__code__", None)
            if code is not None:
                files.append(code.co_filename)
    return list(dict.fromkeys(files))


@cache
def literals(file: str) -> str:
    """Return every literal text of a file, one a line, or nothing for what is no file."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return "\n".join(text.replace("%%", "%") for text in texts)


@cache
def _words(shipped: str) -> frozenset[str]:
    return frozenset(WORD.findall(shipped))


def _of_customer(left: str, value: str, shipped: str) -> list[str]:
    """Return pieces of a customer's value, in any spelling of it, that left and were not shipped."""
    return [
        spelled[at : at + SHORTEST]
        for spelled in _spellings(value)
        for at in range(len(spelled) - SHORTEST + 1)
        if spelled[at : at + SHORTEST] in left and spelled[at : at + SHORTEST] not in shipped
    ]


@cache
def _spellings(value: str) -> tuple[str, ...]:
    value = value[:2_000]
    data = value.encode("utf-8", "backslashreplace")
    plain = (value, value.lower(), value.upper(), repr(value)[1:-1])
    return (*plain, quote(data), base64.b64encode(data).decode().rstrip("="), data.hex())


def _without(text: str, values: Sequence[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        for spelled in dict.fromkeys(
            (value, repr(value)[1:-1], repr(repr(value))[2:-2], value.lower(), quote(value, errors="replace"))
        ):
            text = text.replace(spelled, _CUT) if len(spelled) > 1 else text
    return text


def _false(left: Sequence[str], bare: str) -> list[str]:
    """Return the literals that the message without the customer's values does not say, in order."""
    at, found = 0, []
    for part in left:
        if not any(map(str.isalpha, part)):
            continue
        place = bare.find(part.strip(), at)
        if place < 0:
            found.append(part)
        else:
            at = place + len(part.strip())
    return found


def shown(exception: BaseException) -> list[str]:
    """Return the messages that an exception truly shows: its `str`, or its arguments where that raises."""
    try:
        return [str(exception)]
    except Exception:
        return [argument for argument in exception.args if type(argument) is str]


def planted(verdict: Any) -> bool:
    """Say whether a verdict tells of a leak or a false word."""
    return bool(verdict.leaks or verdict.false)
