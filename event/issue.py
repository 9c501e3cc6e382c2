"""Which issue an error belongs to, and what the issue is called (design 8): from types, places and literals alone.

Pure: the value of an `error_log` (or of a browser's `script_log`) and the index of its release go in, a key comes out.
Corporate and the installation's own pages group by the same function. Storing, states, merging are left to others.

The key is made of

  - the types of the chain, outermost first;
  - the functions of the product that the calls went through, in their order, without lines: a caller may move. One
    that stands there several times in a row counts once;
  - what tells two raises of one function apart: the literals of the message where the raise is the product's own and
    its words are known, else how many lines below the beginning of its function the innermost place is. Both stay when
    the function moves; the words also stay when lines are added above the raise;
  - the words of the other exceptions of the chain, where they are known: one call into a library fails in many ways.

Shapes never count, so two customers' values make no two issues. Without a place in the product the innermost place
that is known stands for it; without any place, the types and words alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from audit.canonical import canonical, sha256_hex
from audit.index import Index
from audit.types import NO_PLACE

FORMAT = "diffgram-issue/1"
HOLE = "<>"
MAX_TITLE = 200
_KEY_CHARS = 32


@dataclass(frozen=True, slots=True)
class Group:
    """What an error has in common with others of its issue.

    `key` is 32 hexadecimal digits, `title` the type and the words of the outermost exception, at most MAX_TITLE
    characters, `culprit` the function nearest to the fault ("" where none is known), `types` the chain; `in_product`
    says whether any place in the product was on the way.
    """

    key: str
    title: str
    culprit: str
    types: tuple[str, ...]
    in_product: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    """One frame that is known: function with its module, and the line counted from the function's first."""

    module: str
    name: str
    offset: str
    in_product: bool


def group_of(error_log: Mapping[str, Any], index: Index) -> Group:
    """Return the group of a value that the gate accepted; `index` is the one that its batch names.

    A place that `index` does not have counts by its line in the file.
    """
    chain: Sequence[Mapping[str, Any]] = error_log["chain"]
    spots = [_spot(place, bool(mine), index) for place, mine in error_log["frames"] if place != NO_PLACE]
    ours = [spot for spot in spots if spot.in_product] or spots[-1:]
    types = tuple(str(link["type"]) for link in chain)
    said = [words_of(link) for link in chain]
    names = [name for name, _ in groupby(spot.name for spot in ours)]
    offset = "" if not ours or _is_told(chain, ours) else ours[-1].offset
    identity = [FORMAT, [[kind, words] for kind, words in zip(types, said, strict=True)], names, offset]
    return Group(
        key=sha256_hex(canonical(identity))[:_KEY_CHARS],
        title=_title(types[0], said[0]),
        culprit=ours[-1].name if ours else "",
        types=types,
        in_product=any(spot.in_product for spot in ours),
    )


def words_of(link: Mapping[str, Any]) -> str | None:
    """Return the message of one exception of the chain with `<>` for each hole; None where no words are known."""
    code_text = link.get("code_text")
    if code_text is None:
        return None
    return ", ".join("".join(_literal(part) for part in argument) for argument in code_text["arguments"])


def pieces_of(code_text: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Return the words of a `code_text` in order, each with whether it is a shape that stands where a value was.

    Several arguments have a comma between them.
    """
    pieces: list[tuple[str, bool]] = []
    for argument in code_text["arguments"]:
        pieces += [(", ", False)] if pieces else []
        pieces += [(part, False) if isinstance(part, str) else (part[0] if part else HOLE, True) for part in argument]
    return tuple(pieces)


def holes_of(error_log: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a value was, and its shape.

    A hole in words is `link.argument.part`, counted from 0; an argument of an exception without words is `link.n`.
    """
    for number, link in enumerate(error_log["chain"]):
        code_text = link.get("code_text")
        if code_text is None:
            yield from ((f"{number}.{n}", shape) for n, shape in enumerate(link["shapes"]))
            continue
        for n, argument in enumerate(code_text["arguments"]):
            yield from ((f"{number}.{n}.{m}", part[0]) for m, part in enumerate(argument) if not isinstance(part, str))


def _literal(part: Any) -> str:
    return part if isinstance(part, str) else HOLE


def _is_told(chain: Sequence[Mapping[str, Any]], ours: Sequence[_Spot]) -> bool:
    """Whether words that were raised in the product's own code say which raise it was."""
    modules = {spot.module for spot in ours if spot.in_product}
    sites = (link["code_text"]["at"] for link in chain if "code_text" in link)
    return any(site.rpartition(":")[0] in modules for site in sites)


def _spot(place: str, in_product: bool, index: Index) -> _Spot:
    module, _, rest = place.partition(":")
    function, _, line = rest.rpartition(":")
    if function.isdigit():  # a script's place is file, line and column: functions have no names there
        return _Spot(module, module, rest, in_product)
    return _Spot(module, f"{module}:{function}", _offset(module, function, line, index), in_product)


def _offset(module: str, function: str, line: str, index: Index) -> str:
    """Lines below the function's first; a function that stands there several times (a setter) also says which."""
    for number, (first, last) in enumerate(index.modules.get(module, {}).get(function, ())):
        if line.isdigit() and first <= int(line) <= last:
            return f"+{int(line) - first}" if number == 0 else f"{number}+{int(line) - first}"
    return line


def _title(kind: str, words: str | None) -> str:
    short = kind.rpartition(".")[2]
    title = f"{short}: {words}" if words else short
    return title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 2]} …"
