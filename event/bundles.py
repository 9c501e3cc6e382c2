"""What the index says of shipped JavaScript: of each bundle its lines, its longest line, and its error classes.

Read at build time from the bundles and, where they are given, their source maps; nothing is run. Of a class only its
name is taken, and only if it is declared as an error: by what it extends, or by the name that it gives itself.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.scripts import NAME, Bundle

_LINE_ENDS = re.compile("\r\n|[\n\r\u2028\u2029]")
_EXTENDS = re.compile(r"\bclass\s+([A-Za-z_$][\w$]{0,79})\s+extends\s+(?:[\w$]+\.)*([A-Za-z_$][\w$]*)", re.ASCII)
_NAMED = re.compile(r"""\bname\s*[=:]\s*["'`]([A-Z][\w$]{0,72}(?:Error|Exception))["'`]""", re.ASCII)
_ERROR = re.compile(r"(?:Error|Exception)\Z")


def of(files: Sequence[Path], maps: Sequence[Path] = ()) -> dict[str, Bundle]:
    """Return file name → bundle. A map belongs to the file that its name begins with, as `shop.js.map` to `shop.js`.

    Raises OSError for a file that cannot be read, ValueError for a map that is none or belongs to no file, for two
    files of one name, and for a name that no browser's stack can be held against.
    """
    found: dict[str, Bundle] = {}
    left = {path.name.removesuffix(".map"): path for path in maps}
    for file in files:
        if file.name in found or NAME.fullmatch(file.name) is None:
            raise ValueError(f"bundle {file.name!r}: one of that name only, of letters, digits, '.', '_' and '-'")
        text = file.read_text(encoding="utf-8")
        sources = _sources(left.pop(file.name)) if file.name in left else ()
        found[file.name] = bundle(text, sources)
    if left:
        raise ValueError(f"map {min(left)!r} belongs to no bundle: name it as its file, with '.map' behind")
    return found


def bundle(text: str, sources: Sequence[str] = ()) -> Bundle:
    """Return what the index says of a script; `sources` are the texts that it was built from."""
    lines = _LINE_ENDS.split(text)
    longest = max(len(line.encode("utf-16-le", "surrogatepass")) // 2 for line in lines)  # browsers count code units
    return Bundle(len(lines), longest, frozenset(_classes([text, *sources])))


def _classes(texts: Sequence[str]) -> set[str]:
    """Names of classes that extend an error, as far as names tell, until nothing new is found; and given names."""
    pairs = [found.groups() for text in texts for found in _EXTENDS.finditer(text)]
    known = {found[1] for text in texts for found in _NAMED.finditer(text)}
    while fresh := {name for name, base in pairs if name not in known and (base in known or _ERROR.search(base))}:
        known |= fresh
    return known


def _sources(path: Path) -> list[str]:
    try:
        document = json.loads(path.read_bytes())
        return list(_contents(document))
    except (ValueError, TypeError, AttributeError, RecursionError) as fault:
        raise ValueError(f"{path.name!r} is no source map") from fault


def _contents(document: Mapping[str, Any]) -> Iterator[str]:
    """The sources in a map, and in the maps of its sections."""
    if document.get("version") != 3:
        raise ValueError("another version")
    for section in document.get("sections", ()):
        yield from _contents(section["map"])
    for text in document.get("sourcesContent") or ():
        if isinstance(text, str):
            yield text
