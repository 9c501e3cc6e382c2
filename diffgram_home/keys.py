"""The installation's secrets on disk: makes them once, opens them, and refuses files that others can read.

`installation.pem` (Ed25519) signs batches and is the TLS client key; `ledger.pem` (Ed25519) signs checkpoints;
`pages.key` (32 random bytes) authenticates what the pages hand out. None of them ever leaves this folder, and none is
replaced when it exists.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from diffgram_home import files
from diffgram_home.errors import StoreError

NAMES = ("installation.pem", "ledger.pem", "pages.key")


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The opened keys, and the folder they are in."""

    folder: Path
    installation: Ed25519PrivateKey
    ledger: Ed25519PrivateKey
    pages: bytes


def make(folder: Path) -> None:
    """Write the keys that are missing in `folder`; raises StoreError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
        for name in NAMES:
            if not (folder / name).exists():
                files.write(folder / name, secrets.token_bytes(32) if name == "pages.key" else _new_pem())
    except OSError as error:
        hint = f"let the user {os.geteuid()} write in '{folder}'"
        raise StoreError("keys-unusable", f"cannot make keys in '{folder}': {error.strerror}", hint) from error


def read(folder: Path) -> Keys:
    """The keys in `folder`; raises StoreError for one that is missing, unreadable, malformed or readable by others."""
    installation, ledger, pages = (_private_bytes(folder / name) for name in NAMES)
    return Keys(folder, _ed25519(folder, NAMES[0], installation), _ed25519(folder, NAMES[1], ledger), pages)


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _private_bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        hint = "run 'diffgram-home init', or restore the backup of the folder"
        raise StoreError("key-missing", f"cannot read the key '{path}': {error.strerror}", hint) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StoreError("key-exposed", f"others can read the key '{path}'", f"run: chmod 600 '{path}'")
    return data


def _ed25519(folder: Path, name: str, data: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise StoreError("key-malformed", f"'{folder / name}' is no key", "restore the backup of the folder") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError("key-malformed", f"'{folder / name}' is no Ed25519 key", "restore the backup of the folder")
    return key
