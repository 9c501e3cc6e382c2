"""Checks of the types that the index decides: names and words of shipped code, and shapes of values (`audit.types`)."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from audit import code_text, scripts
from audit import known as messages
from audit.index import Index
from audit.sites import Arguments
from audit.template import Templates

Check = Callable[[Any], bool]
NO_PLACE, NO_TYPE, NO_ROUTE, NO_LOGGER = "<place>", "<type>", "<route>", "<logger>"
MAX_CHAIN, MAX_SHAPES, MAX_FRAMES = 8, 8, 50
MAX_NAME = 512
_MAX_KEPT = 4096
_LINKS = ({"type", "shapes"}, {"type", "shapes", "code_text"})
SHAPE = re.compile(
    r"none|flag|number|word|date|ip|email|uuid|url|path|object|empty"
    r"|(?:integer|hex|words|list|map)\((?:[0-9]|1[0-9]|20|<32|<64|<256|<1024|>=1024)\)"
    r"|(?:text|bytes)\((?:<32|<64|<256|<1024|>=1024)\)"
)


def size_class(length: int) -> str:
    """Return the length of something as a bucket: exact to 20, then an upper bound, so that it tells no secret."""
    if length <= 20:
        return str(length)
    return next((f"<{bound}" for bound in (32, 64, 256, 1024) if length < bound), ">=1024")


def _slot(has: Callable[[str], bool], stand_in: str) -> Check:
    """Check names against one slot of the index; remembers only names that stand in it, so it cannot grow beyond it."""
    known = {stand_in}

    def check(value: Any) -> bool:
        if type(value) is not str:
            return False
        if value in known:
            return True
        if len(value) > MAX_NAME or not has(value):
            return False
        known.add(value)
        return True

    return check


def check_place(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of a place, in a module or in a bundle of scripts."""
    return _slot(lambda name: has_place(index, name), NO_PLACE)


def has_place(index: Index, name: str) -> bool:
    """Say whether `name` is a place of shipped code: `module:function:line`, or `file:line:column` of a bundle."""
    return index.has_place(name) or scripts.has_place(index.bundles, name)


def check_type(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of an exception type."""
    return _slot(index.has_type, NO_TYPE)


def check_route(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of a URL rule."""
    return _slot(index.has_route, NO_ROUTE)


def check_logger(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of a logger's name."""
    return _slot(index.has_logger, NO_LOGGER)


def check_code_text(_params: Mapping[str, Any], index: Index) -> Check:
    """Check what a call of `logging` said; the sites of a release are few, so what each can say is kept."""
    known: dict[str, Templates | None] = {}

    def check(value: Any) -> bool:
        if not _is_code_text(value) or len(value["arguments"]) != 1:
            return False
        at = value["at"]
        if at not in known:
            known[at] = _bounded(known) and code_text.logged(index, at)
        templates = known[at]
        return templates is not None and code_text.spells(value["arguments"][0], templates)

    return check


def _raised_text(index: Index) -> Callable[[str, Any], bool]:
    """Check what an exception of a type said; likewise."""
    known: dict[tuple[str, str], Arguments | None] = {}
    slots: Mapping[str, Collection[str]] = code_text.slots(index)

    def check(name: str, value: Any) -> bool:
        if not _is_code_text(value):
            return False
        key = value["at"], name
        if key[0].startswith(messages.BEGINS):
            return messages.derives(index.known, slots, name, key[0], value["arguments"], SHAPE)
        if key not in known:
            known[key] = _bounded(known) and code_text.raised(index, *key)
        made = known[key]
        return made is not None and all(
            code_text.spells(argument, code_text.at(made, n)) for n, argument in enumerate(value["arguments"])
        )

    return check


def _is_code_text(value: Any) -> bool:
    """Say whether a value has the form, with real shapes, and at least one literal."""
    return (
        code_text.is_form(value)
        and len(value["at"]) <= messages.MAX_AT
        and len(value["arguments"]) <= MAX_SHAPES
        and any(type(part) is str for argument in value["arguments"] for part in argument)
        and all(map(_is_shape, code_text.shapes_of(value)))
    )


def _is_shape(value: Any) -> bool:
    return type(value) is str and SHAPE.fullmatch(value) is not None


def _bounded(known: dict[Any, Any]) -> Literal[True]:
    """Forget everything when it is too much: sites that are none must not fill the memory."""
    if len(known) >= _MAX_KEPT:
        known.clear()
    return True


def check_shape(_params: Mapping[str, Any], _: Index) -> Check:
    """Make the check of a list of shapes."""
    return lambda value: type(value) is list and len(value) <= MAX_SHAPES and all(map(_is_shape, value))


def check_error_log(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of an error."""
    types, places, shapes = check_type({}, index), check_place({}, index), check_shape({}, index)
    words = _raised_text(index)

    def link(item: Any) -> bool:
        return (
            type(item) is dict
            and item.keys() in _LINKS
            and types(item["type"])
            and shapes(item["shapes"])
            and ("code_text" not in item or words(item["type"], item["code_text"]))
        )

    return _log(link, places)


def check_script_log(_params: Mapping[str, Any], index: Index) -> Check:
    """Make the check of an error of JavaScript; its words stand in the vendor's source maps, never in it."""
    types = _slot(lambda name: scripts.has_type(index.bundles, name), NO_TYPE)
    shapes = check_shape({}, index)

    def link(item: Any) -> bool:
        return type(item) is dict and item.keys() == _LINKS[0] and types(item["type"]) and shapes(item["shapes"])

    return _log(link, _slot(lambda place: scripts.has_place(index.bundles, place), NO_PLACE))


def _log(link: Check, places: Check) -> Check:
    """Check a chain of links, and frames of places."""

    def frame(item: Any) -> bool:
        return type(item) is list and len(item) == 2 and places(item[0]) and type(item[1]) is int and item[1] in (0, 1)

    def check(value: Any) -> bool:
        if type(value) is not dict or value.keys() != {"chain", "frames"}:
            return False
        chain, frames = value["chain"], value["frames"]
        return (
            type(chain) is list
            and type(frames) is list
            and 1 <= len(chain) <= MAX_CHAIN
            and len(frames) <= MAX_FRAMES
            and all(map(link, chain))
            and all(map(frame, frames))
        )

    return check
