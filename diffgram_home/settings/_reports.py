"""Reads `[reports]`: the document of the product's reporters, and the database they count in. For `settings` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from diffgram_home.settings import _secret
from diffgram_home.settings._product import Pinned, pinned
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Source:
    """Where the product's database is: its address (it may hold a password), and whether it has to be a replica."""

    url: str = field(repr=False)
    replica: bool = False


@dataclass(frozen=True, slots=True)
class Reports:
    """The reporters' document, pinned by hash; where they count; and how small no group may be."""

    reporters: Pinned
    source: Source
    smallest_group: int


def read(table: Table, environ: Mapping[str, str]) -> Reports:
    """`[reports]`; faults are collected in the table."""
    listed = table.table("reporters", required=True)
    found = Reports(
        reporters=pinned(listed),
        source=Source(_url(table, environ), table.flag("replica", False)),
        smallest_group=table.number("smallest_group", 5, 2, 10_000),
    )
    if found.source.replica and found.source.url.startswith("sqlite"):
        hint = "remove 'replica', or name a standby of PostgreSQL"
        table.fault("setting-value", "replica", "'reports.replica' is true, and a file of SQLite has no replica", hint)
    table.finish()
    return found


def _url(table: Table, environ: Mapping[str, str]) -> str:
    in_file = table.text("url", default="")
    secret = _secret.read(_secret.REPORTS_URL, environ, table.faults)
    if secret and in_file:
        table.fault("setting-twice", "url", "'reports.url' stands in the file and the environment", "remove one")
    url = secret or in_file
    try:
        parts = urlsplit(url)
        scheme, password = parts.scheme, parts.password
    except ValueError:
        scheme, password = "", None
    if in_file and password:
        hint = f"put the whole address in {_secret.REPORTS_URL}, or its file's name in {_secret.REPORTS_URL}_FILE"
        table.fault("secret-in-file", "url", "'reports.url' holds a password", hint)
    if scheme not in ("sqlite", "postgresql+psycopg"):
        hint = f"write 'sqlite:////file' or 'postgresql+psycopg://host/database', or set {_secret.REPORTS_URL}"
        table.fault("setting-value", "url", "'reports.url' names no database that can be read", hint)
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{table.base / url.removeprefix('sqlite:///')}"
    return url
