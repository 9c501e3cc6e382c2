"""One reporter against a real database: what it counts, and everything that it can do wrong."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy import text as sql

from diffgram_home.reports import running
from diffgram_home.reports.running import COUNTED, FAILED, TIMED_OUT, Ended
from diffgram_home.settings import Source
from support_routes.reporting import Reporter
from tests.reports import places
from tests.reports.places import Order

ENDLESS = (
    "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n > 0) "
    "SELECT count(*) AS orders FROM more"
)


def run(url: str, reporter: Reporter, *, orders: str = places.ORDERS, states: str = places.STATES) -> Ended:
    """Run it with these queries declared."""
    return running.run(reporter, places.read(places.listed(orders, states)), Source(url))


def asked(url: str, query: str, budget_ms: int = 5_000) -> Ended:
    """Run one query as the reporter of all orders, without ranges."""
    return run(url, places.orders(key="", budget_ms=budget_ms), orders=query)


def test_all_rows_are_counted_range_by_range(url, postgres):
    places.fill(url, {"open": 11})
    places.said(url, "UPDATE orders SET id = id * 1000000000 WHERE id > 5")
    found = run(url, places.orders())
    assert (found.outcome, found.found.counts, found.reason) == (COUNTED, {"": {"orders": 11}}, "")
    assert found.ranges > 5
    assert 0 <= found.took_ms < 5_000


def test_an_empty_table_has_none(url):
    places.fill(url, {})
    assert run(url, places.orders()).found.counts == {"": {"orders": 0}}
    assert run(url, places.states()).found.counts["open"] == {"orders": 0}


def test_keys_may_begin_below_nothing_and_end_at_the_last_number(postgres):
    places.fill(postgres, {"open": 3})
    places.said(
        postgres,
        "UPDATE orders SET id = -9223372036854775807 WHERE id = 1",
        "UPDATE orders SET id = 9223372036854775807 WHERE id = 3",
    )
    assert run(postgres, places.orders()).found.counts == {"": {"orders": 3}}


def test_groups_are_closed_choices_and_a_customers_name_is_none(url):
    places.fill(url, {"open": 30, "paid": 20, "packed": 9, "sent": 8, "Rose Okafor": 12, None: 3})
    found = run(url, places.states())
    assert {name: n["orders"] for name, n in found.found.counts.items()} == {
        "open": 30,
        "paid": 20,
        "packed": 9,
        "sent": 8,
        "other": 15,
    }
    assert "Rose" not in json.dumps(asdict(found))


def test_small_groups_go_with_their_complement(url):
    places.fill(url, {"open": 30, "paid": 20, "packed": 9, "sent": 2})
    found = run(url, places.states()).found
    assert found.withheld == ("packed", "sent")
    assert {name: n["orders"] for name, n in found.counts.items()} == {"open": 30, "paid": 20}


def test_ten_thousand_groups_are_none(url):
    places.fill(url, {f"person {number}": 1 for number in range(10_000)})
    found = run(url, places.states())
    assert (found.outcome, found.reason, found.found.counts) == (FAILED, "rows", {})


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT 'Rose Okafor' AS orders", "no-number"),
        ("SELECT -1 AS orders", "bounds"),
        ("SELECT 9007199254740992 AS orders", "bounds"),
        ("SELECT 1.5 AS orders", "no-number"),
        ("SELECT NULL AS orders", "no-number"),
        ("SELECT count(*) AS rose FROM orders", "columns"),
        ("SELECT count(*) AS orders, 1 AS more FROM orders", "columns"),
        ("SELECT 1 AS orders UNION ALL SELECT 2", "rows"),
        ("SELECT 1 AS orders WHERE 1 = 0", "rows"),
        ("SELECT count(*) AS orders FROM nowhere", "refused"),
        ("SELECT this is no query at all", "refused"),
    ],
)
def test_whatever_is_no_declared_number_is_none(url, query, reason):
    places.fill(url, {"open": 9})
    found = asked(url, query)
    assert (found.outcome, found.reason, found.found.counts) == (FAILED, reason, {})


@pytest.mark.parametrize("number", ["'NaN'::numeric", "'NaN'::float8", "'Infinity'::float8", "true", "2.0::float8"])
def test_no_number_of_postgresql_is_taken_for_one_that_it_is_not(postgres, number):
    assert asked(postgres, f"SELECT {number} AS orders").reason == "no-number"


def test_a_sum_comes_as_a_whole_number(postgres):
    places.fill(postgres, {"open": 9})
    assert asked(postgres, "SELECT sum(id::bigint) AS orders FROM orders").found.counts == {"": {"orders": 45}}


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders RETURNING 1 AS orders",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) AS orders FROM gone",
        "SELECT 1 AS orders) AS x; DELETE FROM orders; SELECT * FROM (SELECT 1 AS orders",
        "SELECT 1 AS orders) AS x; COMMIT; DELETE FROM orders; SELECT * FROM (SELECT 1 AS orders",
        "SELECT 1 AS orders) AS x; --",
    ],
)
def test_what_writes_is_refused_and_changes_nothing(url, query):
    places.fill(url, {"open": 9})
    found = asked(url, query)
    assert (found.outcome, found.reason) == (FAILED, "refused")
    assert run(url, places.orders()).found.counts == {"": {"orders": 9}}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT setval('orders_id_seq', 1) AS orders",
        "SELECT nextval('orders_id_seq') AS orders",
        "SELECT count(*) AS orders FROM (SELECT id FROM orders FOR UPDATE) AS held",
        "SELECT set_config('transaction_read_only', 'off', false)::int AS orders",
    ],
)
def test_postgresql_lets_no_function_write_for_a_reporter(postgres, query):
    places.fill(postgres, {"open": 9})
    assert (asked(postgres, query).outcome, asked(postgres, query).reason) == (FAILED, "refused")


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH 'x.db' AS x",
        "PRAGMA user_version = 7",
        "SELECT load_extension('x') AS orders",
        "SELECT count(*) AS orders FROM pragma_database_list",
    ],
)
def test_sqlite_lets_a_reporter_do_nothing_but_read(tmp_path, query):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    places.fill(url, {"open": 9})
    assert asked(url, query).outcome == FAILED
    assert not (tmp_path / "x.db").exists()


def test_one_that_never_ends_says_that_there_was_no_time(url):
    places.fill(url, {"open": 9})
    found = asked(url, ENDLESS, budget_ms=150)
    assert (found.outcome, found.reason, found.found.counts) == (TIMED_OUT, "timed-out", {})
    assert found.took_ms >= 150


def test_ranges_share_one_budget(postgres):
    places.fill(postgres, {"open": 9})
    query = (
        "SELECT count(*) + 0 * (SELECT length(pg_sleep(0.06)::text)) AS orders "
        "FROM orders WHERE id > :after AND id <= :upto"
    )
    places.said(postgres, "UPDATE orders SET id = id * 100000000")
    found = run(postgres, places.orders(budget_ms=200), orders=query)
    assert (found.outcome, found.found.counts) == (TIMED_OUT, {})


def test_a_database_that_is_not_there_is_told_without_its_address(tmp_path):
    for url in (f"sqlite:///{tmp_path / 'rose.db'}", "postgresql+psycopg://rose:secret@127.0.0.1:9/rose"):
        found = run(url, places.orders())
        assert (found.outcome, found.reason) == (FAILED, "unreachable")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "shop.db").write_bytes(b"Rose Okafor " * 1000)
    found = run(f"sqlite:///{tmp_path / 'shop.db'}", places.orders())
    assert (found.outcome, found.reason) == (FAILED, "refused")


def test_a_primary_is_not_asked_where_a_replica_was_named(postgres):
    places.fill(postgres, {"open": 9})
    catalogue = places.read(places.listed())
    found = running.run(places.orders(), catalogue, Source(postgres, replica=True))
    assert (found.outcome, found.reason) == (FAILED, "no-replica")


def test_a_writer_is_not_kept_waiting_and_neither_is_a_change_of_the_table(postgres):
    """While a reporter is between two ranges and while one is running, each kind of lock can be taken."""
    places.fill(postgres, {"open": 50})
    engine = create_engine(postgres)
    held = sql("SELECT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE relname = 'orders'")
    query = "SELECT count(*) + 0 * (SELECT length(pg_sleep(0.5)::text)) AS orders FROM orders"
    done: list[Ended] = []
    thread = threading.Thread(target=lambda: done.append(asked(postgres, query)))
    with engine.connect() as connection:
        thread.start()
        modes: set[str] = set()
        while not modes:
            modes = set(connection.execute(held).scalars())
            connection.rollback()
        assert modes == {"AccessShareLock"}
        connection.execute(sql("SET lock_timeout = '1ms'"))
        connection.execute(sql("LOCK TABLE orders IN EXCLUSIVE MODE"))  # stronger than any write of rows takes
        connection.execute(sql("UPDATE orders SET state = 'paid'"))
        connection.commit()
    thread.join()
    assert done[0].found.counts == {"": {"orders": 50}}
    engine.dispose()


def test_a_locked_table_is_waited_for_a_little_at_a_time_and_then_not(postgres):
    places.fill(postgres, {"open": 9})
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(sql("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
        found = run(postgres, places.orders(budget_ms=500))
    assert (found.outcome, found.reason) == (TIMED_OUT, "timed-out")
    engine.dispose()
    assert run(postgres, places.orders()).outcome == COUNTED


def test_whoever_waits_for_a_lock_leaves_the_queue_again_and_again(postgres):
    places.fill(postgres, {"open": 9})
    done: list[Ended] = []
    thread = threading.Thread(target=lambda: done.append(run(postgres, places.orders(budget_ms=30_000))))
    engine = create_engine(postgres)
    waiting = sql("SELECT virtualtransaction FROM pg_locks WHERE NOT granted")
    with engine.begin() as connection:
        connection.execute(sql("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
        thread.start()
        seen: set[str] = set()
        while len(seen) < 2 and thread.is_alive():
            seen |= set(connection.execute(waiting).scalars())
    thread.join()
    engine.dispose()
    assert len(seen) == 2
    assert done[0].found.counts == {"": {"orders": 9}}


def test_a_reader_of_sqlite_keeps_no_writer_waiting(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    places.fill(url, {"open": 9})
    places.said(url, "PRAGMA journal_mode=WAL")
    done: list[Ended] = []
    thread = threading.Thread(target=lambda: done.append(asked(url, ENDLESS, budget_ms=1_500)))
    thread.start()
    engine = create_engine(url, connect_args={"timeout": 0})
    written = 0
    while thread.is_alive():
        with engine.begin() as connection:
            connection.execute(sql("UPDATE orders SET state = 'paid' WHERE id = 1"))
            written += 1
    engine.dispose()
    assert done[0].outcome == TIMED_OUT
    assert written > 0


def test_what_a_function_of_postgresql_could_write_even_so_is_not_kept(postgres):
    places.fill(postgres, {"open": 9})
    asked(postgres, "SELECT lo_create(0)::bigint AS orders")
    engine = create_engine(postgres)
    with engine.connect() as connection:
        assert connection.execute(sql("SELECT count(*) FROM pg_largeobject_metadata")).scalar() == 0
    engine.dispose()


def test_no_connection_and_no_transaction_stays_behind(postgres):
    places.fill(postgres, {"open": 9})
    asked(postgres, "SELECT set_config('statement_timeout', '0', false)::int AS orders")
    engine = create_engine(postgres)
    others = sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'diffgram-home%'")
    with engine.connect() as connection:
        while connection.execute(others).scalar():
            connection.rollback()
        assert connection.execute(select(Order.state).limit(1)).scalar() == "open"
    engine.dispose()
