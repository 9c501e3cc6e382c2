"""Values that a careless or hostile caller could hand in. Made on demand: even looking at some of them raises."""

import math
from collections.abc import Callable
from typing import Any

from tests.event.samples import SECRET


class Liar(str):
    """A str that lies about itself and raises from everything that could be asked of it."""

    __slots__ = ()

    def _raise(self, *_: object) -> Any:
        raise AssertionError("a method of the caller's value was called")

    __len__ = __str__ = __repr__ = __eq__ = __lt__ = __getitem__ = __contains__ = __iter__ = __format__ = _raise
    encode = isdigit = lower = partition = _raise
    __hash__ = str.__hash__


class Nosy:
    """An object every part of which raises."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} of the caller's value was asked for")


class Hostile(Exception):
    """An exception every part of which raises."""

    def _raise(self, *_: object) -> Any:
        raise AssertionError("code of the exception was called")

    __str__ = __repr__ = __eq__ = __bool__ = __getattr__ = __reduce__ = _raise  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    args = __cause__ = __context__ = __traceback__ = __class__ = property(_raise)  # type: ignore[assignment]


class Meta(type):
    """A metaclass every part of which raises."""

    def _raise(cls, *_: object) -> Any:
        raise AssertionError("code of the metaclass was called")

    __hash__ = __eq__ = __str__ = __repr__ = __instancecheck__ = __subclasscheck__ = _raise  # type: ignore[assignment]
    __name__ = __module__ = property(_raise)  # type: ignore[assignment]


def endless() -> list[Any]:
    items: list[Any] = [SECRET]
    items.append(items)
    return items


BAD: dict[str, Callable[[], Any]] = {
    "a text of 10 MB": lambda: "x" * 10_000_000,
    "not a number": lambda: math.nan,
    "infinity": lambda: math.inf,
    "bytes": lambda: SECRET.encode(),
    "a list inside itself": endless,
    "a text": lambda: SECRET,
    "a str that lies": lambda: Liar(SECRET),
    "an object that raises": lambda: Nosy(),
    "nothing": lambda: None,
    "a number too large": lambda: 2**70,
    "a negative number": lambda: -3,
    "a dict": lambda: {SECRET: SECRET},
}
