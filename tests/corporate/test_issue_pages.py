"""The pages and commands of issues: what they show, what they do, and what they say of what makes no sense."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit.gate import Collected
from corporate.app import create_app
from corporate.issues import acting, drawing, finding, healthy, showing
from corporate.issues.finding import Filter
from tests.corporate.issuing import Shop, check, failed, opened, release
from tests.corporate.running import PASSWORD, command

NOW = datetime.now(UTC)
DAY = NOW.strftime("%Y-%m-%dT00:00:00Z")


class Reader:
    """Somebody of the staff, signed in."""

    def __init__(self, shop: Shop) -> None:
        self.client: FlaskClient = create_app(shop.server.settings, "pages", shop.server).test_client()
        self.form = ""
        self.get("/sign-in")
        self.post("/sign-in", name="administrator", password=PASSWORD)

    def get(self, path: str) -> TestResponse:
        return self._seen(self.client.get(path, base_url="http://127.0.0.1"))

    def post(self, path: str, **fields: object) -> TestResponse:
        sent = self.client.post(path, data={"form": self.form, **fields}, base_url="http://127.0.0.1")
        return self._seen(sent)

    def _seen(self, answer: TestResponse) -> TestResponse:
        token = re.search(rb'name="form" value="([0-9a-f]{64})"', answer.data)
        self.form = token[1].decode() if token else self.form
        return answer


@pytest.fixture(scope="module")
def shop(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two customers, two releases, and errors of three functions."""
    made = opened(tmp_path_factory.mktemp("issue-pages"), make_url())
    places = [
        made.released(release("1.0.0"), NOW - timedelta(days=9)),
        made.released(release("1.1.0", moved=5), NOW - timedelta(days=1)),
    ]
    one, two = made.home("St Mary's Hospital", places[0]), made.home("Nordlicht Klinik", places[1])
    one.send(*[failed("save", 3, "email")] * 3, failed("check", 1, kind="KeyError"), at="2026-11-12T10:20:30Z")
    two.send(failed("save", 3, "integer(2)", moved=5), failed("load", 2, module="shop.quota", moved=5), at=DAY)
    bare = {"chain": [{"type": "<type>", "shapes": []}], "frames": []}
    two.send(bare, at=DAY)
    made.follow()
    yield made
    check(made)
    made.store.close()


@pytest.fixture
def reader(shop: Shop) -> Reader:
    return Reader(shop)


def number(shop: Shop, culprit: str) -> int:
    return next(issue.id for issue in shop.issues() if issue.culprit == culprit)


def titles(reader: Reader, query: str) -> set[str]:
    """Places of the issues that the list shows."""
    page = reader.get(f"/issues?{query}").data.decode()
    return set(re.findall(r'<span class="quiet whole">(shop\.\w+:\w+|no place is known)', page))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"shop.orders:save", "shop.orders:check", "shop.quota:load", "no place is known"}),
        ("words=keyerror", {"shop.orders:check"}),
        ("words=QUOTA+load", {"shop.quota:load"}),
        ("words=%25", set()),
        ("release=shop+1.1.0", {"shop.orders:save", "shop.quota:load", "no place is known"}),
        ("customer=St+Mary%27s+Hospital", {"shop.orders:save", "shop.orders:check"}),
        ("customer=Nordlicht+Klinik&release=shop+1.0.0", set()),
        ("installation=" + "0" * 32, set()),
        ("ours=yes", {"shop.orders:save", "shop.orders:check", "shop.quota:load"}),
        ("assigned=-&ours=yes", {"shop.orders:save", "shop.orders:check", "shop.quota:load"}),
        ("assigned=administrator", set()),
        ("state=resolved", set()),
        ("until=2026-11-12", {"shop.orders:save", "shop.orders:check"}),
        ("until=2026-11-11", set()),
        ("since=2099-01-01", set()),
        (
            "since=soon&sort=colour&state=none&after=x~1&ours=yes&words=check",
            {"shop.orders:check"},
        ),
    ],
)
def test_the_list_shows_what_fits_the_filter(reader: Reader, query: str, found: set[str]) -> None:
    assert titles(reader, query) == found


def test_the_list_is_ordered_and_paged_by_key(shop: Shop) -> None:
    for sort in finding.SORTS:
        rows = finding.find(shop.store, Filter(sort=sort)).rows
        values = [getattr(row, finding.SORTS[sort].key) for row in rows]
        assert values == sorted(values, reverse=True)
        for n, row in enumerate(rows):
            key = finding._key(row, finding.SORTS[sort])
            rest = finding.find(shop.store, Filter(sort=sort, after=key)).rows
            assert [one.id for one in rest] == [one.id for one in rows[n + 1 :]]
    for odd in ("~", "1~", "~1", "x~1", "2026-11-22~1", "9999999999999999999~1", "1~99999999999999999999"):
        for sort in finding.SORTS:
            assert len(finding.find(shop.store, Filter(sort=sort, after=odd)).rows) in (0, 4)


def test_a_page_shows_what_was_said_where_how_often_and_by_whom(shop: Shop, reader: Reader) -> None:
    page = reader.get(f"/issues/{number(shop, 'shop.orders:save')}").data.decode()
    for words in (
        "shop.orders:save:108",
        '<span class="chip">email</span> 3',
        "4</b> events",
        "2</b> installations",
        "St Mary&#39;s Hospital",
        "shop 1.1.0",
        "shop 1.0.0",
        'aria-label="By hour, the last 48 hours',
        "opened</b> by corporate",
    ):
        assert words in page, words
    assert "<script" not in page
    assert "style=" not in page


def test_words_stand_plain_and_holes_are_chips_with_their_shapes() -> None:
    code_text = {
        "at": "shop.quota:1",
        "arguments": [["project ", ["integer(2)"], " of ", ["email"], " <b>is</b> full"]],
    }
    error_log = {"chain": [{"type": "Q", "shapes": [], "code_text": code_text}], "frames": []}
    (link,) = showing._chain(error_log, {"0.0.1": [("integer(2)", 7), ("integer(3)", 1)]})
    assert [(piece.text, piece.shape) for piece in link.pieces] == [
        ("project ", ""),
        ("<>", "integer(2)"),
        (" of ", ""),
        ("<>", "email"),
        (" <b>is</b> full", ""),
    ]
    assert link.pieces[1].seen == (("integer(2)", 7), ("integer(3)", 1))


def test_another_event_can_be_looked_at(shop: Shop, reader: Reader) -> None:
    where = f"/issues/{number(shop, 'shop.orders:save')}"
    links = re.findall(rf"{where}\?event=[\d.]+", reader.get(where).data.decode())
    assert len(links) == 4
    oldest = reader.get(links[-1]).data.decode()
    assert "shop.orders:save:103" in oldest
    assert 'aria-current="true"' in oldest
    for odd in ("0.0", "x", "1.", "99999999999999999999.1"):
        assert "shop.orders:save:108" in reader.get(f"{where}?event={odd}").data.decode()


def test_everything_that_can_be_done_is_done_and_stands_in_the_history(shop: Shop, reader: Reader) -> None:
    of = number(shop, "shop.orders:check")
    where = f"/issues/{of}"
    reader.get(where)
    for path, fields, said in (
        ("resolve", {"release": "shop 1.1.0"}, "in shop 1.1.0"),
        ("reopen", {}, "open"),
        ("resolve", {"release": ""}, "in the next release"),
        ("reopen", {}, "open"),
        ("ignore", {"events": "5", "installations": "", "days": "30"}, "until more than 6 events"),
        ("reopen", {}, "open"),
        ("ignore", {"events": "", "installations": "", "days": ""}, "ignored"),
        ("reopen", {}, "open"),
        ("assign", {"name": "administrator"}, "assigned to <b>administrator</b>"),
        ("assign", {"name": ""}, "assigned to <b>nobody</b>"),
        ("comment", {"words": "  seen it\ntoo <b>  "}, "seen it\ntoo &lt;b&gt;"),
    ):
        answer = reader.post(f"{where}/{path}", **fields)
        assert (answer.status_code, answer.headers["Location"]) == (303, where), path
        assert said in reader.get(where).data.decode(), (path, said)
    found = showing.show(shop.store, of, NOW)
    assert found is not None
    done = [act.what for act in reversed(found.acts)]
    turns = ["resolved", "reopened"] * 2 + ["ignored", "reopened"] * 2
    assert done == ["opened", *turns, "assigned", "unassigned", "commented"]
    assert {act.actor for act in found.acts[:-1]} == {"administrator"}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("resolve", {"release": "shop 9.9.9"}),
        ("ignore", {"events": "0"}),
        ("ignore", {"events": "many"}),
        ("ignore", {"days": "401"}),
        ("ignore", {"installations": "9" * 30}),
        ("assign", {"name": "nobody of ours"}),
        ("comment", {"words": "  "}),
        ("comment", {"words": "x" * 4001}),
        ("merge", {"other": "x"}),
        ("merge", {"other": "999999"}),
        ("split", {}),
        ("split", {"group": "999999"}),
        ("split", {"group": "x"}),
    ],
)
def test_what_makes_no_sense_is_answered_with_what_to_do(
    shop: Shop, reader: Reader, path: str, fields: dict[str, str]
) -> None:
    where = f"/issues/{number(shop, 'shop.quota:load')}"
    reader.get(where)
    answer = reader.post(f"{where}/{path}", **fields)
    assert (answer.status_code, b'role="alert"' in answer.data) == (400, True)


def test_an_issue_that_is_not_there_is_not_found_and_a_foreign_form_does_nothing(shop: Shop, reader: Reader) -> None:
    of = number(shop, "shop.quota:load")
    reader.get(f"/issues/{of}")
    for wanted in (999_999, 10**30):
        assert reader.get(f"/issues/{wanted}").status_code == 404
        assert reader.post(f"/issues/{wanted}/reopen").status_code == 404
    reader.form = "0" * 64
    assert reader.post(f"/issues/{of}/resolve", release="").status_code == 403
    assert next(issue.state for issue in shop.issues() if issue.id == of) == "open"


def test_merging_moves_events_and_history_and_splitting_gives_them_back(shop: Shop, reader: Reader) -> None:
    one, other = number(shop, "shop.orders:save"), number(shop, "shop.quota:load")
    before = {issue.id: issue.count for issue in shop.issues()}
    reader.get(f"/issues/{one}")
    assert reader.post(f"/issues/{one}/merge", other=f"#{other}").status_code == 303
    check(shop)
    merged = showing.show(shop.store, one, NOW)
    assert merged is not None
    assert (merged.issue.count, len(merged.groups)) == (before[one] + before[other], 2)
    assert showing.show(shop.store, other, NOW) is None
    page = reader.get(f"/issues/{one}").data.decode()
    group = next(group.id for group in merged.groups if group.culprit == "shop.quota:load")
    assert f'name="group" value="{group}"' in page
    assert reader.post(f"/issues/{one}/split", group=str(group)).status_code == 303
    check(shop)
    again = number(shop, "shop.quota:load")
    del before[other]
    counts = {issue.id: issue.count for issue in shop.issues() if issue.id != again}
    assert counts == {number: count for number, count in before.items() if number != again}
    assert next(issue.count for issue in shop.issues() if issue.id == again) == 1


def test_what_arrives_after_merging_is_counted_where_it_was_merged_to(shop: Shop) -> None:
    home = shop.home("Lakeside", shop.released(release("1.0.0"), NOW))
    one, other = number(shop, "shop.orders:save"), number(shop, "shop.quota:load")
    acting.merge(shop.store, one, other, "ada", NOW)
    count = next(issue.count for issue in shop.issues() if issue.id == one)
    home.send(failed("load", 2, module="shop.quota"))
    shop.follow()
    assert next(issue.count for issue in shop.issues() if issue.id == one) == count + 1
    check(shop)
    groups = showing.show(shop.store, one, NOW).groups  # type: ignore[union-attr]
    acting.split(shop.store, one, [g.id for g in groups if g.culprit == "shop.quota:load"], "ada", NOW)
    check(shop)


def test_rules_are_made_and_removed_on_their_page(reader: Reader) -> None:
    page = reader.get("/issues/rules")
    assert page.status_code == 200
    assert reader.post("/issues/rules", name="x").status_code == 400
    assert reader.post("/issues/rules", name="all of quota", place="shop.quotation").status_code == 303
    shown = reader.get("/issues/rules").data.decode()
    assert "all of quota" in shown
    (made,) = re.findall(r"/issues/rules/(\d+)/remove", shown)
    assert reader.post(f"/issues/rules/{made}/remove").status_code == 303
    assert reader.post(f"/issues/rules/{made}/remove").status_code == 404


def test_everything_that_a_page_does_a_command_does(shop: Shop) -> None:
    config = shop.server.settings.path
    of = str(number(shop, "shop.orders:check"))
    listed = command(config, "issue", "list", "--words", "check", "--state", "all", "--json").stdout
    assert f'"id": {of},' in listed
    for arguments, said in (
        (("resolve", of, "--in", "shop 1.1.0"), "is resolved in shop 1.1.0"),
        (("open", of), "is open"),
        (("ignore", of, "--events", "5"), "is ignored"),
        (("assign", of, "administrator"), "is assigned to administrator"),
        (("comment", of, "by command"), "has your comment"),
    ):
        assert said in command(config, "issue", *arguments).stdout
    shown = command(config, "issue", "show", of).stdout
    assert "shop.orders:check" in shown
    assert "by command" in shown
    command(config, "issue", "show", "999999", code=1)
    command(config, "issue", "resolve", of, "--in", "none", code=1)


def test_graphs_have_a_bar_for_each_hour_and_day_with_events() -> None:
    now = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    hour, day = int(now.timestamp()) // 3600, int(now.timestamp()) // 86_400
    made = drawing.hours({hour: 4, hour - 47: 1, hour - 48: 9}, now)
    assert (made.total, len(made.counts), [bar.x for bar in made.bars]) == (5, 48, [1, 471])
    assert made.bars[0].height < made.bars[1].height <= drawing.HEIGHT
    assert (made.begins[0], made.begins[-1]) == (
        now.replace(minute=30) - timedelta(hours=47, minutes=30),
        now.replace(minute=0),
    )
    assert drawing.days({day: 1_000_000, day - 89: 1}, now).bars[0].height == 2
    assert drawing.days({}, now).bars == ()


def test_events_of_a_day_are_summed_as_days(shop: Shop) -> None:
    found = showing.show(shop.store, number(shop, "shop.orders:save"), datetime(2026, 11, 22, 9, tzinfo=UTC))
    assert found is not None
    days = dict(zip((at.date().isoformat() for at in found.days.begins), found.days.counts, strict=True))
    assert days["2026-11-12"] == 3
    assert sum(days.values()) == 3 + days.get(NOW.date().isoformat(), 0) * (NOW.date().isoformat() != "2026-11-12")


def test_release_health_sums_the_sessions_that_are_here(shop: Shop, reader: Reader) -> None:
    assert "No sessions were told" in reader.get("/issues/releases").data.decode()
    counted = {"kind": healthy.KIND, "at": DAY[:10], "day": DAY[:10], "counted": "browsers"}
    said = [
        {**counted, "release": "1.1.0", "sessions": 300, "errored": 3},
        {**counted, "release": "1.1.0", "sessions": 100, "errored": 1},
        {**counted, "release": "1.0.0", "sessions": 10, "errored": -1},
        {**counted, "counted": "programs", "sessions": 7, "errored": 7},
    ]
    for _ in range(2):
        home = shop.home("Lakeside", shop.released(release("1.0.0"), NOW))
        shop.accept(home.pretend, home.pretend.seal(1, [Collected(1, one) for one in said], case="browser"))
    rows = [
        (row.release, row.counted, row.sessions, row.errored, row.installations)
        for row in healthy.of_releases(shop.store, NOW)
    ]
    assert rows == [("1.1.0", "browsers", 800, 8, 2), ("1.0.0", "browsers", 20, 0, 2), ("", "programs", 14, 14, 2)]
    assert "99.00 %" in reader.get("/issues/releases").data.decode()
    assert "99.00 % without errors" in command(shop.server.settings.path, "issue", "releases").stdout
