"""The database: schema, rows of one customer, and a server that starts again."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command as command_of_alembic
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError, StatementError

from corporate import migrating, storing
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import Base, Batch, Customer, Instant, Issue, IssueGroup
from tests import postgres
from tests.corporate.pretend import Pretend, message
from tests.corporate.running import command, found, running

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)


@pytest.fixture
def store(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    """An empty database with today's schema."""
    made = Store(make_url() or f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(made)
    yield made
    made.close()


def test_the_migrations_make_the_tables_of_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing_and_a_newer_schema_stops_the_start(store: Store) -> None:
    migrating.upgrade(store)
    assert not migrating.pending(store)
    with store.writing(EVERYBODY) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="newer"):
        migrating.upgrade(store)


def test_a_filled_database_of_the_first_schema_is_brought_up(make_url: Callable[[], str], tmp_path: Path) -> None:
    made = Store(make_url() or f"sqlite:///{tmp_path}/corporate.db")
    config = migrating.config()
    with made.engine.begin() as connection:
        config.attributes["connection"] = connection
        command_of_alembic.upgrade(config, "0001")
    with made.writing(EVERYBODY) as session:
        session.execute(text("INSERT INTO customer (name, made_at) VALUES ('St Mary', '2026-11-21 14:00:00')"))
    migrating.upgrade(made)
    assert not migrating.pending(made)
    with made.reading(EVERYBODY) as session:
        assert session.execute(select(Customer.name)).scalar_one() == "St Mary"
    made.close()


def test_a_time_without_zone_is_refused(store: Store) -> None:
    with store.writing(EVERYBODY) as session:
        session.add(Customer(name="x", made_at=datetime(2026, 11, 21)))  # noqa: DTZ001 - what is refused
        with pytest.raises(StatementError, match="without zone"):
            session.flush()
        session.rollback()


def add_and_fail(store: Store) -> None:
    """Add a customer, then fail."""
    with store.writing(EVERYBODY) as session:
        session.add(Customer(name="x", made_at=NOW))
        session.flush()
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        add_and_fail(store)
    with store.reading(EVERYBODY) as session:
        assert session.execute(select(Customer)).first() is None


def test_a_stopped_server_starts_again_with_everything(make_url: Callable[[], str], tmp_path: Path) -> None:
    config, root = found(tmp_path, make_url())
    with running(config, root) as first:
        one = Pretend(first, tmp_path)
        assert one.enrol().status == 201
        body = one.seal(1, [message()] * 7)
        given = one.send(body).json["receipt"]
        one.use(one.certificate)
    with running(config, root) as second:
        one.server = second
        assert one.send(body).json["receipt"] == given
        with second.store() as store, store.reading(EVERYBODY) as session:
            batch = session.execute(select(Batch)).scalar_one()
            assert storing.body_of(session, batch) == body
        one.use("")


# ---- row-level security: PostgreSQL's own ----------------------------------------------------------------------------


@pytest.fixture
def two(cluster: postgres.Cluster) -> Iterator[Store]:
    """A PostgreSQL database with rows of customers 1 and 2 in every table that has a customer."""
    made = Store(cluster.make_database())
    migrating.upgrade(made)
    with made.writing(EVERYBODY) as session:
        session.add_all(Customer(id=n, name=f"customer {n}", made_at=NOW) for n in (1, 2))
        for n in (1, 2):  # which no customer has, and rows of customers stand on
            said = {"title": "ValueError", "culprit": "", "types": "ValueError", "in_product": False}
            times = dict.fromkeys(("first_at", "last_at", "made_at"), NOW)
            session.add(Issue(id=n, **said, **times, state="open", count=0, installations=0))
            session.flush()
            session.add(IssueGroup(id=n, key=str(n), issue_id=n, **said))
        session.flush()
        for table in Base.metadata.sorted_tables:
            if "customer_id" in table.c:
                session.execute(table.insert(), [_row(table, n) for n in (1, 2)])
    yield made
    made.close()


def _row(table: object, customer: int) -> dict[str, object]:
    """A row of `customer` for any table: values by type, unique by customer."""
    values: dict[str, object] = {}
    for column in table.c:  # type: ignore[attr-defined]
        if column.name == "customer_id":
            values[column.name] = customer
        elif column.name == "installation_id" or (table.name == "installation" and column.name == "id"):  # type: ignore[attr-defined]
            values[column.name] = f"installation {customer}"
        elif column.name in ("id", "batch_id"):
            values[column.name] = customer
        elif not column.nullable:
            values[column.name] = NOW if isinstance(column.type, Instant) else column.type.python_type(customer)
    return values


TABLES = [table.name for table in Base.metadata.sorted_tables if "customer_id" in table.c]


@pytest.mark.parametrize("table", TABLES)
def test_a_transaction_of_one_customer_sees_and_changes_only_its_rows(two: Store, table: str) -> None:
    with two.reading(1) as session:
        assert session.execute(text(f"SELECT DISTINCT customer_id FROM {table}")).scalars().all() == [1]  # noqa: S608
    with two.writing(1) as session:
        changed = session.execute(text(f"UPDATE {table} SET customer_id = customer_id"))  # noqa: S608
        assert changed.rowcount == 1
        assert session.execute(text(f"DELETE FROM {table} WHERE customer_id = 2")).rowcount == 0  # noqa: S608
    with pytest.raises(ProgrammingError, match="row-level security"), two.writing(1) as session:
        session.execute(text(f"UPDATE {table} SET customer_id = 2"))  # noqa: S608
    with two.reading(EVERYBODY) as session:
        assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 2  # noqa: S608


def test_a_transaction_of_one_customer_cannot_write_rows_of_another(two: Store) -> None:
    lane = {"i": "installation 2", "c": 2}
    insert = text("INSERT INTO lane (installation_id, \"case\", customer_id, highest) VALUES (:i, 'support', :c, 1)")
    with pytest.raises(ProgrammingError, match="row-level security"), two.writing(1) as session:
        session.execute(insert, lane)
    with two.writing(2) as session:
        session.execute(insert, lane)


def test_a_customer_sees_no_other_customers_name(two: Store) -> None:
    with two.reading(1) as session:
        assert session.execute(select(Customer.name)).scalars().all() == ["customer 1"]


def test_a_transaction_is_not_begun_without_saying_whose_rows_it_may_touch(store: Store) -> None:
    for begin in (store.reading, store.writing):
        with pytest.raises(TypeError, match="customer"):
            begin()  # type: ignore[call-arg]


def test_without_a_customer_nothing_is_visible(two: Store) -> None:
    with two.engine.connect() as connection:
        for table in [*TABLES, "customer"]:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0  # noqa: S608


def test_the_setting_ends_with_the_transaction(two: Store) -> None:
    with two.engine.connect() as connection:
        connection.execute(text("SELECT set_config('corporate.customer', '1', true)"))
        assert connection.execute(text("SELECT count(*) FROM batch")).scalar_one() == 1
        connection.commit()
        assert connection.execute(text("SELECT count(*) FROM batch")).scalar_one() == 0


def test_a_superuser_is_refused_since_no_policy_would_hold(cluster: postgres.Cluster, tmp_path: Path) -> None:
    url = f"postgresql+psycopg://pg@127.0.0.1:{cluster.port}/postgres"
    options = ["init", "--folder", str(tmp_path / "data"), "--database-url", url]
    done = command(tmp_path / "corporate.toml", *options, code=7)
    assert "bypasses row-level security" in done.stderr
    assert "NOSUPERUSER" in done.stderr
    assert not (tmp_path / "corporate.toml").exists()


def test_a_database_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    done = command(
        tmp_path / "corporate.toml", "init", "--folder", str(tmp_path / "data"), "--database-url", url, code=7
    )
    assert "does not answer" in done.stderr
