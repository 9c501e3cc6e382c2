"""Bytes of a batch, cut into pieces that can be explained, without changing any of them.

The pieces of a line, joined, are that line; the lines, joined with LF, are the body. A piece with a `key` is the
written form of one value; `field` names its definition in the catalogue at hand, or is empty where that knows none (an
older batch, or the key `kind`, which names the message itself). Pages show these pieces; nothing here decides anything.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.catalogue import HEADER, Catalogue
from diffgram_home import explaining

_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,:"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; with a key it is that key's value, and `means` says so where it stands for something else."""

    text: str
    key: str = ""
    field: str = ""
    means: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body: its number from 1, the message's kind (the header's is `home/header`), and its pieces."""

    number: int
    kind: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The exact text of the line, without its LF."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Body:
    """Some lines of a body from number `first`, and how many lines the body has in all."""

    lines: tuple[Line, ...]
    total: int
    first: int

    @property
    def last(self) -> int:
        """The number of the last line that is here."""
        return self.first + len(self.lines) - 1


def body(data: bytes, catalogue: Catalogue, *, first: int = 1, most: int = 100) -> Body:
    """The lines `first` … `first + most - 1` of a sealed body, explained by `catalogue`.

    Bytes that are not what a batch looks like come back as plain pieces: what was recorded is shown as it is.
    """
    rows = data.decode("utf-8", "backslashreplace").split("\n")
    if not rows[-1]:
        rows.pop()
    stop = min(first + most, len(rows) + 1)
    return Body(tuple(line(n, rows[n - 1], catalogue) for n in range(first, stop)), len(rows), first)


def line(number: int, text: str, catalogue: Catalogue) -> Line:
    """One line, explained by `catalogue`; the first of a body is its header."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return Line(number, "", (Piece(text),))
    if not isinstance(decoded, dict):
        return Line(number, "", (Piece(text),))
    kind = str(decoded.get("kind", HEADER if number == 1 else ""))
    fields = catalogue.of_kind(kind) if kind in catalogue.kinds else {}
    pieces: list[Piece] = []
    position = 0
    for key, start, end in _values(text):
        field, value = fields.get(key), text[start:end]
        explained = (field.name, explaining.means(field, value)) if field else ("", "")
        pieces += (Piece(text[position:start]), Piece(value, key, *explained))
        position = end
    return Line(number, kind, (*pieces, Piece(text[position:])))


def used(lines: Sequence[Line]) -> tuple[str, ...]:
    """The names of every definition the lines use, each once, in order of appearance."""
    return tuple(dict.fromkeys(piece.field for one in lines for piece in one.pieces if piece.field))


def kinds(lines: Sequence[Line]) -> tuple[str, ...]:
    """The kinds of the messages in the lines, each once, in order of appearance; the header is none."""
    return tuple(dict.fromkeys(one.kind for one in lines if one.kind and one.kind != HEADER))


def _values(text: str) -> Iterator[tuple[str, int, int]]:
    """Key, start and end of each value of a JSON object that is known to be well-formed."""
    position = _skip(text, text.index("{") + 1)
    while text[position] != "}":
        key, position = _DECODER.raw_decode(text, position)
        start = _skip(text, position)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    while text[position] in _BETWEEN:
        position += 1
    return position
