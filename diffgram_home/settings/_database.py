"""Reads `[database]`: the address of the store. For `settings` only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from diffgram_home.settings import _secret
from diffgram_home.settings._table import Table


def read(table: Table, folder: Path, environ: Mapping[str, str]) -> str:
    """The address of the store; faults are collected in the table."""
    default = f"sqlite:///{folder / 'home.db'}"
    in_file = table.text("url", default="")
    table.finish()
    secret = _secret.read(_secret.DATABASE_URL, environ, table.faults)
    if secret and in_file:
        table.fault("setting-twice", "url", "'database.url' stands in the file and the environment", "remove one")
    url = secret or in_file or default
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        table.fault("setting-value", "url", "'database.url' is not an address", "see docs/settings.md")
        return default
    if in_file and password:
        hint = (
            "put the whole address in DIFFGRAM_HOME_DATABASE_URL, or its file's name in DIFFGRAM_HOME_DATABASE_URL_FILE"
        )
        table.fault("secret-in-file", "url", "'database.url' holds a password", hint)
    if parts.scheme not in ("sqlite", "postgresql+psycopg"):
        hint = "write 'sqlite:///home.db' or 'postgresql+psycopg://host/database'"
        table.fault("setting-value", "url", "'database.url' names a database that is not supported", hint)
    if in_file.startswith("sqlite:///") and not in_file.startswith("sqlite:////"):
        return f"sqlite:///{table.base / in_file.removeprefix('sqlite:///')}"
    return url
