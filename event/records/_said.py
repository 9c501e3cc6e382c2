"""The text of a log record becomes words of the source (design 5): only what exactly one call of `logging` says.

A record tells its text formatted, not the format and its arguments. Where its place is known, the calls whose statement
holds that line are asked; where it is not, those of the module that the logger is called after, and then two words and
eight letters have to be there, so that a customer's text does not meet a message by chance. The text must be, as a
whole, one thing that one of them says; what stands in the holes leaves as shapes.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from audit.code_text import in_full
from audit.index import Index
from audit.sites import NOTHING
from audit.template import Template, has_words
from event._error import MAX_WORDS_BYTES
from event._shape import shape
from event.words import Said, holes

MOST_CHARS: Final = 8_192
_FEWEST_WORDS: Final = 2
_FEWEST_LETTERS: Final = 8
_encode = msgspec.json.Encoder().encode
Fitting = tuple[str, Template, list[str]]


def at_line(index: Index, module: str, line: int, body: str) -> dict[str, Any] | None:
    """Return the `code_text` of a text that was logged in a line of a module, or None where no words are known."""
    return _told(list(_fitting(index, module, line, body)))


def of_module(index: Index, module: str, body: str) -> dict[str, Any] | None:
    """Return the `code_text` of a text that was logged somewhere in a module, likewise."""
    return _told([one for one in _fitting(index, module, None, body) if _is_telling(one[1])])


def _fitting(index: Index, module: str, line: int | None, body: str) -> Iterator[Fitting]:
    """Yield each call, and each reading of what it says, that is the whole of `body`."""
    if len(body) > MOST_CHARS:
        return
    for number, site in enumerate(index.logs.get(module, NOTHING).sites):
        if not site.arguments.positional or not (line is None or site.position[0] <= line <= site.position[1]):
            continue
        found = [(t, h) for t in in_full(site.arguments.positional[0]) if (h := holes(t, body)) is not None]
        literal = [(t, h) for t, h in found if not h]  # said without arguments: the format itself
        for template, values in literal or found:
            yield f"{module}:{number}", template, values


def _told(fitting: list[Fitting]) -> dict[str, Any] | None:
    if len(fitting) != 1 or not has_words(fitting[0][1]):
        return None
    at, template, values = fitting[0]
    shapes = iter(values)
    said: Said = [part if isinstance(part, str) else [shape(next(shapes))] for part in template]
    value = {"at": at, "arguments": [said]}
    return value if len(_encode(value)) <= MAX_WORDS_BYTES else None


def _is_telling(template: Template) -> bool:
    words = " ".join(part for part in template if isinstance(part, str)).split()
    found = [word for word in words if any(map(str.isalpha, word))]
    return len(found) >= _FEWEST_WORDS and sum(map(str.isalpha, "".join(found))) >= _FEWEST_LETTERS
