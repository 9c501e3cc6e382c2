"""Reads `[ledger]` of the settings: the places outside this ledger that get every checkpoint. For `settings` only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from audit import checkpoint, cosignature
from audit.errors import SignatureRefused
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Witness:
    """A C2SP witness that the customer names: its submission prefix (https), key line, and authority if not public."""

    url: str
    key: str
    ca_file: Path | None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 443


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where checkpoints go: a file, the socket of this machine's syslog, a witness; each may be None."""

    file: Path | None
    syslog: Path | None
    witness: Witness | None

    @property
    def named(self) -> bool:
        """Whether the customer named any place."""
        return any((self.file, self.syslog, self.witness))


def read(table: Table) -> Elsewhere:
    """The places in `[ledger]`; faults are collected in the table."""
    file, syslog = table.path("checkpoint_file"), table.path("checkpoint_syslog")
    witness = table.table("witness")
    found = _witness(witness) if "witness" in table.values else None
    table.finish()
    return Elsewhere(file, syslog, found)


def _witness(table: Table) -> Witness:
    found = Witness(
        url=table.text("url", pattern_hint="'https://host/prefix' as its owner published it", check=_is_url).rstrip(
            "/"
        ),
        key=table.text("key", pattern_hint="the line 'name+id+key' as its owner published it", check=_is_key),
        ca_file=table.path("ca_file", exists=True),
    )
    table.finish()
    return found


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        named = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return named and "@" not in parts.netloc and "?" not in value and "#" not in value and value.isprintable()


def _is_key(value: str) -> bool:
    try:
        checkpoint.read_vkey(value, cosignature.TYPE)
    except (SignatureRefused, ValueError):
        return False
    return True
