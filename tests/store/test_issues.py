"""Issues: the errors kept here, by issue, from this installation's own data; on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, func, insert, select

from diffgram_home import facts, grouping, intake, issues, pruning, sealing
from diffgram_home.home import Home
from diffgram_home.models import Block, Issue, IssueBlock, Notice
from diffgram_home.store import migrate, open_store
from tests.postgres import cluster
from tests.store import building
from tests.store.building import NOW, frame, word
from tests.store.test_path import begin, finish

KIND = "home/error"


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path, servers: ExitStack) -> Iterator[Home]:
    """An installation that sends, on each database."""
    url = "" if request.param == "sqlite" else _database(servers)
    opened = building.build(tmp_path, database=url)
    yield opened
    opened.close()


_made: list[Any] = []


@pytest.fixture(scope="module")
def servers() -> Iterator[ExitStack]:
    """PostgreSQL, once it is wanted."""
    _made.clear()
    with ExitStack() as stack:
        yield stack


def _database(servers: ExitStack) -> str:
    if not _made:
        _made.append(servers.enter_context(cluster()))
    return _made[0].make_database()


def error(line: int = 12, kind: str = "ValueError", *shapes: str) -> dict[str, Any]:
    """An error log with one exception, raised in the product."""
    return {"chain": [{"type": kind, "shapes": list(shapes)}], "frames": [["<place>", 0], [f"shop:buy:{line}", 1]]}


def told(home: Home, *errors: Any, switch: int | None = None) -> None:
    """The product tells these errors, and they are taken in."""
    found = word(home, KIND) if switch is None else switch
    messages = ({"kind": KIND, "at": "2026-11-21T14:00:59Z", "error_log": value} for value in errors)
    building.spool_bytes(home, b"".join(frame(message, found) for message in messages))
    intake.take(home, NOW)


def test_errors_of_one_kind_are_one_issue_whatever_their_values_were(home):
    told(
        home, error(12, "ValueError", "email"), error(14), error(12, "ValueError", "integer(6)"), error(14, "KeyError")
    )
    building.spool(home, range(3))
    intake.take(home, NOW + timedelta(hours=1))
    found = issues.listed(home, NOW + timedelta(hours=1))
    assert {(one.title, one.messages) for one in found.issues} == {
        ("ValueError", 2),
        ("ValueError", 1),
        ("KeyError", 1),
    }
    assert all(one.culprit == "shop:buy" and sum(one.hours) == one.messages == one.hours[-2] for one in found.issues)
    first = next(one for one in found.issues if one.messages == 2)
    page = issues.one(home, first.id, NOW)
    assert page.chain[0].shapes == {"0.0": {"integer(6)": 1, "email": 1}}
    assert [(frame.module, frame.line, frame.in_product) for frame in page.frames] == [
        ("<place>", "", False),
        ("shop", "12", True),
    ]
    assert (page.left, page.waiting, page.here_only) == (0, 0, 2)


def test_what_was_told_in_another_tick_adds_to_its_issue(home):
    told(home, error())
    with home.store.read() as session:
        before = session.scalar(select(Issue.id))
    told(home, *[error()] * 1500)
    with home.store.read() as session:
        assert session.execute(select(Issue.id, Issue.messages)).all() == [(before, 1501)]
        assert session.scalar(select(func.count()).select_from(IssueBlock)) == 3


@pytest.mark.parametrize(
    "value",
    [None, 7, "rose", [], {}, {"chain": []}, {"chain": [], "frames": []}, {"chain": [{}], "frames": [[]]}],
)
def test_what_is_no_error_log_is_taken_in_and_is_no_issue(home, value):
    told(home, value, error())
    assert [one.messages for one in issues.listed(home, NOW).issues] == [1]
    with home.store.read() as session:
        assert session.scalar(select(func.sum(Block.messages))) == 2


def test_names_with_a_nul_or_half_a_character_are_shown_without(home):
    told(home, error(12, "Rose\0Error"))
    building.spool_bytes(
        home,
        frame(b'[%d,{"kind":"home/error","error_log":{"chain":[{"type":"\\ud800x","shapes":[]}],"frames":[]}}]' % 6, 0),
    )
    intake.take(home, NOW)
    assert "Rose\ufffdError" in {one.title for one in issues.listed(home, NOW).issues}


def test_what_waits_and_what_left_is_counted_with_its_attempt(home):
    told(home, error(), error(), error(14))
    sealing.seal_waiting(home, NOW)
    number = next(one.id for one in issues.listed(home, NOW).issues if one.messages == 2)
    page = issues.one(home, number, NOW)
    assert (page.left, page.waiting, page.here_only) == (0, 2, 0)
    assert [(batch.sequence, batch.messages, batch.attempt, batch.waits) for batch in page.batches] == [
        (1, 2, None, True)
    ]
    tried = begin(home)
    finish(home, tried, "accepted", status=200, receipt="a.b.c")
    page = issues.one(home, number, NOW)
    assert (page.left, page.waiting, page.here_only) == (2, 0, 0)
    assert [(b.messages, b.attempt, b.outcome, b.waits) for b in page.batches] == [(2, tried.id, "accepted", False)]


def test_with_the_case_on_local_nothing_left_and_all_is_shown(tmp_path):
    home = building.build(tmp_path, mode="local")
    told(home, error(), error())
    sealing.seal_waiting(home, NOW)
    (one,) = issues.listed(home, NOW).issues
    page = issues.one(home, one.id, NOW)
    assert (page.left, page.waiting, page.here_only, page.batches) == (0, 0, 2, ())
    home.close()


def test_an_issue_goes_with_the_last_of_its_messages(home):
    told(home, error(), error(14))
    with home.store.write() as session:
        facts.put(session, "heartbeat", {})
    later = NOW + timedelta(days=home.settings.keep.local_days - 1)
    building.spool_bytes(home, frame({"kind": KIND, "error_log": error()}, 0))
    intake.take(home, later)
    assert sorted(one.messages for one in issues.listed(home, later).issues) == [1, 2]
    pruning.prune(home, later + timedelta(days=2))
    assert [one.messages for one in issues.listed(home, later).issues] == [1]
    pruning.prune(home, later + timedelta(days=home.settings.keep.local_days + 1))
    assert issues.listed(home, later).issues == ()
    with home.store.read() as session:
        assert session.scalar(select(func.count()).select_from(IssueBlock)) == 0


def test_beyond_a_number_of_issues_the_rest_is_kept_and_told(home):
    told(home, *(error(12, f"E{n}Error") for n in range(grouping.MOST + 3)))
    found = issues.listed(home, NOW, limit=1)
    assert (found.total, found.more) == (grouping.MOST, 1)
    with home.store.read() as session:
        assert session.get(Notice, (grouping.MANY, "issues")) is not None
        assert session.scalar(select(func.sum(Block.messages))) == grouping.MOST + 3


def test_the_list_is_searched_as_text_and_paged(home):
    told(home, error(12, "shop.QuotaError"), error(12, "Half%Error"), error(12))
    assert [one.title for one in issues.listed(home, NOW, search="quota").issues] == ["QuotaError"]
    assert [one.title for one in issues.listed(home, NOW, search="%").issues] == ["Half%Error"]
    assert issues.listed(home, NOW, search="shop:buy").total == 3
    first = issues.listed(home, NOW, limit=2)
    rest = issues.listed(home, NOW, limit=2, skip=first.more)
    assert len({one.id for one in (*first.issues, *rest.issues)}) == 3
    assert rest.more is None


def test_messages_from_before_this_release_are_gone_through(home):
    told(home, error(), error(14))
    building.spool(home, range(3))
    intake.take(home, NOW)
    told(home, error())
    with home.store.write() as session:
        newest = session.scalar(select(func.max(Block.id)))
        session.execute(delete(IssueBlock).where(IssueBlock.block_id < newest))
        session.execute(delete(Issue).where(Issue.id.not_in(select(IssueBlock.issue_id))))
        facts.put(session, grouping.NOT_GROUPED, newest)
    assert issues.listed(home, NOW).behind
    assert grouping.catch_up(home, NOW) == 3
    assert grouping.catch_up(home, NOW) == 0
    found = issues.listed(home, NOW)
    assert sum(sum(one.hours) for one in found.issues) == 3
    assert not found.behind


def test_a_database_of_1_0_0_with_messages_says_that_they_wait_to_be_gone_through(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'home.db'}")
    config = Config()
    config.set_main_option("script_location", "diffgram_home:migrations")
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        old = {"case": "event", "taken_at": NOW, "messages": 1, "sealed_to": 0, "size_bytes": 2, "zstd": b"x"}
        session.execute(insert(Block), [{**old, "waiting": True}] * 3)
    assert migrate(store)
    with store.read() as session:
        assert facts.get(session, grouping.NOT_GROUPED) == 3
    store.close()
