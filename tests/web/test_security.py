"""What every answer carries, what every request must keep to, and what a cookie may do."""

import http.client
import json
import re
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from diffgram_home import people, settings
from diffgram_home.app import create_app
from diffgram_home.errors import HomeError
from diffgram_home.home import make_home, open_home
from diffgram_home.security import HEADERS, LARGEST_FORM_BYTES, HttpsNeeded, require_https
from tests.web.world import PASSWORD, World, make_accounts, open_world, serving, write_settings

PLACES = (
    "/sign-in",
    "/",
    "/sent/1",
    "/sent/999",
    "/nowhere",
    "/static/home.css",
    "/static/none",
    "/pulse",
    "/sent/1/bytes",
)


@pytest.mark.parametrize("place", PLACES)
def test_every_answer_carries_every_header(world: World, place: str) -> None:
    for token in ("", world.token("viewer")):
        got = world.ask(place, token=token)
        assert {name: got.headers.get(name.title()) for name in HEADERS} == HEADERS
        assert "Cookie" in got.headers["Vary"]


def test_the_policy_allows_our_own_files_and_nothing_else() -> None:
    rules = dict(part.partition(" ")[::2] for part in HEADERS["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert {source for value in rules.values() for source in value.split()} <= {"'none'", "'self'", "'script'"}


def test_pages_are_kept_by_no_cache_and_files_of_a_known_version_by_all(world: World) -> None:
    page = world.ask("/", token=world.token("viewer"))
    assert page.headers["Cache-Control"] == "no-store"
    address = re.search(r'href="(/static/home\.css\?v=[0-9a-f]{12})"', page.text)
    assert address
    assert "immutable" in world.ask(address.group(1)).headers["Cache-Control"]
    assert "immutable" not in world.ask("/static/home.css?v=0").headers["Cache-Control"]


def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(world: World) -> None:
    token = world.token("admin")
    for place in (
        "/",
        "/fields",
        "/pending",
        "/sent",
        "/sent/1",
        "/cases",
        "/history",
        "/account",
        "/limits",
        "/sign-in",
    ):
        page = world.ask(place, token="" if place == "/sign-in" else token).text
        assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son[a-z]+=|javascript:", page), place
        assert not re.search(r'(?:src|href|action)="(?!/|#|")', page), place


def test_cookies_are_kept_from_scripts_and_other_sites(world: World) -> None:
    form, cookie = _sign_in_form(world)
    mine = {**form, "name": "viewer.person", "password": PASSWORD}
    got = world.ask("/sign-in", method="POST", form=mine, headers=cookie)
    assert got.status == 303
    parts = next(one for one in got.cookies if one.startswith("home-session=")).split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(parts)
    assert not any(part.startswith(("Expires", "Max-Age", "Domain")) for part in parts)


def test_signing_in_needs_the_form_of_this_browser(world: World) -> None:
    form, cookie = _sign_in_form(world)
    mine = {**form, "name": "viewer.person", "password": PASSWORD}
    assert world.ask("/sign-in", method="POST", form=mine).status == 403
    assert world.ask("/sign-in", method="POST", form=mine, headers={"Cookie": "home-form=" + "x" * 43}).status == 403
    assert world.ask("/sign-in", method="POST", form=mine, headers=cookie).status == 303


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\n/evil.example",
        "http://[",
    ],
)
def test_signing_in_leads_nowhere_else(world: World, address: str) -> None:
    form, cookie = _sign_in_form(world)
    mine = {**form, "name": "viewer.person", "password": PASSWORD, "next": address}
    got = world.ask("/sign-in", method="POST", form=mine, headers=cookie)
    assert (got.status, got.headers["Location"]) == (303, "/")


def test_wrong_tries_have_to_wait_whoever_serves_them(tmp_path: Path) -> None:
    home = open_world(tmp_path)
    with serving(home.settings.path) as base:
        world = World(home, base, {})
        form, cookie = _sign_in_form(world)
        wrong = {**form, "name": "admin.person", "password": "not the password"}
        got = [world.ask("/sign-in", method="POST", form=wrong, headers=cookie) for _ in range(7)]
        assert [answer.status for answer in got[:3]] == [401] * 3
        assert got[-1].status == 429
        assert 0 < int(got[-1].headers["Retry-After"]) <= people.BY_ADDRESS.longest.total_seconds()
        assert "wait" in got[-1].text
        right = {**form, "name": "admin.person", "password": PASSWORD}
        assert world.ask("/sign-in", method="POST", form=right, headers=cookie).status == 429, "the right one waits"
        nobody = {**form, "name": "no.such.person", "password": "not the password"}
        assert world.ask("/sign-in", method="POST", form=nobody, headers=cookie).status == 429, (
            "nor does another name help"
        )
    home.close()


def test_a_wrong_name_and_a_wrong_password_are_told_alike(tmp_path: Path) -> None:
    home = open_world(tmp_path)
    with serving(home.settings.path) as base:
        world = World(home, base, {})
        form, cookie = _sign_in_form(world)
        pages = [
            world.ask("/sign-in", method="POST", form={**form, "name": name, "password": "wrong"}, headers=cookie)
            for name in ("nobody.here", "viewer.person")
        ]
        assert [page.status for page in pages] == [401, 401]
        assert pages[0].text.replace("nobody.here", "") == pages[1].text.replace("viewer.person", "")
    home.close()


def test_a_session_ends_by_disuse_by_age_and_by_its_owner(world: World) -> None:
    now = datetime.now(UTC)
    for back, alive in (
        (people.IDLE - timedelta(seconds=20), 200),
        (people.IDLE + timedelta(seconds=1), 303),
        (people.LONGEST, 303),
    ):
        found = people.sign_in(world.home, "operator.person", PASSWORD, "192.0.2.1", now - back)
        assert isinstance(found, people.SignedIn)
        assert world.ask("/account", token=found.token).status == alive, back
    mine, other = world.token("operator"), world.token("operator")
    form = {"csrf": world.form_value(mine)}
    assert world.ask("/account/sign-out-everywhere", method="POST", token=mine, form=form).status == 303
    assert [world.ask("/account", token=token).status for token in (mine, other)] == [303, 303]


def test_the_pulse_of_a_page_left_open_does_not_keep_a_session_alive(world: World) -> None:
    almost = datetime.now(UTC) - people.IDLE + timedelta(minutes=2)
    for place, kept in (("/pulse", False), ("/account", True)):
        found = people.sign_in(world.home, "operator.person", PASSWORD, "192.0.2.1", almost)
        assert isinstance(found, people.SignedIn)
        assert world.ask(place, token=found.token).status == 200
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert (people.signed_in(world.home, found.token, later) is not None) is kept


def test_changing_a_password_asks_for_the_old_one_and_ends_the_other_sessions(tmp_path: Path) -> None:
    home = open_world(tmp_path)
    with serving(home.settings.path) as base:
        world = World(home, base, {})
        mine, other = world.token("admin"), world.token("admin")

        def change(old: str, new: str) -> int:
            form = {"csrf": world.form_value(mine), "old": old, "new": new}
            return world.ask("/account/password", method="POST", token=mine, form=form).status

        assert (change("wrong", "another good password"), change(PASSWORD, "short")) == (401, 400)
        assert world.ask("/account", token=other).status == 200
        assert change(PASSWORD, "another good password") == 303
        assert [world.ask("/account", token=token).status for token in (mine, other)] == [303, 303]
        now = datetime.now(UTC)
        assert isinstance(people.sign_in(home, "admin.person", "another good password", "::1", now), people.SignedIn)
    home.close()


def test_another_host_name_is_not_answered_on_loopback(world: World) -> None:
    port = urlsplit(world.base).port
    for host, status in ((f"localhost:{port}", 200), (f"127.0.0.1:{port}", 200), ("evil.example", 400)):
        assert world.ask("/sign-in", headers={"Host": host}).status == status


def test_a_form_larger_than_the_limit_is_refused(world: World) -> None:
    token = world.token("security")
    form = {"csrf": world.form_value(token), "authority": "x" * LARGEST_FORM_BYTES}
    got = world.ask("/fields/approve", method="POST", token=token, form=form)
    assert got.status == 413
    assert "256 kB" in got.text


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/sent/999", "there is no attempt with the number 999"),
        ("/sent/99999999999999999999999", "there is no attempt"),
        ("/sent/4/receipt", "signed nothing"),
        ("/sent/999/proof", "no attempt"),
        ("/checkpoints/9999", "no checkpoint"),
        ("/checkpoints/consistency?old=1&new=9999", "no checkpoint"),
        ("/pending/" + "0" * 64, "no bytes with this hash"),
        ("/pending/..%2f..%2fetc", "not found"),
        ("/cases/event/sideways", "no such mode"),
        ("/cases/nothing/off", "no such case"),
        ("/cases/event/off?kind=home/none", "no such kind"),
        ("/sent?outcome=maybe", "no such case or outcome"),
        ("/fields/approve?name=home.nothing", "no field of that name"),
        ("/nowhere", "not found"),
        ("/pending/%00", "nothing under this address"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_to_do(world: World, place: str, said: str) -> None:
    token = world.token("security")
    page = world.ask(place, token=token)
    assert page.status in (400, 404)
    assert said in page.text.lower()
    assert "What to do:" in page.text
    shape = json.loads(world.ask(place, token=token, headers={"Accept": "application/json"}).body)
    assert set(shape) == {"code", "message", "hint", "retry"}
    assert shape["hint"]


_ODD = ["?before=x", "?before=-1", "?from=-5", "?from=99999", "?before=1.x", "?q=%00%F0"]
_FAR = [f"?before={number}&from={number}" for number in ("9" * 30, "-" + "9" * 30, "9" * 30 + ".1", "1." + "9" * 30)]


@pytest.mark.parametrize("query", [*_ODD, *_FAR])
def test_odd_questions_are_answered_with_a_page(world: World, query: str) -> None:
    token = world.token("viewer")
    for place in ("/fields", "/pending", "/sent", "/sent/1", "/history"):
        assert world.ask(place + query, token=token).status == 200, place


def test_a_case_that_is_not_installed_cannot_be_switched(world: World) -> None:
    token = world.token("admin")
    form = {"csrf": world.form_value(token)}
    got = world.ask("/cases/licensing/on", method="POST", token=token, form=form)
    assert got.status == 400
    assert "not installed" in got.text


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "::", "home.example"])  # noqa: S104
def test_an_address_that_others_can_reach_needs_https_to_start(tmp_path: Path, address: str) -> None:
    with pytest.raises((HttpsNeeded, HomeError), match=r"certificate|https|address"):
        create_app(settings.read(write_settings(tmp_path, address=address), {}))


def test_loopback_or_a_certificate_is_enough_to_start(tmp_path: Path) -> None:
    (tmp_path / "c.pem").touch()
    for web in (
        {"address": "127.0.0.1"},
        {"address": "127.0.0.1", "behind_proxy": True},
        {"address": "0.0.0.0", "certificate": "c.pem", "key": "c.pem"},  # noqa: S104
    ):
        require_https(settings.read(write_settings(tmp_path, **web), {}).web)


def test_a_proxys_headers_are_not_believed_from_whoever_reaches_the_port(tmp_path: Path) -> None:
    web = settings.read(write_settings(tmp_path, behind_proxy=True), {}).web
    for certificate in (None, tmp_path / "c.pem"):
        with pytest.raises(HttpsNeeded, match="this machine"):
            require_https(replace(web, address="0.0.0.0", certificate=certificate))  # noqa: S104


def test_under_https_cookies_are_for_this_host_and_https_only(tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "web.pem", tmp_path / "web.key"
    pair.cert_chain_pems[0].write_to_path(str(certificate))
    pair.private_key_pem.write_to_path(str(key))
    path = write_settings(tmp_path, certificate=str(certificate), key=str(key))
    make_home(settings.read(path, {}))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with serving(path, "--certfile", str(certificate), "--keyfile", str(key)) as base:
        connection = http.client.HTTPSConnection("127.0.0.1", urlsplit(base).port, context=trust)
        connection.request("GET", "/sign-in")
        got = connection.getresponse()
        assert got.status == 200
        assert got.headers["Strict-Transport-Security"]
        parts = got.headers["Set-Cookie"].split("; ")
        connection.close()
    assert parts[0].startswith("__Host-home-form=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(parts)


def test_behind_a_proxy_only_what_came_by_https_is_answered(tmp_path: Path) -> None:
    path = write_settings(tmp_path, behind_proxy=True)
    make_home(settings.read(path, {}))
    home = open_home(settings.read(path, {}))
    make_accounts(home, datetime.now(UTC))
    with serving(path) as base:
        world = World(home, base, {})
        by_proxy = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "home.example"}
        assert world.ask("/sign-in").status == 403
        assert world.ask("/sign-in", headers={**by_proxy, "X-Forwarded-Proto": "http"}).status == 403
        page = world.ask("/sign-in", headers=by_proxy)
        assert page.status == 200
        assert page.headers["Set-Cookie"].startswith("__Host-home-form=")
    home.close()


def _sign_in_form(world: World) -> tuple[dict[str, str], dict[str, str]]:
    """The hidden value of a fresh sign-in form, and the cookie that belongs to it."""
    page = world.ask("/sign-in")
    value = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert value
    return {"csrf": value.group(1)}, {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}
