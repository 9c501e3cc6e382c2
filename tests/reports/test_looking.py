"""The page and the command: the same numbers, for those who may see them, by SVG and by words."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diffgram_home import drawing, people
from diffgram_home.app import create_app
from diffgram_home.home import Home
from diffgram_home.reports import keeping
from tests.cli.conftest import Shell
from tests.reports import places

PASSWORD = "correct horse battery staple"
THEN = datetime.now(UTC) - timedelta(days=3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An installation with a series of two reporters, the second for admins only, and one time without a number."""
    folder: Path = tmp_path_factory.mktemp("reports")
    url = f"sqlite:///{folder / 'shop.db'}"
    opened = places.build(folder, url, [places.orders(), places.states()])
    for day, states in enumerate(({"open": 30, "paid": 9}, {"open": 40, "paid": 9, "sent": 1}, None)):
        if states is None:
            (folder / "shop.db").unlink()
        else:
            places.fill(url, states)
        for one in opened.reporters:
            keeping.count(opened, one, THEN + timedelta(days=day))
    for role in ("admin", "viewer"):
        people.add(opened, f"{role}.person", PASSWORD, [role], "os:0", datetime.now(UTC))
    yield opened
    opened.close()


def visit(home: Home, role: str, path: str = "/reports") -> str:
    """The page as somebody with this role sees it."""
    client: FlaskClient = create_app(home.settings).test_client()
    found = people.sign_in(home, f"{role}.person", PASSWORD, "192.0.2.1", datetime.now(UTC))
    assert isinstance(found, people.SignedIn)
    client.set_cookie("home-session", found.token)
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def test_the_page_shows_numbers_query_schedule_and_why_there_is_none(home):
    page = visit(home, "admin")
    assert "2 reports: counts over many objects" in page
    assert 'aria-label="orders: first 39, last 50, most 50, least 39; 1 time there is no number"' in page
    assert "-2: it failed, or the database could not be asked" in page
    assert "(the database could not be reached)" in page
    assert "SELECT count(*) AS orders FROM orders WHERE id &gt; :after AND id &lt;= :upto" in page
    assert "shop.reports:orders" in page
    assert "withheld: paid, sent" in page
    assert "sent orders 1" not in page


def test_a_report_is_seen_by_those_whom_it_names(home):
    page = visit(home, "viewer")
    assert "1 report: counts" in page
    assert "1 report more is for other roles" in page
    assert "paid" not in page


def test_the_drawings_are_well_formed_and_have_words(home):
    page = visit(home, "admin", "/reports?days=90")
    drawn = [part.split("</svg>")[0] + "</svg>" for part in page.split('<svg class="spark')[1:]]
    for part in drawn:
        made = ET.fromstring('<svg class="spark' + part)  # noqa: S314 (our own page)
        assert made.get("role") == "img"
        assert made.get("aria-label")
    assert len(drawn) >= 2


def test_a_series_has_gaps_where_there_is_no_number_and_a_floor_of_nothing():
    made = drawing.series([0, 0.25, 0.5, 0.75, 1], [10, 20, None, 0, 5])
    assert made.stretches == ("4,30 122,4", "358,56 476,43")
    assert made.points == ((122, 4), (476, 43))
    assert made.missing == (240,)
    assert drawing.series([0.5], [7]) == drawing.Series((), ((240, 4),), ())
    assert drawing.series([], []) == drawing.Series((), (), ())


def test_the_command_says_what_the_page_says(home):
    shell = Shell(home.settings.path.parent)
    every = shell("report")
    assert every.returncode == 0
    assert "orders: how many orders there are in the shop (on)" in every.stdout
    assert "-2: it failed" in every.stdout
    one = shell("report", "states", "--explain")
    assert "open orders 40; packed orders 0; withheld: paid, sent" in one.stdout
    assert "SELECT state, count(*) AS orders FROM orders GROUP BY state" in one.stdout
    assert "shop.reports:states" in one.stdout
    made = [json.loads(line) for line in shell("report", "--json").stdout.splitlines()]
    assert made[0]["measurements"][0]["counts"] == {"": {"orders": 39}}
    assert shell("report", "customers").returncode == 2
    assert shell("report", "--now").returncode == 2


def test_the_command_counts_at_once(home):
    shell = Shell(home.settings.path.parent)
    before = len(keeping.series(home, home.reporters[0], THEN))
    places.fill(home.settings.reports.source.url, {"open": 77})
    done = shell("report", "orders", "--now")
    assert (done.returncode, done.stderr) == (0, "")
    assert "orders 77" in done.stdout
    assert len(keeping.series(home, home.reporters[0], THEN)) == before + 1
