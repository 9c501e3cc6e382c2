"""The time series: what is counted when, what is kept of it, and what support would get."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from diffgram_home import egress, locks, pruning, switching
from diffgram_home.home import Home
from diffgram_home.models import Measurement
from diffgram_home.reports import keeping, looking, timing
from diffgram_home.reports.keeping import ReportError
from diffgram_home.reports.running import COUNTED, FAILED, TIMED_OUT
from diffgram_home.store import migrate, open_store
from support_routes import Routes, check_routes
from tests.postgres import Cluster
from tests.reports import places
from tests.reports.places import NOW

ROOT = Path(__file__).parents[2]
SLOW = "SELECT count(*) + 0 * (SELECT length(pg_sleep(60)::text)) AS orders FROM orders"
RUN = """
import sys
from datetime import datetime
from pathlib import Path
from diffgram_home import settings
from diffgram_home.home import open_home
from diffgram_home.reports import keeping
home = open_home(settings.read(Path(sys.argv[1]), {}))
keeping.count(home, home.reporters[0], datetime.fromisoformat(sys.argv[2]))
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation with two reporters over a shop on SQLite."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    places.fill(url, {"open": 30, "paid": 20, "packed": 9, "sent": 2})
    opened = places.build(tmp_path, url, [places.orders(), places.states()])
    yield opened
    opened.close()


def due_at(home: Home, number: int) -> datetime:
    """The moment at which a reporter counts next."""
    return timing.following(home.installation, home.reporters[number], NOW)


def rows(home: Home) -> list[Measurement]:
    """Every measurement, oldest first."""
    with home.store.read() as session:
        return list(session.scalars(select(Measurement).order_by(Measurement.id)))


def test_each_reporter_is_counted_once_when_it_is_due(home):
    first, second = due_at(home, 0), due_at(home, 1)
    assert keeping.attend(home, first) == 1
    assert keeping.attend(home, first + timedelta(minutes=1)) == 0
    assert keeping.attend(home, second) == 1
    assert keeping.attend(home, first + timedelta(days=1)) == 1
    assert [(row.name, row.outcome) for row in rows(home)] == [
        ("orders", COUNTED),
        ("states", COUNTED),
        ("orders", COUNTED),
    ]
    kept = keeping.series(home, home.reporters[0], NOW)
    assert [one.counts for one in kept] == [{"": {"orders": 61}}] * 2


def test_nothing_of_a_small_group_is_kept_anywhere(home):
    keeping.attend(home, due_at(home, 1))
    kept = rows(home)[0]
    assert json.loads(kept.data) == {
        "counts": {"open": {"orders": 30}, "paid": {"orders": 20}},
        "withheld": ["packed", "sent"],
    }


def test_a_group_stays_withheld_while_it_comes_and_goes(home):
    url = home.settings.reports.source.url
    keeping.count(home, home.reporters[1], NOW)
    places.fill(url, {"open": 30, "paid": 20, "packed": 9, "sent": 6})
    assert keeping.count(home, home.reporters[1], NOW).withheld == ("packed", "sent")
    places.fill(url, {"open": 30, "paid": 20, "packed": 11, "sent": 10})
    assert keeping.count(home, home.reporters[1], NOW).withheld == ()


def test_an_answer_is_the_last_measurement_in_the_words_of_the_catalogue(home):
    assert keeping.answer(home, "states", NOW) == []
    keeping.count(home, home.reporters[1], NOW)
    places.fill(home.settings.reports.source.url, {"open": 99})
    answer = keeping.answer(home, "states", NOW)
    took = {"took_ms": rows(home)[0].took_ms}
    assert answer == [
        {"kind": "shop/orders-by-state", "at": "2026-11-22T13:00Z", "state": "open", "orders": 30, **took},
        {"kind": "shop/orders-by-state", "at": "2026-11-22T13:00Z", "state": "paid", "orders": 20, **took},
    ]
    with pytest.raises(ReportError, match="no reporter"):
        keeping.answer(home, "customers", NOW)


def test_a_reporter_is_a_named_route_that_reads_what_is_kept_and_nothing_else(home):
    routes = Routes()
    keeping.add_routes(home, routes)
    check_routes(routes, home.catalogue, ["orders", "customers"])
    assert list(routes) == ["report/orders", "report/states"]
    assert routes["report/orders"].messages(keeping.makers(home), NOW) == []
    keeping.count(home, home.reporters[0], NOW)
    told = routes["report/orders"].messages(keeping.makers(home), NOW)
    assert told == keeping.answer(home, "orders", NOW)
    assert [one["orders"] for one in told] == [61]


def test_no_number_is_told_as_what_it_is(home):
    (home.settings.folder.parent / "shop.db").unlink()
    keeping.count(home, home.reporters[0], NOW)
    (told,) = keeping.answer(home, "orders", NOW)
    assert told["orders"] == -2
    assert looking.reports(home, NOW, 30)[0].lines == ()


@pytest.mark.parametrize(("outcome", "number"), [(TIMED_OUT, -1), (FAILED, -2)])
def test_the_sentinels_are_the_seeds(home, outcome, number):
    kept = keeping.Kept("states", NOW, outcome, "timed-out", 5, 0, {}, ())
    assert [m["orders"] for m in keeping.messages(home, home.reporters[1], kept)] == [number]


def test_what_is_off_is_not_counted_and_what_was_counted_before_does_not_leave(home):
    keeping.count(home, home.reporters[0], NOW)
    assert keeping.answer(home, "orders", NOW)
    switching.set_mode(home, "support", "shop/orders", "off", "os:1000", NOW)
    assert keeping.attend(home, due_at(home, 0)) == 0
    with pytest.raises(ReportError, match="is off"):
        keeping.count(home, home.reporters[0], NOW)
    assert keeping.answer(home, "orders", NOW) == []
    switching.set_mode(home, "support", "shop/orders", "on", "os:1000", NOW)
    assert keeping.answer(home, "orders", NOW) == []
    assert len(keeping.series(home, home.reporters[0], NOW - timedelta(days=1))) == 1


def test_what_is_local_is_counted_and_never_told(home):
    switching.set_mode(home, "support", "shop/orders", "local", "os:1000", NOW)
    assert keeping.count(home, home.reporters[0], NOW).outcome == COUNTED
    assert keeping.answer(home, "orders", NOW) == []


def test_a_count_that_is_switched_off_is_not_made(home, tmp_path):
    path = home.settings.path
    path.write_text(path.read_text() + '\n[fields]\n"shop.all.orders" = "off"\n')
    switching.apply(home, NOW)
    assert keeping.attend(home, due_at(home, 0)) == 0
    assert keeping.why_off(home, home.reporters[0], NOW) == "field 'shop.all.orders' is off"


def test_another_query_begins_another_series(home, tmp_path):
    keeping.count(home, home.reporters[0], NOW)
    home.close()
    text_ = places.listed(orders="SELECT max(id) AS orders FROM orders WHERE id > :after AND id <= :upto")
    other = places.build(tmp_path, home.settings.reports.source.url, home.reporters, text=text_)
    assert keeping.series(other, other.reporters[0], NOW - timedelta(days=1)) == ()
    assert keeping.answer(other, "orders", NOW) == []
    other.close()


def test_two_do_not_count_at_once(home):
    with locks.alone(home.settings.folder / keeping.LOCK):
        assert keeping.attend(home, due_at(home, 0)) == 0
        assert rows(home) == []


def test_one_that_was_killed_is_told_as_failed_by_the_next_and_leaves_nothing_running(
    tmp_path: Path, servers: dict[str, Cluster]
):
    url = servers["here"].make_database()
    places.fill(url, {"open": 9})
    home = places.build(tmp_path, url, [places.orders(key="", budget_ms=60_000)], text=places.listed(orders=SLOW))
    command_ = [sys.executable, "-c", RUN, str(home.settings.path), NOW.isoformat()]
    counting = subprocess.Popen(command_, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    store = open_store(url)
    running_ = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active'")
    with store.engine.connect() as connection:
        while connection.execute(running_).scalar() == 1:  # the question itself
            connection.rollback()
    counting.send_signal(signal.SIGKILL)
    counting.wait()
    store.close()
    assert [row.outcome for row in rows(home)] == [keeping.RUNNING]
    assert keeping.series(home, home.reporters[0], NOW - timedelta(days=1)) == ()
    assert keeping.answer(home, "orders", NOW) == []
    places.said(url, "DROP TABLE orders")
    keeping.count(home, home.reporters[0], NOW)
    assert [(row.outcome, row.reason) for row in rows(home)] == [(FAILED, keeping.KILLED), (FAILED, "refused")]
    home.close()


def test_old_measurements_are_let_go(home):
    keeping.count(home, home.reporters[0], NOW - keeping.KEPT_FOR - timedelta(days=1))
    keeping.count(home, home.reporters[0], NOW)
    pruning.prune(home, NOW)
    assert [row.at for row in rows(home)] == [NOW]


def test_the_products_host_stands_in_the_egress_registry(tmp_path, postgres):
    home = places.build(tmp_path, postgres, [places.orders()])
    host = next(one for one in egress.registry(home.settings) if "reporters" in one.why)
    assert (host.host, host.protocol, host.whose) == ("127.0.0.1", "database", "customer")
    home.close()


def test_a_database_of_before_takes_measurements(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'home.db'}")
    config = Config()
    config.set_main_option("script_location", "diffgram_home:migrations")
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0016")
        session.execute(text("INSERT INTO value (name, data) VALUES ('kept', '1')"))
    assert migrate(store)
    with store.read() as session:
        assert session.execute(text("SELECT data FROM value")).scalar() == "1"
        assert session.scalars(select(Measurement)).all() == []
    store.close()
