"""Step-up: what lets more leave, or deletes, asks again who one is; what narrows never does; no form is lost."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser

from diffgram_home import freshness, people, permissions, reading
from diffgram_home.app import create_app
from diffgram_home.confirming import FIELD
from diffgram_home.home import Home
from diffgram_home.pages import PAGES
from tests.browser import open_tab
from tests.web.test_routes import routes
from tests.web.world import PASSWORD, Inside, open_world, serving

STALE = freshness.FRESH + timedelta(minutes=1)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An installation with one person for each role, that the tests may change."""
    made = open_world(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(home: Home) -> Flask:
    """Its application."""
    return create_app(home.settings)


@pytest.fixture
def inside(home: Home, app: Flask) -> Inside:
    """Its pages, asked in this process."""
    return Inside(home, "", {}, app.test_client(use_cookies=False))


def stale(home: Home, role: str) -> str:
    """A session that is used, by somebody who signed in longer ago than is fresh."""
    found = people.sign_in(home, f"{role}.person", PASSWORD, "192.0.2.2", datetime.now(UTC) - STALE)
    assert isinstance(found, people.SignedIn)
    assert people.signed_in(home, found.token, datetime.now(UTC))
    return found.token


def test_every_decision_of_the_pages_is_in_the_table_once_and_nothing_else_is() -> None:
    app = Flask("diffgram_home", static_folder=None)
    for page in PAGES:
        app.register_blueprint(page.routes)
    posts = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not permissions.is_way_in(app.view_functions, rule.endpoint)
    }
    assert sorted([*freshness.ASKS, *freshness.NEVER]) == sorted(posts)


def test_a_decision_that_nobody_classified_asks_always() -> None:
    assert freshness.asked("new.page", {}) is not None
    assert freshness.asked("", {"mode": "off"}) is not None


@pytest.mark.parametrize(
    ("endpoint", "widens", "narrows"),
    [
        ("cases.switch", {"mode": "on"}, {"mode": "off"}),
        ("cases.switch", {"mode": "on"}, {"mode": "local"}),
        ("fields.switch", {"mode": "on"}, {"mode": "off"}),
        ("queue.set_level", {"level": "none"}, {"level": "two"}),
    ],
)
def test_the_same_form_asks_only_where_it_widens(endpoint: str, widens: dict, narrows: dict) -> None:
    assert freshness.asked(endpoint, widens)
    assert freshness.asked(endpoint, narrows) is None


def test_whoever_signed_in_a_while_ago_is_asked_by_every_route_that_asks(app: Flask, inside: Inside) -> None:
    tokens = {role: stale(inside.home, role) for role in permissions.ROLES}
    values = {role: inside.form_value(token) for role, token in tokens.items()}
    for rule, method, address, declared in routes(app):
        if method != "POST" or declared.without_sign_in or rule.endpoint in freshness.NEVER:
            continue
        role = next(role for role in permissions.ROLES if role in declared.roles)
        address = address.replace("/off", "/on")
        got = inside.ask(address, method="POST", token=tokens[role], form={"csrf": values[role], "kept": "as it was"})
        assert (got.status, "Confirm that it is you" in got.text) == (401, True), (rule, got.status)
        assert ("kept", "as it was") in HIDDEN.findall(got.text)
    assert reading.cases(inside.home)[0].own == "local"


def test_what_narrows_never_asks(inside: Inside) -> None:
    token = stale(inside.home, "admin")
    got = inside.ask("/cases/event/off", method="POST", token=token, form={"csrf": inside.form_value(token)})
    assert got.status == 303
    fresh = inside.token("admin")
    inside.ask("/cases/event/local", method="POST", token=fresh, form={"csrf": inside.form_value(fresh)})


def test_the_password_goes_on_with_the_very_form_and_then_nobody_is_asked_for_a_while(inside: Inside) -> None:
    token = stale(inside.home, "admin")
    form = {"csrf": inside.form_value(token), "label": "ward 7 web", "odd": 'wäsche & <"co">'}
    asked = inside.ask("/dsns", method="POST", token=token, form=form)
    kept = {name: html.unescape(value) for name, value in HIDDEN.findall(asked.text) if name != "csrf"}
    assert kept == {"label": "ward 7 web", "odd": 'wäsche & <"co">'}
    assert 'action="/dsns"' in asked.text
    again = {**kept, "csrf": form["csrf"]}
    wrong = inside.ask("/dsns", method="POST", token=token, form={**again, FIELD: "not it"})
    assert (wrong.status, "The password is wrong" in wrong.text) == (401, True)
    assert "not it" not in wrong.text
    assert "ward 7 web" not in inside.ask("/dsns", token=token).text
    right = inside.ask("/dsns", method="POST", token=token, form={**again, FIELD: PASSWORD})
    assert right.status == 303
    assert "ward 7 web" in inside.ask("/dsns", token=token).text
    assert inside.ask("/dsns", method="POST", token=token, form={**again, "label": "more"}).status == 303


def test_the_right_password_does_not_help_a_form_that_is_not_ours_or_a_role_that_may_not(inside: Inside) -> None:
    token = stale(inside.home, "admin")
    other = inside.form_value(inside.token("admin"))
    assert inside.ask("/dsns", method="POST", token=token, form={"csrf": other, FIELD: PASSWORD}).status == 403
    viewer = stale(inside.home, "viewer")
    form = {"csrf": inside.form_value(viewer), "label": "x", FIELD: PASSWORD}
    assert inside.ask("/dsns", method="POST", token=viewer, form=form).status == 403
    assert not people.is_fresh(inside.home, viewer, freshness.FRESH, datetime.now(UTC)), "it was not even looked at"


def test_somebody_elses_password_confirms_nothing(inside: Inside) -> None:
    home, now = inside.home, datetime.now(UTC)
    people.add(home, "b.lind", PASSWORD + " of another", ["admin"], "os:0", now)
    token = stale(home, "admin")
    form = {"csrf": inside.form_value(token), "label": "x", FIELD: PASSWORD + " of another"}
    assert inside.ask("/dsns", method="POST", token=token, form=form).status == 401


def test_guessing_at_a_browser_left_alone_has_to_wait(inside: Inside) -> None:
    home, now = inside.home, datetime.now(UTC)
    found = people.sign_in(home, "operator.person", PASSWORD, "192.0.2.9", now - STALE)
    assert isinstance(found, people.SignedIn)
    said = [people.confirm(home, found.token, "wrong", "192.0.2.9", now) for _ in range(6)]
    assert [one.code for one in said if isinstance(one, people.Denied)] == ["wrong"] * 5 + ["wait"]
    late = people.confirm(home, found.token, PASSWORD, "192.0.2.9", now)
    assert isinstance(late, people.Denied)


def test_fresh_ends_to_the_second_and_a_moment_to_come_is_not_fresh(home: Home) -> None:
    now = datetime.now(UTC)
    found = people.sign_in(home, "viewer.person", PASSWORD, "192.0.2.3", now)
    assert isinstance(found, people.SignedIn)
    for at, fresh in (
        (now, True),
        (now + freshness.FRESH, True),
        (now + freshness.FRESH + timedelta(microseconds=1), False),
        (now - timedelta(microseconds=1), False),
    ):
        assert people.is_fresh(home, found.token, freshness.FRESH, at) is fresh
    assert not people.is_fresh(home, "x" * 43, freshness.FRESH, now)


def test_a_session_that_ended_cannot_be_freshened(home: Home) -> None:
    now = datetime.now(UTC)
    token = stale(home, "security")
    people.sign_out(home, token)
    assert isinstance(people.confirm(home, token, PASSWORD, "192.0.2.4", now), people.Denied)
    assert not people.is_fresh(home, token, freshness.FRESH, now)


def test_it_is_confirmed_by_keyboard_without_scripts(home: Home, chromium: Browser, tmp_path: Path) -> None:
    with serving(home.settings.path) as base:
        tab = open_tab(chromium, java_script_enabled=False, viewport={"width": 360, "height": 740})
        token = stale(home, "admin")
        tab.context.add_cookies([{"name": "home-session", "value": token, "url": base}])
        page = tab.page
        page.goto(f"{base}/dsns")
        page.get_by_label("What it is for").fill("ward page")
        page.get_by_role("button", name="Make a key").press("Enter")
        page.get_by_role("heading", name="Confirm that it is you").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_text("Made, with your name").wait_for()
        assert page.get_by_text("ward page").count()
        tab.context.close()
