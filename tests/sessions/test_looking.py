"""The page and the command show the counts that corporate would get, and how they come about."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diffgram_home import counting, people
from diffgram_home.app import create_app
from diffgram_home.browser import counts, looking
from diffgram_home.browser.groups import SMALLEST, rows
from diffgram_home.browser.seen import Day, Group
from diffgram_home.home import Home
from tests.store import building

NOW = datetime.now(UTC)
PASSWORD = "correct horse battery staple"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation with three days of sessions, and a person who looks."""
    opened = building.build(tmp_path, more='browser = "local"\n')
    people.add(opened, "viewer.person", PASSWORD, ["viewer"], "os:0", NOW)
    with opened.store.write() as session:
        for back, sessions in ((0, 12), (1, 30), (9, 100)):
            chrome = Group("1.25.3", "chrome", 131, "linux", "desktop", "under-1440", sessions, 3)
            firefox = Group("1.26.0", "firefox", 132, "windows", "desktop", "other", 7, 0)
            day = (NOW - timedelta(days=back)).strftime("%Y-%m-%d")
            counts._write(session, day, "run", rows(Day("run", (chrome, firefox), (("1.26.0", 900, 4),))))
        told = {("refused", "home/session.asked-not"): 41}
        counting.add_tally(session, NOW, counting.DROPPED, "browser", told)
    yield opened
    opened.close()


@pytest.fixture
def client(home: Home) -> FlaskClient:
    """Somebody signed in."""
    found = people.sign_in(home, "viewer.person", PASSWORD, "192.0.2.1", datetime.now(UTC))
    assert isinstance(found, people.SignedIn)
    browser = create_app(home.settings).test_client()
    browser.set_cookie("home-session", found.token)
    return browser


def test_a_period_sums_its_days_and_no_others(home: Home) -> None:
    found = looking.period(home, NOW, 7)
    assert (found.sessions, found.errored, found.programs, found.programs_errored) == (56, 6, 1800, 8)
    assert [(r.release, r.sessions) for r in found.releases] == [("1.25.3", 42), ("1.26.0", 14)]
    assert {one.by: [(r.value, r.sessions) for r in one.rows] for one in found.classes}["system"] == [
        ("linux", 42),
        ("windows", 14),
    ]
    assert found.not_counted == (("asked-not", 41),)


def test_the_page_shows_them_and_explains_how_they_are_counted(client: FlaskClient) -> None:
    page = client.get("/sessions").text
    assert "56 sessions in 7 days, 6 with an error." in page
    for words in ("chrome 131", "1.26.0", "41 requests", "Sec-GPC", "HMAC-SHA-256", "1,800 sessions", "Midnight UTC"):
        assert words in page
    assert f"fewer than {SMALLEST}" in page
    assert "19 sessions today" in client.get("/sessions?days=1").text
    assert "56 sessions in 7 days" in client.get("/sessions?days=%00").text


def test_the_overview_and_the_issues_lead_to_it(client: FlaskClient) -> None:
    assert 'href="/sessions"' in client.get("/").text
    assert 'href="/sessions"' in client.get("/issues").text


def test_the_command_says_the_same(home: Home) -> None:
    command = (sys.executable, "-m", "diffgram_home.cli", "sessions", "--config", str(home.settings.path))
    told = json.loads(subprocess.check_output([*command, "--json"], text=True))
    assert (told["sessions"], told["errored"], told["not_counted"]) == (56, 6, [["asked-not", 41]])
    done = subprocess.run([*command, "--days", "1"], capture_output=True, text=True, check=True)
    assert "firefox 132" in done.stdout
    assert "not counted: 41 requests (asked-not)" in done.stderr
