"""Every route, asked by everybody: each role, nobody, somebody whose session ended, and a form that is not ours.

The table is made from the application itself, so a new route is in it on the day it is written.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from diffgram_home import permissions
from diffgram_home.app import create_app
from tests.web.world import ROLES, World

CHANGING = ("POST",)
EXAMPLES = {
    "name": "home.css",
    "project": "annotator",
    "case": "event",
    "mode": "off",
    "level": "none",
    "field": "home.at",
    "number": "1",
    "sha256": "0" * 64,
    "token": "0" * 32,
    "size": "1",
}
ENDS_THE_SESSION = ("account.sign_out", "account.sign_out_everywhere", "account.change_password")


@pytest.fixture(scope="module")
def app(world: World) -> Flask:
    """The same application, to ask for its routes."""
    return create_app(world.home.settings)


def routes(app: Flask) -> Iterator[tuple[Rule, str, str, permissions.Permission]]:
    """Every rule with one of its methods, an address that fits it, and what it declared."""
    for rule in app.url_map.iter_rules():
        address = rule.rule
        for name in rule.arguments:
            address = address.replace(f"<{name}>", EXAMPLES[name]).replace(f"<int:{name}>", EXAMPLES[name])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, address, permissions.of(app.view_functions[rule.endpoint])


def test_the_table_is_whole(app: Flask) -> None:
    found = list(routes(app))
    assert len(found) >= 25
    assert {method for _, method, _, _ in found} == {"GET", "POST"}
    assert not [address for _, _, address, _ in found if "<" in address]


def test_only_signing_in_and_files_are_open_to_strangers(app: Flask) -> None:
    opened = {r.endpoint for r, _, _, declared in routes(app) if declared.without_sign_in and not declared.way_in}
    assert opened == {"account.sign_in", "account.signed_in", "files.static", "files.icon"}


def test_nobody_gets_in_without_a_session(app: Flask, world: World) -> None:
    for rule, method, address, declared in routes(app):
        if declared.way_in:
            continue  # it looks at no session: tests/browser_case and their like try what it answers
        got = world.ask(address, method=method)
        if declared.without_sign_in:
            assert got.status == (403 if method in CHANGING else 200), rule
        elif method in CHANGING:
            assert got.status == 401, rule
        else:
            assert (got.status, got.headers["Location"].partition("?")[0]) == (303, "/sign-in"), rule


@pytest.mark.parametrize("role", ROLES)
def test_a_session_that_ended_is_no_session(app: Flask, world: World, role: str) -> None:
    token = world.expired(role)
    for rule, method, address, declared in routes(app):
        if not declared.without_sign_in:
            assert world.ask(address, method=method, token=token).status == (401 if method in CHANGING else 303), rule


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_what_the_route_declares_and_nothing_else(app: Flask, world: World, role: str) -> None:
    token = world.token(role)
    for rule, method, address, declared in routes(app):
        if declared.without_sign_in or method in CHANGING:
            continue
        got = world.ask(address, token=token)
        assert (got.status == 403) is (role not in declared.roles), (rule, got.status)
        assert got.status < 500, (rule, got.status)


@pytest.mark.parametrize("role", ROLES)
def test_a_form_that_is_not_from_this_session_changes_nothing(app: Flask, world: World, role: str) -> None:
    token, other = world.token(role), world.form_value(world.token(role))
    before = len(world.ask("/history", token=token).text)
    for rule, method, address, declared in routes(app):
        if method not in CHANGING or declared.without_sign_in:
            continue
        for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": other}, {"csrf": "ünmöglich"}):
            got = world.ask(address, method=method, token=token, form=form)
            assert got.status == 403, (rule, form, got.status)
    assert world.ask("/account", token=token).status == 200, "no forged form ended the session"
    assert len(world.ask("/history", token=token).text) == before


@pytest.mark.parametrize("role", ROLES)
def test_with_its_own_form_a_role_may_do_what_the_route_declares(app: Flask, world: World, role: str) -> None:
    token = world.token(role)
    for rule, method, address, declared in routes(app):
        if method not in CHANGING or declared.without_sign_in or rule.endpoint == "cases.switch":
            continue  # switching is tried on an installation of its own
        got = world.ask(address, method=method, token=token, form={"csrf": world.form_value(token)})
        token = world.token(role) if rule.endpoint in ENDS_THE_SESSION else token
        assert (got.status == 403) is (role not in declared.roles), (rule, got.status)
        assert got.status < 500, (rule, got.status)


def test_a_form_sent_from_another_site_is_refused_even_with_the_right_value(world: World) -> None:
    token = world.token("admin")
    form = {"csrf": world.form_value(token)}
    for site in ("cross-site", "same-site"):
        got = world.ask("/sign-out", method="POST", token=token, form=form, headers={"Sec-Fetch-Site": site})
        assert got.status == 403
    assert world.ask("/sign-out", method="POST", token=token, form=form).status == 303
    assert world.ask("/account", token=token).status == 303


def test_a_method_that_a_route_does_not_have_is_refused_and_says_which_it_has(world: World) -> None:
    got = world.ask("/history", method="POST", token=world.token("viewer"))
    assert got.status == 405
    assert "GET" in got.headers["Allow"]
