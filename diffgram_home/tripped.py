"""Moves what the tripwire noted from its files into the ledger, as an Unexpected Data Transfer that was refused here.

It leaves the refusing and noting to `tripwire`, which must not touch a database. Rules:

- Each note counts once: how far a file was read moves in the same transaction as what was read.
- What goes into the ledger is the means (`socket.connect`), the destination if it is a declared one, and the place in
  the code; never what was to be sent, and no host that is not declared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from diffgram_home import facts, incidents
from diffgram_home.home import Home
from diffgram_home.tripwire import DAY_LIMIT_BYTES, FOLDER

_READ = "tripped"  # a fact: how many bytes of each file of notes were taken
_KEPT = timedelta(days=2)
_LONGEST = 200  # characters of a path in an incident


def take(home: Home, now: datetime) -> int:
    """Record what was refused since the last time; how many tries that were. Raises StoreError."""
    files = sorted(path for path in (home.settings.folder / FOLDER).glob("*-*") if path.is_file())
    if not files:
        return 0
    with home.store.read() as session:
        read = facts.get(session, _READ, {})
    if all(path.stat().st_size == read.get(path.name) for path in files):
        _forget_old(files, now)
        return 0
    with home.store.write() as session:
        return _taken(session, files, now)


def _taken(session: Session, files: list[Path], now: datetime) -> int:
    before = facts.get(session, _READ, {})
    read: dict[str, int] = {}
    found: Counter[str] = Counter()
    for path in files:
        data = path.read_bytes()[: DAY_LIMIT_BYTES * 2]
        new = data[before.get(path.name, 0) : data.rfind(b"\n") + 1]
        found.update(_told(new))
        read[path.name] = before.get(path.name, 0) + len(new)
    facts.put(session, _READ, read)
    for what, count in found.items():
        incidents.open(session, incidents.TRIPWIRE, {what: count}, now)
    return found.total()


def _told(data: bytes) -> Iterator[str]:
    """Each note as one path, `process/means/destination/places`.

    A torn line, of a process that was killed, still says that something was tried.
    """
    for line in data.splitlines():
        try:
            note = json.loads(line)
            words = "/".join(str(note[key]) for key in ("process", "means", "destination", "place"))
            yield words.replace(" ", ",")[:_LONGEST]
        except (ValueError, KeyError, TypeError):
            yield "unreadable"


def _forget_old(files: list[Path], now: datetime) -> None:
    """Files that nobody writes to any more and that were taken whole; at midnight a process may still be writing."""
    oldest = f"{now - _KEPT:%Y%m%d}"
    for path in files:
        if path.name < oldest:
            path.unlink(missing_ok=True)
