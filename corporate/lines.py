"""The vendor's own lines around each frame of an error: looked up here, by what was uploaded with the release.

Leaves to others: taking sources in (uploading), reading maps (source_maps), showing (pages). Rules: a place is looked
up in the release whose index the batch named, and in no other; a place without stored source has no lines, which is no
fault; a line is cut around the column when it is too long for a page. Lines and columns count from 1 in here, as
people and browsers count; `module:function:line` is a place of Python, `bundle.js:line:column` one of JavaScript.
"""

import io
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import zstandard
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from corporate import source_maps
from corporate.database import EVERYBODY, Store
from corporate.models import MapPart, MapSource, ReleaseFile, StoredFile

CONTEXT = 5
MOST_PLACES = 200
LONGEST = 240
"""Characters of one line on a page."""
SOURCE, BUNDLE, MAP = "source", "bundle", "map"
_SCRIPT = re.compile(r"([^:\x00]{1,300}):([1-9][0-9]{0,8}):([1-9][0-9]{0,8})")
_PYTHON = re.compile(r"([^:\x00]{1,300}):([^:\x00]{1,300}):([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of source; `fails` marks the one that the frame stands in."""

    number: int
    text: str
    fails: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """Where a frame is in the vendor's own source, and the lines around it; none where only the position is known."""

    file: str
    line: int
    column: int | None
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Look:
    """One look at one release: what was read is kept for the other frames of the same error."""

    session: Session
    index: str
    texts: dict[str, list[str]] = field(default_factory=dict)


def lines_for(store: Store, index: str, places: Iterable[str]) -> Mapping[str, Lines]:
    """What is known of each of `places` in the release with this index; those without stored source are absent."""
    wanted = list(dict.fromkeys(places))[:MOST_PLACES]
    with store.reading(EVERYBODY) as session:
        look = _Look(session, index)
        names = [place.partition(":")[0] for place in wanted]
        chosen = ReleaseFile.index_hash == index, ReleaseFile.name.in_(names), ReleaseFile.what.in_((SOURCE, MAP))
        stored = {(row.what, row.name): row.sha256 for row in session.scalars(select(ReleaseFile).where(*chosen))}
        found = {place: _one(look, stored, place) for place in wanted}
    return {place: lines for place, lines in found.items() if lines is not None}


def lines_of(store: Store, index: str, place: str) -> Lines | None:
    """What is known of one place; None without stored source."""
    return lines_for(store, index, [place]).get(place)


def around(text: Sequence[str], line: int, column: int | None = None, context: int = CONTEXT) -> tuple[Line, ...]:
    """The lines around `line`; none when the text is shorter than that."""
    if not 1 <= line <= len(text):
        return ()
    shown = range(max(1, line - context), min(len(text), line + context) + 1)
    return tuple(Line(n, _cut(text[n - 1], column if n == line else None), n == line) for n in shown)


def decoded(data: bytes) -> str:
    """The text of a source file: a Python file may state how it is encoded, any other is UTF-8."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return data.decode(encoding, "replace")


def _one(look: _Look, stored: Mapping[tuple[str, str], str], place: str) -> Lines | None:
    if (found := _SCRIPT.fullmatch(place)) is not None:
        of = stored.get((MAP, found[1]))
        return None if of is None else _script(look, of, int(found[2]), int(found[3]))
    if (found := _PYTHON.fullmatch(place)) is not None:
        of = stored.get((SOURCE, found[1]))
        if of is None:
            return None
        line = int(found[3])
        return Lines(found[1], line, None, around(_text(look, of), line))
    return None


def _script(look: _Look, of: str, line: int, column: int) -> Lines | None:
    original = _original(look, of, line - 1, column - 1)
    source = None if original is None else look.session.get(MapSource, (of, original.source))
    if original is None or source is None:
        return None
    text = _text(look, source.sha256) if source.sha256 else []
    its_line, its_column = original.line + 1, original.column + 1
    return Lines(source.name, its_line, its_column, around(text, its_line, its_column))


def _original(look: _Look, of: str, line: int, column: int) -> source_maps.Original | None:
    key = MapPart.line, MapPart.column
    before = select(MapPart).where(MapPart.map_sha256 == of, tuple_(*key) <= tuple_(line, column))
    row = look.session.scalars(before.order_by(*(part.desc() for part in key)).limit(1)).one_or_none()
    return None if row is None else source_maps.find(unpacked(row.zstd), line, column)


def _text(look: _Look, sha256: str) -> list[str]:
    if sha256 not in look.texts:
        row = look.session.get(StoredFile, sha256)
        text = "" if row is None else decoded(unpacked(row.zstd))
        look.texts[sha256] = source_maps.lines_of_text(text)
    return look.texts[sha256]


def unpacked(data: bytes) -> bytes:
    """What a row keeps compressed; only `uploading` writes it, within its limits."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=source_maps.MOST_BYTES)


def _cut(text: str, column: int | None) -> str:
    """A line as it fits on a page, with the column in sight."""
    shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
    if len(shown) <= LONGEST:
        return shown
    start = max(0, min((column or 1) - LONGEST // 2, len(shown) - LONGEST))
    before, behind = "… " if start else "", " …" if start + LONGEST < len(shown) else ""
    return f"{before}{shown[start : start + LONGEST]}{behind}"
