"""Reads `[corporate]`: the other end, and the customer's proxy on the way to it. For `settings` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffgram_home.settings import _secret
from diffgram_home.settings._checking import is_hex64, is_host_url
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Corporate:
    """The one other end: its address, the fingerprint of its root, and how its TLS certificate is trusted."""

    url: str
    root: str
    trust: str
    ca_file: Path | None
    proxy: str | None
    timeout_s: int


def read(table: Table, environ: Mapping[str, str]) -> Corporate:
    """`[corporate]`; faults are collected in the table."""
    proxy = table.text("proxy", default="")
    secret = _secret.read(_secret.PROXY, environ, table.faults)
    if proxy and secret:
        table.fault("setting-twice", "proxy", "'corporate.proxy' stands in the file and the environment", "remove one")
    if proxy and not is_host_url(proxy, ("http",)):
        hint = "write 'http://host:port'; with a password, put it in DIFFGRAM_HOME_PROXY or DIFFGRAM_HOME_PROXY_FILE"
        table.fault("setting-value", "proxy", "'corporate.proxy' is not the address of a proxy", hint)
    corporate = Corporate(
        url=table.text("url", pattern_hint="'https://host:port' and nothing after", check=_is_https).rstrip("/"),
        root=table.text(
            "root", pattern_hint="'sha256:' and 64 hex digits, as corporate gave it to you", check=_is_root
        ),
        trust=table.choice("trust", ("corporate", "system"), "corporate"),
        ca_file=table.path("ca_file", exists=True),
        proxy=secret or proxy or None,
        timeout_s=table.number("timeout_s", 20, 1, 300),
    )
    table.finish()
    return corporate


def _is_root(value: str) -> bool:
    return value.startswith("sha256:") and is_hex64(value.removeprefix("sha256:"))


def _is_https(value: str) -> bool:
    return is_host_url(value, ("https",))
