"""Writes all that an auditor needs into one folder: the ledger with its bodies, its key, and corporate's manifests.

    ledger.ndjson      the ledger, as `export` writes it (docs/formats/ledger-export.md)
    ledger.key         the verifier's line of its checkpoints, to compare with the one noted elsewhere
    manifest-N.json    every manifest of keys that corporate ever gave, as it came, to check receipts with
    root.txt           the fingerprint of corporate's root that this installation was given

How to check it with tools that are not ours stands in docs/auditing.md. Rules: the folder is new or empty and readable
by its owner alone; what is written is exactly what is kept here; nothing in it is a secret but what was sent.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from diffgram_home import files, ledger, manifest, verifying
from diffgram_home.errors import LedgerError
from diffgram_home.home import Home
from diffgram_home.leaves import Progress

LEDGER, KEY, ROOT = "ledger.ndjson", "ledger.key", "root.txt"


def write(home: Home, folder: Path, now: datetime, progress: Progress | None = None) -> int:
    """Write the bundle into `folder`, which is made; returns the number of records. Raises LedgerError, StoreError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if any(folder.iterdir()):
            raise LedgerError("folder-used", f"'{folder}' is not empty", "name a new folder")
        for path in manifest.kept(home):
            files.write(folder / path.name, path.read_bytes())
        files.write(folder / KEY, f"{ledger.verifier_key(home)}\n".encode())
        files.write(folder / ROOT, f"{home.settings.corporate.root}\n".encode())
    except OSError as error:
        hint = "name a new folder where you may write and where there is room"
        raise LedgerError("export-unwritable", f"cannot write in '{folder}': {error.strerror}", hint) from error
    return verifying.export_to(home, folder / LEDGER, now, progress)
