"""Issues for programs of the staff: the list with filters, one issue, what can be done about it, and who may."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corporate.app import create_app
from corporate.pages.programs import describe
from tests.corporate.issuing import Shop, check, failed, opened, release
from tests.corporate.running import PASSWORD

NOW = datetime.now(UTC)
SHAPE = {"code", "message", "hint", "retry"}
WHO = {"name": "administrator", "password": PASSWORD}


class Program:
    """A program, with a session unless told otherwise."""

    def __init__(self, shop: Shop, *, signed_in: bool = True) -> None:
        self.client: FlaskClient = create_app(shop.server.settings, "pages", shop.server).test_client()
        self.token = ""
        if signed_in:
            self.token = self.ask("POST", "/session", WHO, status=201)["token"]

    def ask(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The answer's JSON; `body` is sent as JSON."""
        sent = ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | headers
        answer = self.client.open(f"/api/v1{path}", method=method, json=body, headers=sent, base_url="http://127.0.0.1")
        assert answer.status_code == status, answer.data
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json if answer.data else None


@pytest.fixture(scope="module")
def shop(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two customers, two releases, errors of three functions."""
    made = opened(tmp_path_factory.mktemp("programs"), make_url())
    first = made.released(release("1.0.0"), NOW - timedelta(days=9))
    second = made.released(release("1.1.0", moved=5), NOW - timedelta(days=1))
    one, two = made.home("St Mary", first), made.home("Nordlicht", second)
    one.send(*[failed("save", 3, "email")] * 3, failed("check", 1, kind="KeyError"), at="2026-11-12T10:20:30Z")
    two.send(failed("load", 2, module="shop.quota", moved=5), at=NOW.strftime("%Y-%m-%dT00:00:00Z"))
    made.follow()
    yield made
    check(made)
    made.store.close()


@pytest.fixture(scope="module")
def program(shop: Shop) -> Program:
    return Program(shop)


def numbers(program: Program, query: str) -> list[int]:
    return [issue["id"] for issue in program.ask("GET", f"/issues?{query}")["issues"]]


def test_the_list_has_the_filters_of_the_page_and_says_how_many_fit(program: Program):
    found = program.ask("GET", "/issues")
    assert (len(found["issues"]), found["total"], found["after"]) == (3, 3, None)
    (most,) = [issue for issue in found["issues"] if issue["count"] == 3]
    assert numbers(program, "sort=count")[0] == most["id"]
    assert numbers(program, "words=KeyError") != [most["id"]]
    assert len(numbers(program, "words=KeyError")) == 1
    assert len(numbers(program, "customer=Nordlicht")) == 1
    assert numbers(program, "state=resolved") == []
    assert numbers(program, "until=2026-11-01") == []
    assert most["id"] not in numbers(program, "since=2026-11-20")
    assert datetime.fromisoformat(most["last_at"]).tzinfo is not None


def test_one_issue_has_all_that_its_page_shows(program: Program):
    number = numbers(program, "sort=count")[0]
    one = program.ask("GET", f"/issues/{number}")
    assert one["error_log"]["chain"][0]["type"] == "ValueError"
    assert one["shown_by"][0]["count"] == 3
    assert one["releases"][0]["name"] == "shop 1.0.0"
    assert sum(one["days"].values()) in (0, 3)


def test_states_change_with_their_limits_and_stand_in_the_history_with_the_account(program: Program):
    number = numbers(program, "words=KeyError")[0]
    resolved = program.ask("PUT", f"/issues/{number}/state", {"state": "resolved", "release": "shop 1.1.0"})
    assert (resolved["state"], resolved["resolved_in"]) == ("resolved", "shop 1.1.0")
    ignored = program.ask("PUT", f"/issues/{number}/state", {"state": "ignored", "events": 5, "days": 2})
    assert (ignored["state"], ignored["ignored_count"]) == ("ignored", ignored["count"] + 5)
    assert program.ask("PUT", f"/issues/{number}/state", {"state": "open"})["state"] == "open"
    assert program.ask("PUT", f"/issues/{number}/assigned", {"name": "administrator"})["assigned_to"] == "administrator"
    assert program.ask("PUT", f"/issues/{number}/assigned", {"name": None})["assigned_to"] is None
    told = program.ask("POST", f"/issues/{number}/comments", {"words": "mended in review"}, 201)["acts"]
    assert {act["what"] for act in told} >= {"resolved", "ignored", "reopened", "assigned", "commented"}
    assert {act["actor"] for act in told if act["what"] == "commented"} == {"administrator"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/issues/999999", None, 404, "issue"),
        ("PUT", "/issues/999999/state", {"state": "open"}, 404, "issue"),
        ("PUT", "/issues/1/state", {"state": "regressed"}, 400, "malformed"),
        ("PUT", "/issues/1/state", {"state": "open", "days": 3}, 400, "malformed"),
        ("PUT", "/issues/1/state", {"state": "ignored", "days": 401}, 400, "limit"),
        ("PUT", "/issues/1/state", {"state": "ignored", "days": 2.5}, 400, "malformed"),
        ("PUT", "/issues/1/state", {"state": "resolved", "release": "shop 9"}, 400, "release"),
        ("PUT", "/issues/1/state", {"state": "resolved", "release": "a\0b"}, 400, "malformed"),
        ("PUT", "/issues/1/assigned", {"name": "nobody I know"}, 400, "account"),
        ("PUT", "/issues/1/assigned", {"name": "\ud800"}, 400, "malformed"),
        ("POST", "/issues/1/comments", {"words": "  "}, 400, "comment"),
        ("POST", "/issues/1/comments", {"words": "x", "more": 1}, 400, "malformed"),
        ("POST", "/issues/1/comments", [], 400, "malformed"),
        ("GET", "/issues?sort=rose", None, 400, "malformed"),
        ("GET", "/issues?since=yesterday", None, 400, "malformed"),
        ("GET", "/issues?rose=1", None, 400, "malformed"),
        ("GET", "/rose", None, 404, "no-such-route"),
        ("DELETE", "/issues", None, 405, "method"),
        ("GET", f"/issues/{2**70}", None, 404, "no-such-route"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_one_shape(
    program: Program, method: str, path: str, body: Any, status: int, code: str
):
    said = program.ask(method, path, body, status)
    assert set(said) == SHAPE
    assert said["code"] == code
    assert "rose" not in json.dumps(said)


def test_nobody_reads_or_does_anything_without_a_session_and_a_cookie_is_none(shop: Shop, program: Program):
    stranger = Program(shop, signed_in=False)
    cookie = {"Cookie": f"corporate={program.token}"}
    for headers in ({}, cookie, {"Authorization": "Bearer rose"}, {"Authorization": f"Basic {program.token}"}):
        for method, path in (("GET", "/issues"), ("GET", "/issues/1"), ("PUT", "/issues/1/state"), ("GET", "/rose")):
            said = stranger.ask(method, path, {"state": "open"} if method == "PUT" else None, 401, **headers)
            assert said["code"] == "not-signed-in"
    pages = stranger.client.get(
        "/issues", headers={"Authorization": f"Bearer {program.token}"}, base_url="http://127.0.0.1"
    )
    assert pages.status_code == 303, "a program's header opens no page"


def test_a_wrong_password_is_refused_then_slowed_and_a_session_that_was_ended_is_over(shop: Shop):
    ended = Program(shop)
    ended.ask("DELETE", "/session", status=204)
    assert ended.ask("GET", "/issues", status=401)["code"] == "not-signed-in"
    assert ended.ask("DELETE", "/session", status=401)["code"] == "not-signed-in"
    stranger = Program(shop, signed_in=False)
    for _ in range(5):
        stranger.ask("POST", "/session", {"name": "nobody", "password": "wrong wrong wrong"}, 401)
    assert stranger.ask("POST", "/session", {"name": "nobody", "password": "wrong wrong wrong"}, 429)["retry"]


def test_the_interface_is_described_for_machines_without_a_session(shop: Shop):
    described = Program(shop, signed_in=False).ask("GET", "/openapi.json")
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) == {"/api/v1/session", "/api/v1/issues"} | {
        f"/api/v1/issues/{{number}}{more}" for more in ("", "/state", "/assigned", "/comments")
    }
    assert json.loads(json.dumps(describe()["paths"])) == described["paths"]
    for methods in described["paths"].values():
        assert all("401" in one["responses"] for one in methods.values() if isinstance(one, dict))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([("PUT", "/issues/1/state"), ("PUT", "/issues/1/assigned"), ("POST", "/issues/1/comments")]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.dictionaries(st.sampled_from(["state", "name", "words", "days", "release"]), inner),
        max_leaves=6,
    ),
)
def test_whatever_is_sent_is_answered_and_never_an_error_of_ours(program: Program, to: tuple[str, str], body: Any):
    headers = {"Authorization": f"Bearer {program.token}", "Content-Type": "application/json"}
    answer = program.client.open(
        f"/api/v1{to[1]}", method=to[0], data=json.dumps(body), headers=headers, base_url="http://127.0.0.1"
    )
    assert answer.status_code in (200, 201, 400, 404)
