"""Reads `[browser]`: which pages may tell this installation something. For `settings` only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from diffgram_home.settings._table import Table

NODE = "node"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Browser:
    """The projects whose pages may tell, and the origins besides our own that pages may come from."""

    projects: tuple[str, ...]
    origins: tuple[str, ...]


def read(table: Table) -> Browser:
    """`[browser]`; faults are collected in the table."""
    found = Browser(
        projects=table.texts("projects", pattern_hint="small letters, digits and '-', at most 40", check=_is_project),
        origins=table.texts("origins", pattern_hint="'https://host', with its port, or 'node'", check=_is_origin),
    )
    table.finish()
    return found


def _is_project(value: str) -> bool:
    return _PROJECT.fullmatch(value) is not None


def _is_origin(value: str) -> bool:
    return value == NODE or _ORIGIN.fullmatch(value) is not None
