"""The product's database, read and left alone: nothing written, no lock that a writer notices, no time beyond a budget.

- PostgreSQL: every query is a read-only transaction of its own, with `statement_timeout` at what is left of the budget
  and `lock_timeout` at LOCK_WAIT_MS; one process of the server works on it. Its lock (ACCESS SHARE) hinders only a
  change of the table's definition, and that no longer than one range takes.
- SQLite: the file is opened with `mode=ro`; an authorizer lets a statement read and call functions, and nothing else
  (no ATTACH, no PRAGMA); the progress handler ends it when its time is over.
- What is run is `SELECT * FROM (query) AS counted LIMIT n`, with a bound parameter: one statement, which can only
  select, and cannot hand over more rows than were asked for.

Where the address is one of a replica, as [reports] says, it is held to that: a primary is not asked. Errors of the
database become words of ours here, since theirs may quote what stands in a table.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from support_routes.aggregates import MOST_ROWS, NoNumber

TIMED_OUT, UNREACHABLE, REFUSED, NO_REPLICA, LOCKED = "timed-out", "unreachable", "refused", "no-replica", "locked"
LOCK_WAIT_MS = 200
_STEPS_BETWEEN_LOOKS = 1000
_CANCELED, _NO_LOCK, _TABLE_BUSY = "57014", "55P03", sqlite3.SQLITE_BUSY
_SQLITE_MAY = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query answered: names of columns, and at most MOST_ROWS + 1 rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Reading:
    """An open connection for one reporter; `until` is the moment, by the monotonic clock, when its budget ends."""

    def __init__(self, connection: Connection, until: float) -> None:
        self._connection, self._until = connection, until

    @property
    def left_ms(self) -> int:
        """How much of the budget is left."""
        return int((self._until - time.monotonic()) * 1000)

    def rows(self, query: str, values: Mapping[str, int]) -> Rows:
        """Run a query in a transaction of its own; waits for a lock as long as the budget allows, a little at a time.

        Raises NoNumber: `timed-out` when the budget is over, `refused` when the database refuses the query.
        """
        wrapped = text(f"SELECT * FROM (\n{query}\n) AS counted LIMIT :most_rows")  # noqa: S608 (the release's own)
        while True:
            try:
                return self._once(wrapped, {**values, "most_rows": MOST_ROWS + 1})
            except DBAPIError as error:
                reason = _reason(error, self.left_ms)
            if reason != LOCKED:
                raise NoNumber(reason)

    def pair(self, query: str) -> tuple[int, int]:
        """The two whole numbers of a query, 0 for nothing. Raises NoNumber."""
        found = self.rows(query, {}).rows[0]
        if not all(value is None or type(value) is int for value in found):
            raise NoNumber("key")
        return found[0] or 0, found[1] or 0

    def _once(self, query: Any, values: Mapping[str, int]) -> Rows:
        left = self.left_ms
        if left <= 0:
            raise NoNumber(TIMED_OUT)
        with self._connection.begin() as transaction:
            if self._connection.dialect.name == "postgresql":
                wait = min(left, LOCK_WAIT_MS)
                limits = f"SET LOCAL statement_timeout = {left}; SET LOCAL lock_timeout = {wait}"
                self._connection.exec_driver_sql(limits)
            found = self._connection.execute(query, values)
            rows = Rows(tuple(found.keys()), tuple(tuple(row) for row in found.fetchall()))
            transaction.rollback()  # a large object can be made in a read-only transaction of PostgreSQL before 16
            return rows


@contextmanager
def reading(url: str, replica: bool, budget_ms: int) -> Iterator[Reading]:
    """A connection of its own to the product's database, for so long at most. Raises NoNumber where there is none."""
    until = time.monotonic() + budget_ms / 1000
    engine = _engine(url, until, budget_ms)
    try:
        with _connected(engine) as connection:
            made = Reading(connection, until)
            if replica and made.rows("SELECT pg_is_in_recovery() AS standby", {}).rows != ((True,),):
                raise NoNumber(NO_REPLICA)
            yield made
    finally:
        engine.dispose()


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except (SQLAlchemyError, sqlite3.Error):
        raise NoNumber(UNREACHABLE) from None
    if engine.dialect.name == "sqlite":
        connection.connection.driver_connection.set_authorizer(_allow)  # type: ignore[union-attr]
    else:
        _end_with_us(connection)
    try:
        yield connection
    finally:
        connection.close()


def _end_with_us(connection: Connection) -> None:
    """Let the server look each second whether we are still there; one that cannot goes on until the budget's end."""
    with contextlib.suppress(DBAPIError), connection.begin():
        connection.exec_driver_sql("SET client_connection_check_interval = 1000")


def _engine(url: str, until: float, budget_ms: int) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        return create_engine("sqlite://", creator=lambda: _open_sqlite(path, until), poolclass=NullPool)
    options = {
        "default_transaction_read_only": "on",
        "idle_in_transaction_session_timeout": str(budget_ms + 1000),
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
    }
    arguments = {
        "connect_timeout": max(2, ceil(budget_ms / 1000)),
        "tcp_user_timeout": budget_ms + 1000,
        "application_name": "diffgram-home reports",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    engine = create_engine(parsed, hide_parameters=True, connect_args=arguments, poolclass=NullPool)
    return engine.execution_options(postgresql_readonly=True)


def _open_sqlite(path: Path, until: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    opened = sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_MS / 1000, check_same_thread=False)
    opened.isolation_level = None
    opened.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
    return opened


def _allow(action: int, *_: Any) -> int:
    return sqlite3.SQLITE_OK if action in _SQLITE_MAY else sqlite3.SQLITE_DENY


def _reason(error: DBAPIError, left_ms: int) -> str:
    """A word of ours for what the database said: `locked` is worth another try while time is left."""
    said = error.orig
    code = getattr(said, "sqlstate", None)
    number = getattr(said, "sqlite_errorcode", None)
    if code == _CANCELED or number == sqlite3.SQLITE_INTERRUPT:
        return TIMED_OUT
    if code == _NO_LOCK or (number is not None and number & 0xFF == _TABLE_BUSY):
        return LOCKED if left_ms > 0 else TIMED_OUT
    if error.connection_invalidated or (code is None and number is None and isinstance(error, OperationalError)):
        return UNREACHABLE
    return REFUSED


def is_address(value: str) -> bool:
    """Whether `value` is the address of a database that reporters can read."""
    return value.startswith(("sqlite:///", "postgresql+psycopg://"))


def key_range(key: str) -> str:
    """The query for the lowest and the highest value of a key column, `table.column`; each by its index."""
    *table, column = (f'"{word}"' for word in key.split("."))
    named = ".".join(table)
    ends = (f"(SELECT {end}({column}) FROM {named}) AS {end}_key" for end in ("min", "max"))  # noqa: S608 (by form)
    return f"SELECT {', '.join(ends)}"
