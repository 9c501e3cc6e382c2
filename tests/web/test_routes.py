"""Every route, asked by everybody: each role, nobody, somebody whose session ended, and a form that is not ours.

The table is made from the application itself, so a new route is in it on the day it is written. It is asked in this
process: what a server adds is tried in test_security.py.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from werkzeug.routing import Rule

from diffgram_home import people, permissions
from diffgram_home.app import create_app
from diffgram_home.cli import routing
from tests.web.world import PASSWORD, ROLES, Inside, World

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
OPEN_TO_SUPPORT = {
    *("account.show", "account.change_password", "account.sign_out", "account.sign_out_everywhere"),
    *("oidc.confirm", "oidc.go_on"),
}
"""Of the pages: their own account, and the way out of it. A support route adds itself here on purpose."""
WITHOUT_PROVIDER = ("oidc.back", "oidc.go_on")
"""Pages that are there only on the way back from an identity provider."""


@pytest.fixture(scope="module")
def app(filled: World) -> Flask:
    """The application, to ask it and to ask for its routes."""
    return create_app(filled.home.settings)


@pytest.fixture(scope="module")
def inside(app: Flask, filled: World) -> Inside:
    """The filled installation, asked without a server."""
    return Inside(filled.home, "", filled.attempts, app.test_client(use_cookies=False))


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
    assert opened == {"account.sign_in", "account.signed_in", "oidc.start", "oidc.back", "files.static", "files.icon"}


def test_support_may_use_its_own_account_and_nothing_that_did_not_say_so(app: Flask) -> None:
    assert {rule.endpoint for rule, _, _, declared in routes(app) if declared.allows_support} == OPEN_TO_SUPPORT


def test_the_command_lists_what_the_application_holds_to(app: Flask) -> None:
    held = set()
    for rule, method, _, declared in routes(app):
        who = {"a product"} if declared.way_in else {"anybody"} if declared.without_sign_in else declared.roles
        held.add((rule.rule, method, frozenset(who)))
    assert {(one.route, method, frozenset(one.who)) for one in routing.every() for method in one.methods} == held


def never(inside: World, _role: str) -> str:
    """A token that nobody ever got."""
    return "x" * 43


def unused(inside: World, role: str) -> str:
    """A session that was not used for as long as one may lie."""
    return _begun(inside, f"{role}.person", datetime.now(UTC) - people.IDLE - timedelta(seconds=1))


def signed_out(inside: World, role: str) -> str:
    """A session that the person ended."""
    token = inside.token(role)
    people.sign_out(inside.home, token)
    return token


def removed(inside: World, role: str) -> str:
    """A session of somebody whose account was ended meanwhile."""
    return _left(inside, role, people.disable)


def deleted(inside: World, role: str) -> str:
    """A session of somebody whose account was deleted meanwhile."""
    return _left(inside, role, people.erase)


def _left(inside: World, role: str, leave: Callable[..., object]) -> str:
    name, now = f"{role}.{leave.__name__}", datetime.now(UTC)
    people.add(inside.home, name, PASSWORD, [role], "os:0", now)
    token = _begun(inside, name, now)
    leave(inside.home, name, "os:0", now)
    return token


def _begun(inside: World, name: str, now: datetime) -> str:
    found = people.sign_in(inside.home, name, PASSWORD, "192.0.2.7", now)
    assert isinstance(found, people.SignedIn)
    return found.token


def refused(app: Flask, inside: Inside, token: str) -> None:
    """Nothing but what strangers get is got with this token, also with the form value that belongs to it."""
    for rule, method, address, declared in routes(app):
        if declared.way_in:
            continue  # it looks at no session: tests/sessions and their like try what it answers
        got = inside.ask(address, method=method, token=token)
        if declared.without_sign_in:
            there = 404 if rule.endpoint in WITHOUT_PROVIDER else 200
            assert got.status == (403 if method in CHANGING else there), rule
        elif method in CHANGING:
            assert got.status == 401, rule
        else:
            assert (got.status, got.headers["Location"].partition("?")[0]) == (303, "/sign-in"), rule


def test_nobody_gets_in_without_a_session(app: Flask, inside: Inside) -> None:
    refused(app, inside, "")


@pytest.mark.parametrize("role", ROLES)
def test_a_session_that_ended_is_no_session(app: Flask, inside: Inside, role: str) -> None:
    refused(app, inside, inside.expired(role))


@pytest.mark.parametrize("how", [never, unused, signed_out, removed, deleted])
def test_a_session_can_end_in_other_ways(app: Flask, inside: Inside, how: Callable[..., str]) -> None:
    refused(app, inside, how(inside, "admin"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_what_the_route_declares_and_nothing_else(app: Flask, inside: Inside, role: str) -> None:
    token = inside.token(role)
    for rule, method, address, declared in routes(app):
        if declared.without_sign_in or method in CHANGING:
            continue
        got = inside.ask(address, token=token)
        assert (got.status == 403) is (role not in declared.roles), (rule, got.status)
        assert got.status < 500, (rule, got.status)


def test_who_has_several_roles_gets_what_one_of_them_gets(app: Flask, inside: Inside) -> None:
    for roles in (("admin", "viewer"), ("security", "operator")):
        name, now = "-".join(roles), datetime.now(UTC)
        people.add(inside.home, name, PASSWORD, roles, "os:0", now)
        token = _begun(inside, name, now)
        for rule, method, address, declared in routes(app):
            if declared.without_sign_in or method in CHANGING:
                continue
            got = inside.ask(address, token=token)
            assert (got.status == 403) is declared.roles.isdisjoint(roles), (rule, roles, got.status)


@pytest.mark.parametrize("role", ROLES)
def test_a_form_that_is_not_from_this_session_changes_nothing(app: Flask, inside: Inside, role: str) -> None:
    token, other = inside.token(role), inside.form_value(inside.token(role))
    reader = inside.token("viewer")
    before = len(inside.ask("/history", token=reader).text)
    for rule, method, address, declared in routes(app):
        if method not in CHANGING or declared.without_sign_in:
            continue
        for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": other}, {"csrf": "ünmöglich"}):
            got = inside.ask(address, method=method, token=token, form=form)
            assert got.status == 403, (rule, form, got.status)
    assert inside.ask("/account", token=token).status == 200, "no forged form ended the session"
    assert len(inside.ask("/history", token=reader).text) == before


@pytest.mark.parametrize("role", ROLES)
def test_with_its_own_form_a_role_may_do_what_the_route_declares(app: Flask, inside: Inside, role: str) -> None:
    token = inside.token(role)
    for rule, method, address, declared in routes(app):
        if method not in CHANGING or declared.without_sign_in or rule.endpoint == "cases.switch":
            continue  # switching is tried on an installation of its own
        got = inside.ask(address, method=method, token=token, form={"csrf": inside.form_value(token)})
        token = inside.token(role) if rule.endpoint in ENDS_THE_SESSION else token
        assert (got.status == 403) is (role not in declared.roles), (rule, got.status)
        assert got.status < 500, (rule, got.status)


def test_a_form_sent_from_another_site_is_refused_even_with_the_right_value(inside: Inside) -> None:
    token = inside.token("admin")
    form = {"csrf": inside.form_value(token)}
    for site in ("cross-site", "same-site"):
        got = inside.ask("/sign-out", method="POST", token=token, form=form, headers={"Sec-Fetch-Site": site})
        assert got.status == 403
    assert inside.ask("/sign-out", method="POST", token=token, form=form).status == 303
    assert inside.ask("/account", token=token).status == 303


def test_somebody_from_the_vendor_sees_their_account_and_no_way_to_anything_else(inside: Inside) -> None:
    page = inside.ask("/account", token=inside.token("support")).text
    assert "support.person" in page
    for place in ("/fields", "/sent", "/history", "/pending", "/issues"):
        assert f'href="{place}"' not in page
        assert inside.ask(place, token=inside.token("support")).status == 403


def test_a_method_that_a_route_does_not_have_is_refused_and_says_which_it_has(inside: Inside) -> None:
    got = inside.ask("/history", method="POST", token=inside.token("viewer"))
    assert got.status == 405
    assert "GET" in got.headers["Allow"]
