"""One database, SQLite or PostgreSQL, and the transactions on it.

Leaves to others: what is written. Rules: a transaction names whose rows it may touch, a customer's or everybody's;
PostgreSQL enforces that by row-level security (the policies read the setting `corporate.customer`, and without it
nothing is visible), SQLite has no such thing and relies on our own WHERE clauses. SQLite runs with WAL and
synchronous=FULL and secure_delete, and a writing transaction takes the write lock at once (BEGIN IMMEDIATE), so that
two workers wait for each other instead of failing half way. The engine is made anew in each process: connections do
not survive a fork.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, bindparam, create_engine, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from corporate.errors import OperatorError

EVERYBODY = "*"
_WAIT_MS = 30_000


class Store:
    """The database of one server. Cheap to make; connects on first use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_postgresql = url.startswith("postgresql")
        self._engine: Engine | None = None
        self._pid = 0

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._pid != os.getpid():
            if self._engine is not None:
                self._engine.dispose(close=False)
            self._engine = self._connect()
            self._pid = os.getpid()
        return self._engine

    def _connect(self) -> Engine:
        if self.is_postgresql:
            return create_engine(self.url, hide_parameters=True, pool_size=16, max_overflow=16, pool_pre_ping=True)
        waits = {"timeout": _WAIT_MS / 1000, "check_same_thread": False}
        engine = create_engine(self.url, hide_parameters=True, connect_args=waits)
        listen(engine, "connect", _prepare_sqlite)
        return engine

    @contextmanager
    def reading(self, customer: int | str) -> Iterator[Session]:
        """A read-only look at one moment, bound to `customer` (an id, or EVERYBODY)."""
        with Session(self.engine, expire_on_commit=False) as session:
            self._begin(session, customer, "BEGIN")
            yield session  # closing rolls back, and leaves what was loaded readable

    @contextmanager
    def writing(self, customer: int | str) -> Iterator[Session]:
        """A transaction that commits at the end of the block, or rolls back on any error."""
        with Session(self.engine, expire_on_commit=False) as session:
            self._begin(session, customer, "BEGIN IMMEDIATE")
            yield session
            session.commit()

    def _begin(self, session: Session, customer: int | str, begin: str) -> None:
        if self.is_postgresql:
            session.execute(
                text("SELECT set_config('corporate.customer', :customer, true)"), {"customer": str(customer)}
            )
        else:
            session.connection().exec_driver_sql(begin)

    def insert(self, table: type) -> Any:
        """An INSERT of this database's dialect, which knows ON CONFLICT."""
        return postgresql.insert(table) if self.is_postgresql else sqlite.insert(table)

    def alone(self, session: Session, table: type[DeclarativeBase]) -> None:
        """Let no other transaction write `table` until this one ends; SQLite has one writer at a time anyway."""
        alone(session, table)

    def scrub(self, *tables: str) -> None:
        """After a deletion was committed: let no file of the database keep what it removed, as far as it can.

        SQLite has overwritten it (secure_delete); its log is written back and cut. PostgreSQL makes the space of the
        rows free to be used again; the bytes may stay in its files and its log until they are.
        """
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with connection:
            if self.is_postgresql:
                for table in tables:
                    connection.exec_driver_sql(f'VACUUM "{table}"')
            else:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give back every connection of this process."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()

    def role_fault(self) -> str | None:
        """Why this database role would not be held to row-level security, or None."""
        if not self.is_postgresql:
            return None
        with self.reading(EVERYBODY) as session:
            row = session.execute(
                text("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            ).one()
        return f"the database role {row[0]!r} bypasses row-level security" if row[1] else None

    def require_a_plain_role(self) -> None:
        """Raise OperatorError if the role is a superuser: then the policies would not hold."""
        if fault := self.role_fault():
            raise OperatorError(
                "role", fault, "make a role of its own: CREATE ROLE corporate LOGIN NOSUPERUSER NOBYPASSRLS"
            )


def _prepare_sqlite(connection: object, _record: object) -> None:
    # Autocommit of the driver, so that BEGIN IMMEDIATE is ours to say (its own BEGIN would be deferred).
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={_WAIT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def put(
    session: Session,
    table: Any,
    rows: list[dict[str, Any]],
    key: tuple[str, ...] = (),
    changes: Callable[[Any, Any], Mapping[str, Any]] | None = None,
) -> None:
    """Insert many rows with the same columns; where one of this `key` is there, make `changes(old, given)` to it.

    PostgreSQL gets one statement with an array for each column, SQLite the driver's executemany.
    """
    if not rows:
        return
    columns = [table.__table__.c[name] for name in rows[0]]
    if session.get_bind().dialect.name == "postgresql":
        arrays = {column.name: [row[column.name] for row in rows] for column in columns}
        given = (func.unnest(bindparam(c.name, type_=postgresql.ARRAY(c.type))) for c in columns)
        new: Any = postgresql.insert(table.__table__).from_select(list(arrays), select(*given))
        what: Any = arrays
    else:
        new, what = sqlite.insert(table.__table__), rows
    if changes is not None:
        new = new.on_conflict_do_update(index_elements=key, set_=changes(table.__table__.c, new.excluded))
    session.connection().execute(new, what)


def alone(session: Session, table: type[DeclarativeBase]) -> None:
    """Let no other transaction write `table` until this one ends; SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE {table.__tablename__} IN EXCLUSIVE MODE"))


@contextmanager
def for_everybody(session: Session) -> Iterator[None]:
    """Within a transaction of one customer: what has to be summed up over all of them; bound to the one afterwards."""
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    bind = text("SELECT set_config('corporate.customer', :customer, true)")
    before = session.execute(text("SELECT current_setting('corporate.customer', true)")).scalar_one()
    session.execute(bind, {"customer": EVERYBODY})
    yield
    session.execute(bind, {"customer": before})


@contextmanager
def reachable() -> Iterator[None]:
    """Turn "the database does not answer" into an OperatorError with what to do."""
    try:
        yield
    except OperationalError as e:
        raise OperatorError(
            "database",
            f"the database does not answer: {type(e.orig).__name__}",
            "start the database, or correct database.url",
        ) from e
