"""A module as a vendor ships it: its source indexed, and the same source running."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit.index import Index
from event._reduce import class_name
from event.index import build
from event.words import Said, Words


class Shipped:
    """One module; `run` is a function of it, `said` what leaves of the exception that it raises."""

    def __init__(self, folder: Path, source: str, running: str | None = None, optimize: int = 0) -> None:
        path = folder / "shop.py"
        path.write_text(textwrap.dedent(source))
        self.index: Index = build([path], "shop 1.0.0")
        self.words = Words(self.index)
        self.names: dict[str, Any] = {"__name__": "shop"}
        text = textwrap.dedent(source if running is None else running)
        exec(compile(text, str(path), "exec", dont_inherit=True, optimize=optimize), self.names)  # noqa: S102

    def caught(self, *arguments: Any, of: str = "run") -> BaseException:
        """Return what a call of the function raises."""
        return caught(self.names[of], *arguments)

    def said(self, *arguments: Any, of: str = "run") -> list[Said] | None:
        """Return what leaves of it."""
        return self.told(self.caught(*arguments, of=of))

    def told(self, fault: BaseException) -> list[Said] | None:
        """Return the arguments of the words of an exception."""
        found = self.words.of(fault, class_name(type(fault)))
        return found["arguments"] if found is not None else None


def caught(function: Callable[..., Any], *arguments: Any) -> BaseException:
    """Return the exception that a call raises."""
    try:
        function(*arguments)
    except BaseException as fault:
        return fault
    raise AssertionError("nothing was raised")
