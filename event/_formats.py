"""`str.format` as templates: the format's own text is literal, and every field is a hole or what fills it."""

from collections.abc import Mapping, Sequence
from string import Formatter

from audit.template import ANYTHING, HOLE, Templates, join_all, literal


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
