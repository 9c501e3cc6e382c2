"""Frames as a Sentry SDK writes them become places of the index: module, function, line.

sentry-sdk names a function by its `co_name` (`save`), the index by its qualified name (`Order.save`): of the functions
with that last name whose lines hold the line, the innermost is meant. Programs in other languages have places where a
names file declares them (`event.names`). What the index does not have is `<place>`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from audit.types import MAX_FRAMES, NO_PLACE
from event._error import ErrorLog, cut, fold
from event.sentry._values import MAX_NAME, members, name, number, rows

_READ = 1_000
_HIGHEST_LINE = 999_999
Step = tuple[str, str, int]
Read = Callable[[Any], Step]
Named = Mapping[str, tuple[tuple[int, int, str], ...]]


class Places:
    """Finds places in one index. `log` knows which modules are the product's."""

    def __init__(self, log: ErrorLog) -> None:
        self._log = log
        self._named: dict[str, Named] = {}

    def of(self, stacks: list[Any], read: Read | None) -> list[list[Any]]:
        """Return `[place, in product]` of the frames of each stack trace, outermost call first, recursion folded.

        `read` is how this platform names its places; None where the index has none of it.
        """
        frames = [frame for stack in stacks for frame in cut(rows(members(stack).get("frames")), _READ)]
        steps = [*map(read or step, frames)]
        steps = fold(steps, steps) if len(set(steps)) < len(steps) else steps
        found: list[list[Any]] = []
        for module, function, line in cut(steps, 4 * MAX_FRAMES):
            place = [self.place(module, function, line) if read else NO_PLACE, self._log.is_product(module)]
            if not found or found[-1] != place:
                found.append(place)
        return cut(found, MAX_FRAMES)

    def declared(self, frame: Any) -> Step:
        """Return the step of a frame in another language: by its module, or by the last part of its file's name."""
        module, function, line = step(frame)
        modules = self._log.index.modules
        file = name(members(frame).get("filename")).partition("?")[0].replace("\\", "/").rpartition("/")[2]
        return (file if module not in modules and file in modules else module), function, line

    def place(self, module: str, function: str, line: int) -> str:
        """Return `module:qualified.name:line`, or what stands for a place that the index does not have."""
        functions = self._log.index.modules.get(module)
        if functions is None:
            return NO_PLACE
        whole = function if function in functions else self._by_last_name(module, function, line)
        place = f"{module}:{whole}:{line}"
        return place if whole and len(place) <= MAX_NAME and self._log.index.has_place(place) else NO_PLACE

    def _by_last_name(self, module: str, function: str, line: int) -> str:
        named = self._named.get(module)
        if named is None:
            named = self._named[module] = _by_last_name(self._log.index.modules[module])
        around = [(last - first, whole) for first, last, whole in named.get(function, ()) if first <= line <= last]
        return min(around)[1] if around else ""


def step(frame: Any) -> Step:
    """Return module, function and line of a frame; what it does not have is empty, or -1."""
    of = members(frame)
    return name(of.get("module")), name(of.get("function")), number(of.get("lineno"), _HIGHEST_LINE)


def _by_last_name(functions: Mapping[str, Any]) -> Named:
    """Return last name → first line, last line and qualified name of each function that has it."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for whole, ranges in functions.items():
        for first, last in ranges:
            found.setdefault(whole.rpartition(".")[2], []).append((first, last, whole))
    return {last_name: tuple(ranges) for last_name, ranges in found.items()}
