"""The sessions of one day, by their hash, in a table on the memory file system; never a part of what leaves.

One row a session: the hash, the classes (closed lists) and whether something went wrong in it. There is no address, no
user agent and no time in it. What `grouped` counts from it goes on; the table itself is removed when its day is over,
and with it the last trace that two requests were one session.

A SQLite file without journal on disk and without flushing: it need not outlive the machine's power. Rules: hands out
no row; bounded by MOST sessions a day; safe between processes and threads; a session keeps the release and the classes
of its first request.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

MOST = 200_000
"""Sessions a day; a flood of made-up user agents fills no more memory than that."""
_PREFIX = "sessions-"
_WAIT_S = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS session (id BLOB NOT NULL UNIQUE, release TEXT NOT NULL, browser TEXT NOT NULL,
  major INTEGER NOT NULL, system TEXT NOT NULL, device TEXT NOT NULL, viewport TEXT NOT NULL, errored INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS program (release TEXT PRIMARY KEY, sessions INTEGER NOT NULL, errored INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS run (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), name TEXT NOT NULL);
"""
_KNOWN = """
UPDATE session SET errored = max(errored, :errored), viewport = CASE viewport WHEN 'other' THEN :viewport ELSE viewport
  END, release = CASE release WHEN '' THEN :release ELSE release END WHERE id = :id
"""
_NEW = "INSERT OR IGNORE INTO session VALUES (:id, :release, :browser, :major, :system, :device, :viewport, :errored)"
_PROGRAM = """
INSERT INTO program VALUES (?, ?, ?) ON CONFLICT (release) DO UPDATE
  SET sessions = sessions + excluded.sessions, errored = errored + excluded.errored
"""
_GROUPED = """
SELECT release, browser, major, system, device, viewport, count(*), sum(errored) FROM session
  GROUP BY release, browser, major, system, device, viewport
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as it is kept for its day: `id` is its hash, `major` is 0 where there is none."""

    id: bytes
    release: str
    browser: str
    major: int
    system: str
    device: str
    viewport: str
    errored: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions with the same release and classes, how many, and in how many something went wrong."""

    release: str
    browser: str
    major: int
    system: str
    device: str
    viewport: str
    sessions: int
    errored: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day's table as counts. `run` names this table: the next one of the same day, after a restart, has another."""

    run: str
    groups: tuple[Group, ...]
    programs: tuple[tuple[str, int, int], ...]


class Seen:
    """The table of `day` in `folder`; one for each process."""

    def __init__(self, folder: Path, day: str, most: int = MOST) -> None:
        self._path, self._most = folder / f"{_PREFIX}{day}", most
        self._lock = threading.Lock()
        self._pid = 0
        self._db: sqlite3.Connection | None = None
        self._known: dict[bytes, bool] = {}

    def add(self, entry: Entry) -> bool:
        """Add a session, or what its next request tells; False where the day has too many. Raises sqlite3.Error."""
        with self._lock:
            known = self._known.get(entry.id) if self._pid == os.getpid() else None
            if known is not None and known >= entry.errored:
                return True
            db = self._open()
            values = {name: getattr(entry, name) for name in Entry.__slots__} | {"errored": int(entry.errored)}
            with db:
                if not db.execute(_KNOWN, values).rowcount:
                    if (db.execute("SELECT max(rowid) FROM session").fetchone()[0] or 0) >= self._most:
                        return False
                    db.execute(_NEW, values)
            if entry.viewport != "other":  # otherwise a later request may know it
                self._known[entry.id] = entry.errored or bool(known)
        return True

    def add_programs(self, release: str, sessions: int, errored: int) -> None:
        """Add sessions that an SDK has counted itself, in a program that is no browser. Raises sqlite3.Error."""
        with self._lock, self._open() as db:
            db.execute(_PROGRAM, (release, sessions, errored))

    def close(self) -> None:
        """Forget the hashes, and close the file."""
        with self._lock:
            self._known.clear()
            if self._db is not None and self._pid == os.getpid():
                self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None or self._pid != os.getpid():
            self._known, self._pid = {}, os.getpid()
            self._db = _connect(self._path)
            with self._db:
                for statement in _TABLES.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute("INSERT OR IGNORE INTO run VALUES (1, ?)", (secrets.token_hex(8),))
        return self._db


def grouped(folder: Path, day: str) -> Day | None:
    """The counts of a day's table, or None if there is none. Raises sqlite3.Error."""
    path = folder / f"{_PREFIX}{day}"
    if not path.exists():
        return None
    db = _connect(path)
    try:
        with db:
            found = db.execute("SELECT name FROM run").fetchone()
            groups = tuple(Group(*row) for row in db.execute(_GROUPED))
            programs = tuple(db.execute("SELECT release, sessions, errored FROM program"))
    finally:
        db.close()
    return Day(str(found[0]), groups, programs) if found else None


def days(folder: Path) -> tuple[str, ...]:
    """The days that have a table now."""
    found = (path.name.removeprefix(_PREFIX) for path in folder.glob(f"{_PREFIX}*"))
    return tuple(sorted(name for name in found if "-journal" not in name))


def drop(folder: Path, day: str) -> None:
    """Remove the table of a day. Raises OSError."""
    for path in folder.glob(f"{_PREFIX}{day}*"):
        path.unlink(missing_ok=True)


def drop_before(folder: Path, day: str) -> None:
    """Remove tables that nobody came to count within the day after theirs. Raises OSError."""
    kept = (datetime.fromisoformat(day) - timedelta(days=1)).strftime("%Y-%m-%d")
    for old in days(folder):
        if old < kept:
            drop(folder, old)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WAIT_S, check_same_thread=False, isolation_level="IMMEDIATE")
    try:
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "temp_store = MEMORY"):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    return db
