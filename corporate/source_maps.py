"""Source maps (ECMA-426): from a place in a bundle to the vendor's own line. Our own reader, since it must be bounded.

Leaves to others: files and tables (uploading), which lines are shown (lines). Rules: it opens nothing, and nothing
that a map names is ever fetched or opened, be it a URL, a root or a path; whatever a map claims is checked against
limits before memory is taken for it, against the bundle that it is of, and against the sources that it brings; one
fault refuses the whole map, and says which. Lines and columns count from 0 in here, columns in UTF-16 units, as the
format has them.
"""

import json
import posixpath
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from corporate.errors import OperatorError

MIB = 1024 * 1024
MOST_BYTES = 64 * MIB
MOST_SOURCES = 20_000
MOST_SOURCE_BYTES = 4 * MIB
MOST_SEGMENTS = 4_000_000
MOST_LINES = 1_000_000
MOST_SECTIONS = 1_000
CHUNK = 4096
"""Segments that lie in one row: looking up a place reads one such row."""
WIDTH = 5
_LONGEST_NAME = 300
_DIGITS = {ord(c): n for n, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}
_LARGEST = 2**31 - 1
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:/*")
_ENDS = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Source:
    """One original file: its label, and its text where the map brings it."""

    name: str
    content: str | None


@dataclass(frozen=True, slots=True)
class SourceMap:
    """A checked map. `segments` are sorted, WIDTH numbers each: line, column, source, its line, its column.

    A segment of something that has no source has -1 there.
    """

    sources: tuple[Source, ...]
    segments: "array[int]"

    def __len__(self) -> int:
        """How many segments it has."""
        return len(self.segments) // WIDTH


@dataclass(frozen=True, slots=True)
class Original:
    """Where a place of the bundle comes from: which source, line and column from 0."""

    source: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a map's segments: where it begins in the bundle, and the numbers, little-endian, 32 bits."""

    line: int
    column: int
    data: bytes


def read(data: bytes, bundle: str) -> SourceMap:
    """Return the map in `data`, which has to be of `bundle` (its text). Raises OperatorError."""
    if len(data) > MOST_BYTES:
        raise _fault("is too large", f"{len(data)} bytes, at most {MOST_BYTES}")
    document = _document(data)
    sources: list[Source] = []
    numbers = array("i")
    for line, column, part in _parts(document):
        _read_part(part, line, column, sources, numbers)
    segments = _sorted(numbers)
    _check_bundle(segments, bundle)
    _check_sources(segments, sources)
    return SourceMap(tuple(sources), segments)


def chunks(found: SourceMap) -> Iterator[Chunk]:
    """The segments in stretches of CHUNK, so that a look-up need not read them all."""
    step = CHUNK * WIDTH
    for start in range(0, len(found.segments), step):
        part = found.segments[start : start + step]
        yield Chunk(part[0], part[1], _little(part))


def find(chunk: bytes, line: int, column: int) -> Original | None:
    """What stands in the bundle at `line` and `column`, by the chunk that begins at or before it."""
    part = array("i")
    part.frombytes(chunk)
    part = _native(part)
    starts = [(part[n], part[n + 1]) for n in range(0, len(part), WIDTH)]
    at = bisect_right(starts, (line, column)) - 1
    if at < 0 or starts[at][0] != line:  # what stands before the first segment of a line is of no source
        return None
    _, _, source, its_line, its_column = part[at * WIDTH : at * WIDTH + WIDTH]
    return None if source < 0 else Original(source, its_line, its_column)


def label(root: str, name: str) -> str:
    """A source's name as it is shown, and looked for under the vendor's own folders: no scheme, no way upwards."""
    full = name if _SCHEME.match(name) or not root else f"{root.rstrip('/')}/{name}"
    bare = _SCHEME.sub("", full).replace("\\", "/")
    printable = "".join(c if c.isprintable() else "?" for c in bare.partition("?")[0])
    parts = [part for part in posixpath.normpath(f"/{printable}").split("/") if part]
    return "/".join(parts)[-_LONGEST_NAME:] or "?"


def _document(data: bytes) -> Mapping[str, Any]:
    text = data.removeprefix(b")]}'")  # some servers put it before JSON; ECMA-426 allows for it
    try:
        document = json.loads(text)
    except RecursionError:
        raise _fault("is nested too deeply", "a map has four levels") from None
    except (ValueError, UnicodeDecodeError) as e:
        raise _fault("is not JSON", type(e).__name__) from None
    if not isinstance(document, dict):
        raise _fault("is no source map", "the document is no object")
    return document


def _parts(document: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """The map itself, or its sections, each with where it begins."""
    if "sections" not in document:
        yield 0, 0, document
        return
    _version(document)
    sections = document["sections"]
    if not isinstance(sections, list) or len(sections) > MOST_SECTIONS:
        raise _fault("has sections that cannot be read", f"a list of at most {MOST_SECTIONS} is expected")
    last = (-1, -1)
    for section in sections:
        at = _offset(section)
        if at <= last:
            raise _fault("has sections out of order", "each has to begin behind the one before it")
        last = at
        inner = section.get("map")
        if not isinstance(inner, dict) or "sections" in inner:
            raise _fault("has a section without a map of its own", "maps in maps, and addresses of maps, are not read")
        yield *at, inner


def _offset(section: Any) -> tuple[int, int]:
    offset = section.get("offset") if isinstance(section, dict) else None
    numbers = (offset.get("line"), offset.get("column")) if isinstance(offset, dict) else (None, None)
    if not all(type(n) is int and 0 <= n < MOST_LINES * 100 for n in numbers):
        raise _fault("has a section without a place", "offset.line and offset.column are whole numbers from 0")
    return numbers  # type: ignore[return-value]


def _version(document: Mapping[str, Any]) -> None:
    if document.get("version") != 3 or type(document.get("version")) is not int:
        raise _fault("has another version", "version 3 is read")


def _read_part(part: Mapping[str, Any], line: int, column: int, sources: list[Source], numbers: "array[int]") -> None:
    _version(part)
    first = len(sources)
    sources += _sources(part)
    if len(sources) > MOST_SOURCES:
        raise _fault("has too many sources", f"at most {MOST_SOURCES}")
    mappings = part.get("mappings")
    if not isinstance(mappings, str) or not mappings.isascii():
        raise _fault("has no mappings", "they are a text of base64 digits")
    groups = mappings.count(";") + 1
    if groups > MOST_LINES or len(numbers) // WIDTH + mappings.count(",") + groups > MOST_SEGMENTS + MOST_LINES:
        raise _fault("has too many segments", f"at most {MOST_SEGMENTS}, in {MOST_LINES} lines")
    if numbers and tuple(numbers[-WIDTH : 2 - WIDTH]) >= (line, column):
        raise _fault("has sections that overlap", "a section ends where the next begins")
    _decode(mappings, (line, column), (first, len(sources)), numbers)


def _sources(part: Mapping[str, Any]) -> Iterator[Source]:
    names, root = part.get("sources"), part.get("sourceRoot") or ""
    contents = part.get("sourcesContent") or []
    if not isinstance(names, list) or len(names) > MOST_SOURCES or not isinstance(root, str):
        raise _fault("has sources that cannot be read", f"a list of at most {MOST_SOURCES} names is expected")
    if not isinstance(contents, list) or len(contents) > len(names):
        raise _fault("brings more contents than it has sources", "sourcesContent has one entry a source")
    for number, name in enumerate(names):
        content = contents[number] if number < len(contents) else None
        if not isinstance(name, str | None) or not isinstance(content, str | None):
            raise _fault("has a source that is no text", f"number {number}")
        if content is not None and len(content) > MOST_SOURCE_BYTES:
            raise _fault("brings a source that is too large", f"number {number}, at most {MOST_SOURCE_BYTES}")
        yield Source(label(root, name or ""), content)


def _decode(mappings: str, begin: tuple[int, int], own: tuple[int, int], numbers: "array[int]") -> None:
    """Append the segments of one map, shifted to where its section begins; `own` are the numbers of its sources."""
    source, line, column = 0, 0, 0
    first, stop = own
    for row, group in enumerate(mappings.split(";")):
        at = begin[1] if row == 0 else 0
        for text in group.split(",") if group else ():
            fields = _fields(text)
            at += fields[0]
            if not 0 <= at <= _LARGEST:
                raise _fault("points before its bundle", f"in line {row + 1} of the mappings")
            if len(fields) == 1:
                numbers.extend((begin[0] + row, at, -1, 0, 0))
            else:
                source, line, column = source + fields[1], line + fields[2], column + fields[3]
                if not 0 <= source < stop - first or line < 0 or column < 0 or max(line, column) > _LARGEST:
                    raise _fault("points at no source of its own", f"in line {row + 1} of the mappings")
                numbers.extend((begin[0] + row, at, first + source, line, column))


def _fields(text: str) -> list[int]:
    """The numbers of one segment: base64 VLQ, 1, 4 or 5 of them, 32 bits each."""
    found: list[int] = []
    value = shift = 0
    for byte in text.encode():
        digit = _DIGITS.get(byte)
        if digit is None or shift > 30:
            raise _fault("has a segment that cannot be read", f"{text[:20]!r}")
        value |= (digit & 31) << shift
        if digit & 32:
            shift += 5
            continue
        found.append(-(value >> 1) if value & 1 else value >> 1)
        value = shift = 0
    if shift or len(found) not in (1, 4, 5) or max(map(abs, found)) > _LARGEST:
        raise _fault("has a segment that cannot be read", f"{text[:20]!r}")
    return found


def _sorted(numbers: "array[int]") -> "array[int]":
    """By line and column, the last of a place only; most tools write them so, and then nothing is copied."""
    keys = list(zip(numbers[0::WIDTH], numbers[1::WIDTH], strict=True))
    if all(a < b for a, b in pairwise(keys)):
        return numbers
    ordered = array("i")
    last_of = {key: n for n, key in enumerate(keys)}
    for key in sorted(last_of):
        n = last_of[key] * WIDTH
        ordered.extend(numbers[n : n + WIDTH])
    return ordered


def _check_bundle(segments: Sequence[int], bundle: str) -> None:
    lengths = [_units(line) for line in lines_of_text(bundle)]
    for n in range(0, len(segments), WIDTH):
        if segments[n] >= len(lengths) or segments[n + 1] > lengths[segments[n]]:
            raise _fault(
                "is not of this bundle", f"it speaks of line {segments[n] + 1}, column {segments[n + 1] + 1}, beyond it"
            )


def _check_sources(segments: Sequence[int], sources: Sequence[Source]) -> None:
    lines = [None if s.content is None else len(lines_of_text(s.content)) for s in sources]
    for n in range(0, len(segments), WIDTH):
        source = segments[n + 2]
        most = lines[source] if source >= 0 else None
        if most is not None and segments[n + 3] >= most:
            raise _fault("points beyond a source that it brings", f"line {segments[n + 3] + 1} of {most}")


def lines_of_text(text: str) -> list[str]:
    """The lines of a text, ended as JavaScript and editors end them."""
    return _ENDS.split(text)


def _units(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-16-le", "surrogatepass")) // 2


def _little(part: "array[int]") -> bytes:
    return _native(part).tobytes()


def _native(part: "array[int]") -> "array[int]":
    """Between this machine's order of bytes and little-endian: nothing to do on almost every machine."""
    if array("i", [1]).tobytes()[0] == 1:
        return part
    turned = array("i", part)
    turned.byteswap()
    return turned


def _fault(what: str, detail: str) -> OperatorError:
    return OperatorError("source-map", f"the source map {what}: {detail}", "build it again with the bundle it is of")
