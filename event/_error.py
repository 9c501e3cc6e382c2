"""An exception becomes types, places, words of the source that raised it, and shapes: no values (design 5).

The exception's own code is never called: no `__str__`, no `__repr__`, no property, no metaclass. Everything is read
through the interpreter's own descriptors (`BaseException.args` and its siblings), and only exact built-in types are
looked into.

The chain is outermost first: the exception, the members of a group, then what caused it. The frames are outermost call
first: those of the exception, then those of its causes, which go deeper. Recursion is folded; frames outside the index
are `<place>`, and neighbours of that kind are one.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType
from typing import Any

import msgspec

from audit.index import Index
from audit.types import MAX_CHAIN, MAX_FRAMES, MAX_SHAPES, NO_PLACE, NO_TYPE
from event._fingerprint import module_of
from event._reduce import class_name
from event._shape import shape
from event.words import Words

_MAX_WALK = 10_000
_OUTER = 15
_MAX_PERIOD = 4
_WALK_KEEP = 200
_MAX_NAME = 512
_MAX_PLACES_CHARS = 8_000
MAX_WORDS_BYTES = 4_000
_MISSING: Mapping[str, Any] = {}

_args = BaseException.__dict__["args"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_suppressed = BaseException.__dict__["__suppress_context__"].__get__
_members = BaseExceptionGroup.__dict__["exceptions"].__get__
Step = tuple[Any, int]
Link = tuple[str, list[str], dict[str, Any] | None]
"""One exception: its type, the shapes of its arguments, and its words."""
_encode = msgspec.json.Encoder().encode


class ErrorLog:
    """Makes `error_log` values against one index; `product` are module prefixes, none means every module of it."""

    def __init__(self, index: Index, product: Sequence[str] = ()) -> None:
        self.index = index
        self.words = Words(index)
        self._prefixes = tuple(product)
        self._in_product: dict[str, int] = {}
        self._places: dict[tuple[int, int], tuple[CodeType, str, list[Any]]] = {}

    def of(self, exception: BaseException) -> dict[str, Any]:
        """Return the value for `exception`: `{"chain": […], "frames": […]}`, within the bounds of `audit.types`."""
        chain, grouped = _chain(exception)
        causes = _causes(exception, chain) if grouped else chain
        return {"chain": self._links(chain), "frames": self._frames(causes)}

    def _links(self, chain: Sequence[BaseException]) -> list[dict[str, Any]]:
        """Return a link for each exception."""
        return worded(map(self._link, chain))

    def _link(self, exception: BaseException) -> Link:
        name = class_name(type(exception))
        known = name in self.index.types and len(name) <= _MAX_NAME
        shapes = [shape(value) for value in _args(exception)[:MAX_SHAPES]]
        return name if known else NO_TYPE, shapes, self.words.of(exception, name, shapes) if known else None

    def _frames(self, causes: Sequence[BaseException]) -> list[list[Any]]:
        places: list[list[Any]] = []
        for frame, line in _steps(causes):
            place = self.place(frame, line)
            if not places or places[-1] != place:
                places.append(place)
        places = cut(places, MAX_FRAMES)
        while len(places) > 1 and sum(len(place[0]) for place in places) > _MAX_PLACES_CHARS:
            places = places[len(places) // 2 :]  # names of absurd length: rather half the frames than no message
        return places

    def place(self, frame: Any, line: int) -> list[Any]:
        """Return the place of a frame that stands in `line`, and 1 if it is in the product, else 0.

        Not to be changed: what was found once for a line of shipped code is handed out again.
        """
        code, module = frame.f_code, module_of(frame)
        known = self._places.get((id(code), line))
        if known is not None and known[0] is code and known[1] == module:
            return known[2]
        found = self._find(module, code.co_qualname, line)
        if module in self.index.modules and len(self._places) < _MAX_WALK:
            self._places[id(code), line] = code, module, found
        return found

    def _find(self, module: str, name: str, line: int) -> list[Any]:
        for first, last in self.index.modules.get(module, _MISSING).get(name, ()):
            if first <= line <= last:
                place = f"{module}:{name}:{line}"
                return [place if len(place) <= _MAX_NAME else NO_PLACE, self.is_product(module)]
        return [NO_PLACE, self.is_product(module)]

    def is_product(self, module: str) -> int:
        """Return 1 for a module of the product, 0 for one of a library or of nobody known."""
        if not self._prefixes:
            return int(self.index.is_product(module))
        known = self._in_product.get(module)
        if known is None:
            known = int(any(module == p or module.startswith(f"{p}.") for p in self._prefixes))
            if len(self._in_product) < _MAX_WALK:
                self._in_product[module] = known
        return known


def worded(found: Iterable[Link]) -> list[dict[str, Any]]:
    """Return the links of a chain; words that would make the message too long stay away whole."""
    links: list[dict[str, Any]] = []
    left = MAX_WORDS_BYTES
    for name, shapes, said in found:
        link: dict[str, Any] = {"type": name, "shapes": shapes}
        if said is not None and (size := len(_encode(said))) <= left:
            link["code_text"] = said
            left -= size
        links.append(link)
    return links


def _chain(exception: BaseException) -> tuple[list[BaseException], bool]:
    """Return the exception, then members of groups and causes, depth first, each once; and if there was a group."""
    found: list[BaseException] = []
    grouped = False
    seen: set[int] = set()
    waiting = [exception]
    while waiting and len(found) < MAX_CHAIN:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        found.append(current)
        cause = _caused_by(current)
        if cause is not None:
            waiting.append(cause)
        if issubclass(type(current), BaseExceptionGroup):
            grouped = True
            waiting.extend(reversed(_members(current)[:MAX_CHAIN]))
    return found, grouped


def _caused_by(exception: BaseException) -> BaseException | None:
    cause: BaseException | None = _cause(exception)
    if cause is None and not _suppressed(exception):
        cause = _context(exception)
    return cause


def _causes(exception: BaseException, chain: Sequence[BaseException]) -> list[BaseException]:
    """Return the exception and its line of causes, without the members of groups."""
    line: list[BaseException] = []
    current: BaseException | None = exception
    while current is not None and len(line) < len(chain) and not any(current is e for e in line):
        line.append(current)
        current = _caused_by(current)
    return line


def _steps(causes: Sequence[BaseException]) -> list[Step]:
    """Return frame and line of every step, outermost call first, recursion folded, bounded."""
    steps: list[Step] = []
    keys: list[tuple[int, int]] = []
    for exception in causes:
        trace, left = _traceback(exception), _MAX_WALK
        while trace is not None and left:
            frame, line = trace.tb_frame, trace.tb_lineno
            step = frame, line if type(line) is int else 0
            steps.append(step)
            keys.append((id(frame.f_code), step[1]))
            trace, left = trace.tb_next, left - 1
    if len(set(keys)) < len(keys):
        steps = fold(steps, keys)
    return cut(steps, _WALK_KEEP)


def fold(steps: list[Any], keys: list[Any]) -> list[Any]:
    """Drop a block of up to four steps that repeats the block before it: direct and mutual recursion."""
    for period in range(1, _MAX_PERIOD + 1):
        kept: list[Any] = []
        kept_keys: list[Any] = []
        for step, key in zip(steps, keys, strict=True):
            kept.append(step)
            kept_keys.append(key)
            if kept_keys[-period:] == kept_keys[-2 * period : -period]:
                del kept[-period:], kept_keys[-period:]
        steps, keys = kept, kept_keys
    return steps


def cut(items: list[Any], size: int) -> list[Any]:
    """Keep the outermost few and the innermost, where the error is."""
    return items if len(items) <= size else items[:_OUTER] + items[_OUTER - size :]
