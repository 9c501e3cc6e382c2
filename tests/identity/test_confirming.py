"""Step-up of people of the provider's: it asks them again, says when, and the form goes on."""

import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from diffgram_home import freshness, models, people
from diffgram_home.home import Home
from tests.browser import open_tab
from tests.identity.conftest import PERSON, Running, Visitor, make, oidc_section
from tests.identity.provider import SECRET
from tests.web.world import serving

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def grow_stale(home: Home) -> None:
    """Everybody signed in longer ago than is fresh."""
    then = datetime.now(UTC) - freshness.FRESH - timedelta(minutes=1)
    with home.store.write() as session:
        session.query(models.SignIn).update({"fresh_at": then})


def begun(visitor: Visitor) -> Visitor:
    """The person made up their mind a while after signing in, and follows the page that asks to the provider."""
    visitor.sign_in()
    grow_stale(visitor.home)
    visitor.get("/dsns").post("/dsns", label="ward 7 web")
    assert visitor.last.status_code == 401
    assert "Confirm with St Mary" in visitor.text
    assert 'type="password"' not in visitor.text
    kept = {name: value for name, value in HIDDEN.findall(visitor.last.text) if name != "csrf"}
    assert kept == {"label": "ward 7 web", "confirm-for": "/dsns"}
    return visitor.post("/oidc/confirm", **kept)


def test_the_provider_asks_again_and_the_form_goes_on(visitor: Visitor) -> None:
    asked = begun(visitor).asked()
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    visitor.get(visitor.authorized())
    visitor.get(visitor.lead())
    assert "Confirmed" in visitor.text
    assert "ward 7 web" not in visitor.client.get("/dsns").text
    visitor.post("/dsns", label="ward 7 web")
    assert visitor.last.status_code == 303
    assert "ward 7 web" in visitor.get("/dsns").text


def test_a_provider_that_does_not_ask_again_confirms_nothing(visitor: Visitor) -> None:
    begun(visitor)
    visitor.provider.turn(forget_login=True)
    visitor.get(visitor.authorized())
    assert (visitor.last.status_code, "did not ask you again" in visitor.text) == (403, True)
    visitor.get("/dsns").post("/dsns", label="ward 7 web")
    assert visitor.last.status_code == 401


@pytest.mark.parametrize("knobs", [{"without": ["auth_time"]}, {"claims": {"auth_time": "now"}}])
def test_a_provider_that_does_not_say_when_confirms_nothing(visitor: Visitor, knobs: dict) -> None:
    begun(visitor)
    visitor.provider.turn(**knobs)
    visitor.get(visitor.authorized())
    assert visitor.last.status_code == 403


def test_somebody_else_confirms_nothing(visitor: Visitor) -> None:
    begun(visitor)
    visitor.provider.turn(person={**PERSON, "sub": "another"})
    visitor.get(visitor.authorized())
    assert (visitor.last.status_code, "Somebody else confirmed" in visitor.text) == (403, True)


def test_what_was_kept_is_for_the_session_that_sent_it_and_for_nobody_else(visitor: Visitor, home: Home) -> None:
    begun(visitor)
    visitor.get(visitor.authorized())
    onward = visitor.lead()
    other = Visitor(home, visitor.provider)
    other.sign_in()
    assert other.get(onward).last.status_code == 404
    assert visitor.get(onward).last.status_code == 200
    with home.store.write() as session:
        session.query(models.ProviderFlow).update({"expires_at": datetime.now(UTC)})
    assert visitor.get(onward).last.status_code == 404


def test_no_password_confirms_for_somebody_of_the_provider(visitor: Visitor) -> None:
    begun(visitor)
    visitor.get("/dsns").post("/dsns", label="ward 7 web", **{"confirm-password": ""})
    assert visitor.last.status_code == 401


def test_a_session_that_ended_meanwhile_is_not_brought_back(visitor: Visitor, home: Home) -> None:
    begun(visitor)
    people.sign_out_everywhere(home, "rose")
    visitor.get(visitor.authorized())
    assert visitor.last.status_code == 403


def free_port() -> int:
    """A port that nobody has just now: the provider has to know it before the pages listen."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_a_browser_goes_there_and_back_without_scripts_under_the_policy_and_strict_cookies(
    tmp_path: Path, template: Path, provider: Running, chromium: Browser
) -> None:
    port = free_port()
    home = make(tmp_path, template, oidc_section(provider, address=f'"http://127.0.0.1:{port}"'))
    secret = f"DIFFGRAM_HOME_OIDC_SECRET={SECRET}"
    with serving(home.settings.path, "-b", f"127.0.0.1:{port}", "--env", secret) as bases:
        base = bases.split(",")[-1]
        tab = open_tab(
            chromium, java_script_enabled=False, ignore_https_errors=True, viewport={"width": 360, "height": 740}
        )
        page = tab.page
        page.goto(f"{base}/dsns")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("button", name="Sign in with St Mary").press("Enter")
        page.wait_for_url(f"{base}/dsns")
        grow_stale(home)
        page.get_by_label("What it is for").fill("ward 7 web")
        page.get_by_role("button", name="Make a key").press("Enter")
        page.get_by_role("button", name="Confirm with St Mary").press("Enter")
        page.get_by_role("button", name="Go on").press("Enter")
        page.get_by_text("Made, with your name").wait_for()
        assert page.get_by_text("ward 7 web").count()
        page.get_by_role("button", name="Sign out").press("Enter")
        page.get_by_text("signed out at the provider").wait_for()
        page.goto(f"{base}/dsns")
        page.get_by_role("heading", name="Sign in").wait_for()
        assert not [line for line in tab.said if "violation" in line or "Content Security Policy" in line]
        tab.context.close()
    home.close()
