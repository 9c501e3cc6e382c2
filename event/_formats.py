"""`%` and `str.format` as templates: the format's own text is literal, and every field is a hole or what fills it."""

import re
from collections.abc import Callable, Mapping, Sequence
from string import Formatter

from event._template import ANYTHING, HOLE, Templates, join_all, literal

_PERCENT = re.compile(
    r"%(?:\((?P<name>[^()]*)\))?(?P<how>[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?[hlL]?)(?P<kind>.)", re.DOTALL
)
Filler = Callable[[str | int], Templates]


def percent(text: str, values: Filler) -> Templates:
    """Return `text % …`; `values` says what a field is filled with, by name or by number."""
    pieces: list[Templates] = []
    at = number = 0
    for field in _PERCENT.finditer(text):
        pieces.append(frozenset({literal(text[at : field.start()])}))
        at = field.end()
        if field["kind"] == "%":
            pieces.append(frozenset({literal("%")}))
            continue
        pieces.append(values(field["name"] or number) if field["kind"] == "s" and not field["how"] else ANYTHING)
        number += 1 + field["how"].count("*")
    return join_all([*pieces, frozenset({literal(text[at:])})])


def braces(text: str, positional: Sequence[Templates], keywords: Mapping[str, Templates]) -> Templates:
    """Return `text.format(…)`, or anything when `text` is no format."""
    pieces: list[Templates] = []
    number = 0
    try:
        for before, field, how, conversion in Formatter().parse(text):
            pieces.append(frozenset({literal(before)}))
            if field is None:
                continue
            name: str | int = number if field == "" else int(field) if field.isdecimal() else field
            number += field == ""
            is_plain = not how and conversion in (None, "s")
            pieces.append(_field(name, positional, keywords) if is_plain else ANYTHING)
    except ValueError:
        return ANYTHING
    return join_all(pieces)


def _field(name: str | int, positional: Sequence[Templates], keywords: Mapping[str, Templates]) -> Templates:
    if isinstance(name, int):
        return positional[name] if name < len(positional) else frozenset({HOLE})
    return keywords.get(name, ANYTHING)
