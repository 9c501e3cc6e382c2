"""Reads `[mail]`: the customer's own mail server, and who hears of material changes. For `settings` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from diffgram_home.settings import _secret
from diffgram_home.settings._checking import is_host, is_loopback
from diffgram_home.settings._table import Table

STARTTLS, TLS, NONE = "starttls", "tls", "none"
PORTS = {STARTTLS: 587, TLS: 465, NONE: 25}
MOST_ADDRESSES = 20
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,20}")


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail server, how it is spoken to, and from whom to whom. `user` signs in where there is a `password`."""

    host: str
    port: int
    tls: str
    ca_file: Path | None
    sender: str
    to: tuple[str, ...]
    user: str
    password: str | None = field(repr=False)


def read(table: Table, environ: Mapping[str, str]) -> Mail:
    """`[mail]`; faults are collected in the table."""
    tls = table.choice("tls", tuple(PORTS), STARTTLS)
    sender = table.text("from", pattern_hint="an address such as 'home@hospital.example'", check=_is_address)
    password = _secret.read(_secret.MAIL, environ, table.faults)
    found = Mail(
        host=table.text("host", pattern_hint="a host name or address in small letters", check=is_host),
        port=table.number("port", PORTS[tls], 1, 65535),
        tls=tls,
        ca_file=table.path("ca_file", exists=True),
        sender=sender,
        to=table.texts("to", pattern_hint="addresses such as 'security@hospital.example'", check=_is_address),
        user=table.text("user", default="") or sender,
        password=password,
    )
    if not 1 <= len(found.to) <= MOST_ADDRESSES:
        table.fault("setting-value", "to", f"'mail.to' names {len(found.to)} addresses", f"name 1 to {MOST_ADDRESSES}")
    if tls == NONE and not is_loopback(found.host):
        hint = "use 'starttls' or 'tls', or a mail server on this machine"
        table.fault("tls-required", "tls", "'mail.tls' is 'none', and 'mail.host' is not this machine", hint)
    if tls == NONE and password:
        hint = f"unset '{_secret.MAIL}', or use 'starttls' or 'tls'"
        table.fault("tls-required", "tls", "'mail.tls' is 'none', and there is a password", hint)
    if "password" in table.values:
        hint = f"put it in {_secret.MAIL}, or its file's name in {_secret.MAIL}_FILE"
        table.fault("secret-in-file", "password", "'mail.password' stands in the file", hint)
    table.finish()
    return found


def _is_address(value: str) -> bool:
    return len(value) <= 254 and bool(_ADDRESS.fullmatch(value))
