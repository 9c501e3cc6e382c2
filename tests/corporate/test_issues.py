"""Issues: every error is counted once, and what is deleted is in no count any more."""

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from audit.deletion import Scope
from corporate import deleting, removing
from corporate.database import EVERYBODY
from corporate.issues import acting, following, rules, states
from corporate.keys import DELETIONS
from corporate.models import (
    Base,
    Batch,
    Issue,
    IssueAct,
    IssueGroup,
    IssueHour,
    IssuePart,
    IssueShape,
    Sighting,
    StoredIndex,
)
from tests.corporate.issuing import Home, Shop, check, failed, opened, release
from tests.corporate.pretend import CORE

COUNTED = (Sighting, IssueShape, IssueHour, IssuePart, IssueAct, IssueGroup, Issue)
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def place(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One database for the module."""
    made = opened(tmp_path_factory.mktemp("issues"), make_url())
    yield made
    made.store.close()


@pytest.fixture
def shop(place: Shop) -> Shop:
    """Nothing is counted yet, and nothing that others sent will be."""
    with place.store.writing(EVERYBODY) as session:
        for table in COUNTED:
            session.execute(table.__table__.delete())
        session.execute(update(Batch).values(read_at=NOW))
        session.execute(text("DELETE FROM message"))
        session.execute(text("DELETE FROM issue_rule"))
    place.server._indexes.clear()
    return place


def delete(home: Home, scope: Scope) -> None:
    """Delete on the customer's wish; what was foreseen is what the statement says."""
    server = home.corporate.server
    foreseen = deleting.foresee(server.store, home.id, scope)
    token = deleting.by_staff(server.store, server.keys.of(DELETIONS), 35, home.id, scope, "ada", datetime.now(UTC))
    said = deleting.deletion.read(token, deleting.signed.ring(server.keys.of(DELETIONS).public_key()))
    assert dict(foreseen.counts) == dict(said.counts)
    assert all(said.counts.values())


def test_errors_are_grouped_counted_and_nothing_else_is(shop: Shop) -> None:
    places = shop.released(release("1.0.0"))
    one, two = shop.home("St Mary", places), shop.home("Lakeside", places)
    one.send(failed("save"), failed("save", 3, "email"), failed("check"), None)
    two.send(failed("save", 3, "integer(2)"), at="2026-11-21T15:00:00Z")
    assert shop.follow() == 4
    assert shop.follow() == 0
    check(shop)
    found = {issue.culprit: (issue.count, issue.installations, issue.state) for issue in shop.issues()}
    assert found == {"shop.orders:save": (3, 2, "open"), "shop.orders:check": (1, 1, "open")}


def test_a_release_whose_lines_moved_shows_the_same_issue(shop: Shop) -> None:
    old, new = shop.released(release("1.0.0")), shop.released(release("1.1.0", moved=7))
    shop.home("St Mary", old).send(failed("save"))
    shop.home("Lakeside", new).send(failed("save", moved=7))
    shop.follow()
    (issue,) = shop.issues()
    assert (issue.count, issue.installations) == (2, 2)


def test_an_event_from_the_future_happened_when_it_arrived(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed(), at=(datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    shop.follow()
    assert shop.issues()[0].last_at <= datetime.now(UTC)


def test_a_round_that_is_not_committed_counts_nothing_and_the_next_one_counts_it_once(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed(), failed("check"))
    lost = following.read(shop.server, set())
    assert len(lost.seen) == 2, "killed here: nothing was marked"
    assert shop.follow() == 2
    assert following.write(shop.server, lost, NOW) == 0, "what a slower follower read is marked already"
    check(shop)


def test_followers_beside_each_other_and_beside_ingest_count_once(shop: Shop) -> None:
    homes = [shop.home(places=shop.released(release("1.0.0"))) for _ in range(2)]

    def sending(home: Home) -> None:
        for _ in range(6):
            home.send(*[failed(random.Random(home.id).choice(("save", "check"))) for _ in range(5)])

    counted: list[int] = []
    workers = [threading.Thread(target=sending, args=(home,)) for home in homes]
    workers += [threading.Thread(target=lambda: counted.append(shop.follow())) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counted) + shop.follow() == 60
    check(shop)


def test_a_batch_of_a_lower_number_that_is_committed_later_is_counted_too(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed())
    home.send(failed("check"))
    with shop.store.writing(EVERYBODY) as session:
        unread = session.execute(select(Batch).where(Batch.read_at.is_(None)).order_by(Batch.id)).scalars().all()
        unread[0].read_at = NOW
        lower = unread[0].id
    assert shop.follow() == 1
    with shop.store.writing(EVERYBODY) as session:
        session.get_one(Batch, lower).read_at = None
    assert shop.follow() == 1
    check(shop)


def test_a_batch_that_cannot_be_read_stops_nobody_elses(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed())
    with shop.store.writing(EVERYBODY) as session:
        broken = session.execute(select(Batch).where(Batch.read_at.is_(None))).scalar_one()
        kept, broken.header = broken.header, "{"
        number = broken.id
    home.send(failed("check"))
    failing: set[int] = set()
    assert following.catch_up(shop.server, NOW, failing) == 1
    assert failing == {number}
    assert f"batch {number}" in caplog.text
    with shop.store.writing(EVERYBODY) as session:
        session.get_one(Batch, number).header = kept
    assert shop.follow() == 1
    check(shop)


def test_deleting_everything_leaves_no_count_shape_issue_or_comment(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed("save", 3, "email"), failed("check"))
    home.send(failed("save", 3, "uuid"))
    shop.follow()
    assert all(shop.rows(table) for table in COUNTED)
    delete(home, Scope("everything"))
    assert {table.__tablename__: shop.rows(table) for table in COUNTED} == {t.__tablename__: 0 for t in COUNTED}
    check(shop)


def test_what_another_installation_showed_stays_with_its_own_times_and_shapes(shop: Shop) -> None:
    places = shop.released(release("1.0.0"))
    one, two = shop.home("St Mary", places), shop.home("Lakeside", places)
    one.send(failed("save", 3, "email"), at="2026-11-20T01:00:00Z")
    two.send(failed("save", 3, "uuid"), at="2026-11-21T02:00:00Z")
    one.send(failed("save", 3, "email"), failed("check"), at="2026-11-22T03:00:00Z")
    shop.follow()
    delete(one, Scope("case", "event"))
    (issue,) = shop.issues()
    at = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert (issue.count, issue.installations, issue.first_at, issue.last_at) == (1, 1, at, at)
    with shop.store.reading(EVERYBODY) as session:
        assert session.execute(select(IssueShape.shape)).scalars().all() == ["uuid"]
    check(shop)


def test_deleting_the_field_of_the_error_takes_it_out_and_deleting_the_time_moves_it(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed("save", 3, "email"), failed("check"), at="2026-11-20T01:00:00Z")
    shop.follow()
    delete(home, Scope("field", field=CORE.fields["home.at"].hash))
    (first, _) = shop.issues()
    assert first.last_at > NOW - timedelta(minutes=30), "nothing says any more when it was but its arrival"
    check(shop)
    delete(home, Scope("field", field=CORE.fields["home.error_log"].hash))
    assert [shop.rows(table) for table in COUNTED] == [0] * len(COUNTED)


def test_a_batch_deleted_between_reading_and_writing_is_not_counted(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed())
    found = following.read(shop.server, set())
    delete(home, Scope("everything"))
    assert following.write(shop.server, found, NOW) == 0
    assert shop.follow() == 0
    assert shop.issues() == []


def test_a_field_deleted_between_reading_and_writing_is_not_counted(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed(), project_id=4)
    found = following.read(shop.server, set())
    delete(home, Scope("field", field=CORE.fields["home.error_log"].hash))
    assert following.write(shop.server, found, NOW) == 0
    assert shop.follow() == 0
    assert shop.issues() == []


def test_any_order_of_sending_counting_and_deleting_ends_at_what_is_here(shop: Shop) -> None:
    chance = random.Random(20261122)
    places = [shop.released(release("1.0.0")), shop.released(release("1.1.0", moved=9))]
    homes = [shop.home(f"customer {n % 2}", places[n % 2]) for n in range(3)]
    fields = [CORE.fields[name].hash for name in ("home.at", "home.project_id", "home.error_log")]
    for _ in range(45):
        home = chance.choice(homes)
        moved = 9 * homes.index(home) % 18
        what = chance.random()
        if what < 0.6:
            logs = [
                failed(
                    chance.choice(("save", "check", "load")),
                    chance.randint(1, 2),
                    chance.choice(("email", "uuid")),
                    moved=moved,
                )
                for _ in range(chance.randint(1, 4))
            ]
            home.send(*logs, at=f"2026-11-{chance.randint(10, 20)}T{chance.randint(0, 23):02}:00:00Z", project_id=5)
        elif what < 0.8:
            shop.follow()
        elif what < 0.9:
            with shop.store.reading(EVERYBODY) as session:
                wanted = select(Batch.sha256).where(Batch.installation_id == home.id, Batch.deleted_at.is_(None))
                found = list(session.execute(wanted).scalars())
            if found:
                delete(home, Scope("batch", batch=chance.choice(found)))
        else:
            delete(home, Scope("field", field=chance.choice(fields)))
        check(shop)
    shop.follow()
    check(shop)
    for home in homes:
        delete(home, Scope("everything"))
    assert [shop.rows(table) for table in COUNTED] == [0] * len(COUNTED)


def test_a_resolved_issue_comes_back_with_a_newer_release_only(shop: Shop) -> None:
    day = timedelta(days=1)
    old = shop.released(release("1.9.0"), NOW - 9 * day)
    new = shop.released(release("1.10.0", moved=3), NOW - 8 * day)
    one, two = shop.home("St Mary", old), shop.home("Lakeside", new)
    one.send(failed())
    shop.follow()
    (issue,) = shop.issues()
    with shop.store.writing(EVERYBODY) as session:
        row = session.get_one(Issue, issue.id)
        row.state, row.resolved_in, row.resolved_at = states.RESOLVED, "shop 1.10.0", NOW
    one.send(failed())
    shop.follow()
    assert shop.issues()[0].state == "resolved", "a release before: that it is still there was known"
    two.send(failed(moved=3))
    shop.follow()
    assert shop.issues()[0].state == "regressed"
    with shop.store.reading(EVERYBODY) as session:
        acts = [(act.what, act.actor, act.words) for act in session.execute(select(IssueAct)).scalars()]
    assert acts == [("opened", "corporate", ""), ("regressed", "corporate", "shop 1.10.0")]


@pytest.mark.parametrize(
    ("limit", "value", "sent"), [("ignored_count", 3, 3), ("ignored_installations", 1, 1), ("ignored_until", NOW, 1)]
)
def test_an_ignored_issue_is_open_again_at_its_limit_and_not_before(
    shop: Shop, limit: str, value: object, sent: int
) -> None:
    places = shop.released(release("1.0.0"))
    home = shop.home("St Mary", places)
    home.send(failed())
    shop.follow()
    with shop.store.writing(EVERYBODY) as session:
        row = session.execute(select(Issue)).scalar_one()
        row.state = states.IGNORED
        setattr(row, limit, value)
    for _ in range(sent - 1):
        home.send(failed())
    shop.follow(NOW - timedelta(seconds=1))
    assert shop.issues()[0].state == "ignored"
    if limit == "ignored_installations":
        home = shop.home("Lakeside", places)
    if limit != "ignored_until":
        home.send(failed())
    shop.follow(NOW)
    assert shop.issues()[0].state == "open"
    check(shop)


RELEASED = {"shop 1.2": NOW, "shop 1.10": NOW - timedelta(days=1), "nightly": NOW + timedelta(days=1)}


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        ("shop 1.10", "shop 1.2", True),
        ("shop 1.2", "shop 1.10", False),
        ("shop 1.2.0", "shop 1.2", False),
        ("shop 2", "shop 1.99.99", True),
        ("nightly", "shop 1.2", True),
        ("shop 1.2", "nightly", False),
        ("unknown", "nightly", False),
        ("shop 1.2", "store 1.1", False),
    ],
)
def test_versions_tell_which_release_is_newer_and_else_when_it_was_added(one: str, other: str, newer: bool) -> None:
    assert states.is_newer(one, other, RELEASED) is newer


def test_a_rule_makes_one_issue_of_what_it_fits(shop: Shop) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    number = rules.make(shop.store, "everything about orders", None, "shop.orders", None, "ada", NOW)
    rules.make(shop.store, "values", "ValueError", None, None, "ada", NOW)
    home.send(
        failed("save"),
        failed("check"),
        failed("save", module="shop.quota"),
        failed("load", kind="KeyError", module="shop.quota"),
    )
    shop.follow()
    check(shop)
    assert sorted((issue.title, issue.count) for issue in shop.issues()) == [
        ("KeyError", 1),
        ("everything about orders", 2),
        ("values", 1),
    ]
    rules.remove(shop.store, number)
    home.send(failed("load", kind="KeyError"))
    shop.follow()
    assert len(shop.issues()) == 4


def test_every_table_of_issues_is_one_that_deletions_reach() -> None:
    from_models = {name for name in Base.metadata.tables if name.startswith(("issue", "sighting"))}
    assert from_models - {"issue_rule"} == set(following_tables())


def following_tables() -> tuple[str, ...]:
    return removing.forgetting.TABLES


def test_releases_are_found_by_the_index_that_a_batch_names(shop: Shop) -> None:
    shop.home(places=shop.released(release("7.0.0"))).send(failed())
    shop.follow()
    with shop.store.reading(EVERYBODY) as session:
        assert session.execute(select(IssuePart.release)).scalars().all() == ["shop 7.0.0"]
        assert session.execute(select(StoredIndex).where(StoredIndex.release == "shop 7.0.0")).scalars().first()


@pytest.mark.parametrize("oldest", [True, False])
def test_a_split_leaves_each_issue_the_name_of_its_own_groups(shop: Shop, oldest: bool) -> None:
    home = shop.home(places=shop.released(release("1.0.0")))
    home.send(failed("save"))
    shop.follow()
    home.send(failed("check"))
    shop.follow()
    first, second = shop.issues()
    acting.merge(shop.store, first.id, second.id, "ada", NOW)
    with shop.store.reading(EVERYBODY) as session:
        groups = list(session.execute(select(IssueGroup).order_by(IssueGroup.id)).scalars())
    chosen, stays = groups if oldest else reversed(groups)
    new = acting.split(shop.store, first.id, [chosen.id], "ada", NOW)
    check(shop)
    assert {issue.id: issue.culprit for issue in shop.issues()} == {first.id: stays.culprit, new: chosen.culprit}
