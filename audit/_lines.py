"""Which line of a TOML text holds which table and key; the standard library's reader does not tell.

Understands the plain layout that catalogue and settings files use: table headers and keys at the start of a line.
"""

import re
from collections.abc import Mapping

_HEADER = re.compile(r"^\s*\[\[?([^\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def line_numbers(text: str) -> Mapping[tuple[str, ...], int]:
    """Return path of a table or key, such as ("field", "member_id", "type"), → its line, counted from 1."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _path(header.group(1))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(table + _path(key.group(1)), number)
    return found


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(next(filter(None, match.groups()), "") for match in _PART.finditer(dotted))
