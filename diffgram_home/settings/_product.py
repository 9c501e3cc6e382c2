"""Reads `[product]`: the files that the product brought, pinned by hash. For `settings` only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffgram_home.settings._checking import is_hex64
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file that the product brought, and the SHA-256 it must have."""

    file: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Product:
    """The product's own catalogue files, its index of shipped code, and corporate's signature over both."""

    catalogue: tuple[Pinned, ...]
    index: Pinned | None
    signature: Path | None


def read(table: Table) -> Product:
    """`[product]`; faults are collected in the table."""
    entries = table.tables("catalogue")
    index = table.table("index")
    found = pinned(index) if "index" in table.values else None
    signature = table.path("signature", exists=True)
    if signature is not None and "index" not in table.values:
        table.fault("setting-missing", "index", "'product.signature' signs no index here", "name the index too")
    product = Product(tuple(pinned(entry) for entry in entries), found, signature)
    table.finish()
    return product


def pinned(table: Table) -> Pinned:
    """`{ file, sha256 }`; faults are collected in the table."""
    file = table.path("file", required=True, exists=True) or table.base
    sha256 = table.text("sha256", pattern_hint="64 hex digits; 'sha256sum FILE' prints them", check=is_hex64)
    table.finish()
    return Pinned(file, sha256)
