"""A message as its source writes it: literals of shipped code, and holes for what the run puts in.

`project <> of <> is full` is `("project ", HOLE, " of ", HOLE, " is full")`. A template can be joined to another,
filled in where a hole is named after a parameter, and matched against a text. A `%` format is one too. Nothing here
looks into source or exceptions.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

MOST = 24
_MOST_PARTS = 60
_MOST_LITERAL = 4_000
_SEARCHED = 65_536
_FIELD = re.compile(
    r"%(?:\((?P<name>[^()]*)\))?(?P<how>[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?[hlL]?)(?P<kind>.)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Hole:
    """What the run puts in; `parameter` names the parameter of a function whose value it is, or is empty."""

    parameter: str = ""


Part = str | Hole
Template = tuple[Part, ...]
Templates = frozenset[Template]

HOLE: Template = (Hole(),)
NO_TEXT: Template = (Hole("-"),)
"""A value that is no text, such as None or a number; within a text it is an ordinary hole."""
ANYTHING: Templates = frozenset({HOLE})


def literal(text: str) -> Template:
    """Return the template of a literal; one with a lone surrogate, which UTF-8 cannot write, is a hole."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        return HOLE
    return (text,) if text else ()


def join(*templates: Template) -> Template:
    """Return the templates one after the other; neighbouring literals become one, neighbouring nameless holes too."""
    parts: list[Part] = []
    for part in (part for template in templates for part in template):
        if part == NO_TEXT[0]:
            part = Hole()
        last = parts[-1] if parts else None
        if isinstance(part, str) and isinstance(last, str):
            parts[-1] = last + part
        elif part and not (part == Hole() == last):
            parts.append(part)
    return tuple(parts)


def join_all(pieces: Iterable[Templates]) -> Templates:
    """Return every way of joining one template of each piece, or anything at all when there are too many."""
    found: Templates = frozenset({()})
    for piece in pieces:
        found = bounded(frozenset(join(left, right) for left, right in product(found, piece)))
    return found


def bounded(templates: Templates) -> Templates:
    """Return the templates, or anything at all when they are too many, too long or too torn."""
    if len(templates) > MOST or any(map(_too_large, templates)):
        return ANYTHING
    return templates


def _too_large(template: Template) -> bool:
    return len(template) > _MOST_PARTS or sum(len(p) for p in template if isinstance(p, str)) > _MOST_LITERAL


def filled(template: Template, values: Mapping[str, Templates]) -> Templates:
    """Return the template with its named holes filled in; a name without a value becomes a nameless hole."""
    if len(template) == 1 and isinstance(template[0], Hole):
        name = template[0].parameter
        return frozenset({template}) if name == "-" else values.get(name, ANYTHING)
    pieces = (
        values.get(p.parameter, ANYTHING) if isinstance(p, Hole) and p.parameter else frozenset({(p,)})
        for p in template
    )
    return join_all(pieces)


def percent(text: str, values: Callable[[str | int], Templates]) -> Templates:
    """Return `text % …`; `values` says what a field is filled with, by name or by number."""
    pieces: list[Templates] = []
    at = number = 0
    for field in _FIELD.finditer(text):
        pieces.append(frozenset({literal(text[at : field.start()])}))
        at = field.end()
        if field["kind"] == "%":
            pieces.append(frozenset({literal("%")}))
            continue
        pieces.append(values(field["name"] or number) if field["kind"] == "s" and not field["how"] else ANYTHING)
        number += 1 + field["how"].count("*")
    return join_all([*pieces, frozenset({literal(text[at:])})])


def fields(text: str) -> tuple[Template, tuple[str | int, ...]]:
    """Return what `text % …` says, one hole a field, and for each hole the name or number of what fills it."""
    parts: list[Part] = []
    named: list[str | int] = []
    at = number = 0
    for field in _FIELD.finditer(text):
        before = text[at : field.start()] + ("%" if field["kind"] == "%" else "")
        at = field.end()
        if before and parts and isinstance(parts[-1], str):
            parts[-1] += before
        elif before:
            parts.append(before)
        if field["kind"] != "%":
            number += field["how"].count("*")
            named.append(field["name"] or number)
            parts.append(Hole())
            number += 1
    rest = text[at:]
    if rest and parts and isinstance(parts[-1], str):
        parts[-1] += rest
    elif rest:
        parts.append(rest)
    return tuple(parts), tuple(named)


def has_words(template: Template) -> bool:
    """Say whether a literal of the template holds a letter."""
    return any(isinstance(part, str) and any(map(str.isalpha, part)) for part in template)


def match(template: Template, text: str) -> list[str] | None:
    """Return what stands in the holes when `template` is the whole of `text`, the leftmost reading; else None.

    Linear: the first literal must begin the text, the last must end it, those between are looked for in turn. A text
    over 64 K characters is not searched, only its ends are compared.
    """
    begin, end = 0, len(text)
    parts = list(template)
    if parts and isinstance(parts[0], str):
        first = parts.pop(0)
        if not text.startswith(str(first)):
            return None
        begin = len(str(first))
    if not parts:
        return [] if begin == end else None
    last = parts.pop() if isinstance(parts[-1], str) else ""
    end -= len(str(last))
    if end < begin or not text.endswith(str(last)):
        return None
    return _holes(parts, text, begin, end)


def _holes(parts: list[Part], text: str, begin: int, end: int) -> list[str] | None:
    """Return what stands in the holes of `parts`, which begins and ends with a hole, between two offsets."""
    found: list[str] = []
    if len(parts) > 1 and end - begin > _SEARCHED:
        return None
    for position, part in enumerate(parts):
        if isinstance(part, str):
            at = text.find(part, begin, end)
            if at < 0:
                return None
            found.append(text[begin:at])
            begin = at + len(part)
        elif position and isinstance(parts[position - 1], Hole):
            found.append("")  # two neighbouring holes: the first has it all
    found.append(text[begin:end])
    return found
