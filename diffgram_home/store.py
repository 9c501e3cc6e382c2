"""Opens the database and hands out transactions; knows SQLite's and PostgreSQL's ways, and no table's meaning.

Rules:
- `read()` is a snapshot that never waits for a writer. `write()` is one transaction at a time over all processes
  (SQLite `BEGIN IMMEDIATE`; PostgreSQL an advisory lock of the transaction), so that numbers have no gap and the
  ledger one head. Nothing slow, and no socket, belongs inside it.
- SQLite runs in WAL with `synchronous=FULL`: what `write()` has committed survives a power cut (design 3, step 4).
- A process that forks drops the connections it inherited; SQLite must not see one from two processes.
"""

from __future__ import annotations

import os
import shutil
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from diffgram_home.errors import StoreError

BUSY_TIMEOUT_S = 30
LITTLE_ROOM_BYTES = 1024 * 1024
AT_THE_END = "at the end"  # in a write session's `info`: functions of the session, called just before it commits
WRITER_LOCK = 0x0D1FF64A  # one number for all writers of one PostgreSQL database


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Store:
    """One database; cheap to share between threads and safe over `fork`."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot to read from; nothing done in it is kept."""
        # PostgreSQL by itself lets each statement see what was committed before it: no snapshot of a ledger that grows.
        engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        with _told(self), Session(engine, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """The same without a session, for a question that is asked again and again."""
        with _told(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Session]:
        """The one write transaction: committed and on the disk at the end, or undone if an exception leaves it."""
        engine = self.engine.execution_options(home_writer=True)
        with _told(self), Session(engine, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITER_LOCK})
            yield session
            for finish in session.info.pop(AT_THE_END, ()):
                finish(session)

    def scrub(self) -> None:
        """After a deletion: write over what SQLite's log still has of it. Others wait; where they read on, it is later.

        PostgreSQL keeps deleted rows in its files until it cleans them by itself.
        """
        if self.is_sqlite:
            raw = self.engine.raw_connection()  # a checkpoint cannot be made inside a transaction
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """The store at `url`; raises StoreError if it cannot be reached. Tables are `migrate`'s business."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        waits = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
        _make_private(Path(parsed.database or ""))
        engine = create_engine(parsed, hide_parameters=True, connect_args=waits)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    store = Store(engine)
    _stores.add(store)
    return store


def migrate(store: Store) -> bool:
    """Bring the tables to this version; True if something was done. Raises StoreError if the database is newer."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with store.read() as session:
        if _revision(session.connection()) == head:
            return False
    with store.write() as session:
        connection = session.connection()
        current = _revision(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current is not None and current not in known:
            hint = "start the version of diffgram-home that made it, or a later one"
            raise StoreError("database-newer", f"the database is at '{current}', which this version lacks", hint)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _make_private(path: Path) -> None:
    """The database file exists with mode 0600 before SQLite opens it; its WAL takes the same mode."""
    if path.is_file():
        return
    hint = f"let the user {os.geteuid()} write in '{path.parent}', or name another folder in the settings"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError("database-unusable", f"cannot make '{path}': {error.strerror}", hint) from error


def _set_up_sqlite(raw, _record) -> None:
    raw.isolation_level = None  # the driver begins nothing by itself; `_begin_sqlite` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "secure_delete=FAST",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get("home_writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


@contextmanager
def _told(store: Store) -> Iterator[None]:
    """Turn the driver's trouble into one error that says what to do."""
    try:
        yield
    except OperationalError as error:
        raise _store_error(store, error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _store_error(store, error) from error
        raise


def _store_error(store: Store, error: DBAPIError) -> StoreError:
    reason = str(error.orig).splitlines()[0] if error.orig else "no reason given"
    where = store.engine.url.render_as_string(hide_password=True)
    low = reason.lower()
    if "locked" in low:
        return StoreError("database-busy", f"'{where}': {reason}", "try again; another process is writing", retry=True)
    if "full" in low or ("disk i/o" in low and _is_disk_full(store)):
        return StoreError("disk-full", f"'{where}': {reason}", "make room on the disk; nothing was lost", retry=True)
    if "readonly" in low or "read-only" in low or "unable to open" in low:
        hint = f"let the user {os.geteuid()} write to the file and its folder"
        return StoreError("database-read-only", f"'{where}': {reason}", hint)
    if "malformed" in low or "not a database" in low:
        return StoreError(
            "database-corrupt", f"'{where}': {reason}", "stop, copy the file, and restore the last backup"
        )
    return StoreError("database-unusable", f"'{where}': {reason}", "see 'diffgram-home check'", retry=True)


def _is_disk_full(store: Store) -> bool:
    """SQLite says "disk I/O error" when it cannot grow its shared memory file, whatever the cause."""
    try:
        return shutil.disk_usage(Path(store.engine.url.database or "").parent).free < LITTLE_ROOM_BYTES
    except OSError:
        return False


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _forget_inherited() -> None:
    for store in list(_stores):
        store.engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_inherited)
