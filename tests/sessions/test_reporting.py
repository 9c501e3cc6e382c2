"""What browsers send by themselves: taken, reduced, refused by count; never an error of ours, never a value."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit import index
from audit.scripts import Bundle
from audit.types import TYPES
from diffgram_home import intake, reading, switching
from diffgram_home.app import create_app
from diffgram_home.browser import counts, memory, report_words, reports
from diffgram_home.home import Home
from event import spool
from tests.store import building

PAGE = "https://shop.example/project/17?patient=Rose"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
OWN = "http://localhost"
JSON, CSP = "application/reports+json", "application/csp-report"
SETTINGS = 'browser = "local"\n[browser]\nprojects = ["shop"]\norigins = ["https://shop.example"]\n'
SECRETS = (b"Rose", b"evil-path", b"4111", b"192.0.2.77", b"Mozilla", b"patient")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation whose pages may tell, and nothing of it left in memory afterwards."""
    opened = building.build(tmp_path, more=SETTINGS)
    yield opened
    opened.close()
    for place in memory.PLACES:
        shutil.rmtree(place / f"diffgram-home-{opened.installation[:16]}", ignore_errors=True)


@pytest.fixture
def client(home: Home) -> FlaskClient:
    """A browser."""
    return create_app(home.settings).test_client()


def entry(kind: str = "csp-violation", url: str = PAGE, **body: Any) -> dict[str, Any]:
    return {"type": kind, "age": 7, "url": url, "user_agent": AGENT, "body": body}


def send(client: FlaskClient, body: object, content: str = JSON, project: str = "shop", **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": content, "User-Agent": AGENT} | {k.replace("_", "-"): v for k, v in headers.items()}
    return client.post(f"/browser/{project}/reports", data=data, headers=sent, base_url=OWN)


def spooled(home: Home) -> list[dict[str, Any]]:
    found = []
    for segment in spool.segments(home.settings.spool.folder):
        frames = spool.frames(segment.path.read_bytes(), True)
        found += [f.message for f in frames if type(f) is spool.Frame and f.message["kind"] == reports.KIND]
    return found


def refused(home: Home) -> dict[str, int]:
    """Refusals as page Pending shows them, by word."""
    now = datetime.now(UTC)
    intake.take(home, now)
    rows = [row for row in reading.withheld(home, now=now) if row.reason == "refused"]
    return {row.path: row.count for row in rows}


def test_a_report_is_spooled_as_words_of_lists(home: Home, client: FlaskClient) -> None:
    blocked = "https://evil.example/evil-path?card=4111"
    body = entry(effectiveDirective="img-src", blockedURL=blocked, disposition="enforce", sample="Rose")
    assert send(client, [body]).status_code == 204
    (message,) = spooled(home)
    assert {k: v for k, v in message.items() if k not in ("kind", "at")} == {
        "type": "csp",
        "directive": "img-src",
        "disposition": "enforce",
        "blocked": "site",
        "blocked_site": "evil.example",
        "route": "<route>",
        "browser": "chrome",
    }


def test_nothing_else_of_a_report_reaches_a_file(
    home: Home, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    wild = dict.fromkeys(("id", "reason", "type", "message", "featureId", "stack", "sample"), "Rose 4111 evil-path")
    for kind in reports.TYPES:
        assert send(client, [entry(kind, **wild, server_ip="192.0.2.77")]).status_code == 204
    assert {message["type"] for message in spooled(home)} == set(report_words.TYPES.values())
    assert {m.get(k) for m in spooled(home) for k in ("id", "cause", "feature")} == {None, "other"}
    intake.take(home, datetime.now(UTC))
    counts.gather(home, datetime.now(UTC))
    kept = b"".join(path.read_bytes() for path in home.settings.path.parent.rglob("*") if path.is_file())
    assert not [secret for secret in SECRETS if secret in kept or secret.decode() in caplog.text]


def test_a_position_in_a_shipped_script_is_a_place_and_any_other_is_none() -> None:
    shipped = replace(index.new("shop 1", {}, frozenset()), bundles={"shop.js": Bundle(3, 40)})
    accepts = TYPES["place"].make({}, shipped)
    assert [accepts(f"shop.js:{place}") for place in ("3:41", "4:1", "3:42")] == [True, False, False]
    assert not accepts("rose.js:1:1")


def test_by_report_uri_it_is_the_same(home: Home, client: FlaskClient) -> None:
    inner = {"document-uri": PAGE, "effective-directive": "script-src-elem", "blocked-uri": "inline"}
    assert send(client, {"csp-report": inner}, CSP).status_code == 204
    assert [(m["directive"], m["blocked"]) for m in spooled(home)] == [("script-src-elem", "inline")]


def test_a_report_about_a_page_of_elsewhere_is_refused_by_count(home: Home, client: FlaskClient) -> None:
    for url in ("https://evil.example/", "null", "", "http://[", "https://shop.example.evil.example/"):
        assert send(client, [entry("crash", url, reason="oom")]).status_code == 204
    assert send(client, [entry("crash", OWN + "/", reason="oom"), None, {"type": 1}]).status_code == 204
    assert len(spooled(home)) == 1
    assert refused(home) == {f"{reports.KIND}.origin": 5, f"{reports.KIND}.item": 2}


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"project": "other"}, 404, "project"),
        ({"Origin": "https://evil.example"}, 403, "origin"),
        ({"content": "text/html"}, 415, "encoding"),
        ({"Content_Encoding": "gzip"}, 415, "encoding"),
        ({"body": b"{"}, 400, "form"),
        ({"body": b"[" * 100_000}, 400, "form"),
        ({"body": b"\xff" * 50}, 400, "form"),
        ({"body": {"csp-report": 1}}, 400, "form"),
        ({"body": [None] * 101}, 400, "form"),
        ({"body": b" " * (reports.MOST_BYTES + 1)}, 413, "size"),
    ],
)
def test_strange_input_is_refused_with_a_status_a_count_and_no_words(
    home: Home, client: FlaskClient, change: dict[str, Any], status: int, word: str
) -> None:
    got = send(client, change.pop("body", [entry("crash", reason="oom")]), **change)
    assert (got.status_code, got.data) == (status, b"")
    assert (spooled(home), refused(home)) == ([], {f"{reports.KIND}.{word}": 1})


def test_another_origin_is_let_to_ask_and_to_send(client: FlaskClient) -> None:
    asked = client.options("/browser/shop/reports", headers={"Origin": "https://shop.example"}, base_url=OWN)
    assert asked.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert asked.headers["Access-Control-Allow-Headers"] == "Content-Type"
    evil = client.options("/browser/shop/reports", headers={"Origin": "https://evil.example"}, base_url=OWN)
    assert "Access-Control-Allow-Origin" not in evil.headers


def test_reports_count_a_session_and_mark_it_only_where_something_broke(home: Home, client: FlaskClient) -> None:
    now = datetime.now(UTC)
    send(client, [entry("deprecation", id="UnloadHandler")])
    counts.gather(home, now)
    today = counts.days(home, now, 1)[0]
    assert (today.sessions, today.errored) == (1, 0)
    send(client, [entry("crash", reason="oom")])
    home.cache.clear()
    counts.gather(home, now)
    today = counts.days(home, now, 1)[0]
    assert (today.sessions, today.errored) == (1, 1)


def test_a_ping_is_a_session_by_picture_or_by_post(home: Home, client: FlaskClient) -> None:
    picture = client.get("/browser/shop/ping", headers={"User-Agent": AGENT}, base_url=OWN)
    assert (picture.status_code, picture.mimetype, picture.data[:6]) == (200, "image/gif", b"GIF89a")
    assert picture.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in picture.headers
    posted = client.post("/browser/shop/ping", data=b"anything", headers={"User-Agent": AGENT}, base_url=OWN)
    assert posted.status_code == 204
    now = datetime.now(UTC)
    counts.gather(home, now)
    assert counts.days(home, now, 1)[0].sessions == 1


@pytest.mark.parametrize(
    ("project", "headers", "status"),
    [
        ("other", {}, 404),
        ("shop", {"Origin": "https://evil.example"}, 403),
        ("shop", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_ping_of_elsewhere_counts_nothing(
    client: FlaskClient, project: str, headers: dict[str, str], status: int
) -> None:
    assert client.get(f"/browser/{project}/ping", headers=headers, base_url=OWN).status_code == status


def test_turned_off_nothing_is_read_and_a_ping_still_has_its_picture(home: Home, client: FlaskClient) -> None:
    home.settings.path.write_text(home.settings.path.read_text().replace('browser = "local"', 'browser = "off"'))
    switching.apply(home, datetime.now(UTC))
    assert send(client, b"no json").status_code == 204
    assert client.get("/browser/shop/ping", base_url=OWN).status_code == 200
    assert (spooled(home), memory.existing(home.installation)) == ([], None)


def test_the_lists_of_the_catalogue_are_those_of_the_module(home: Home) -> None:
    fields = home.catalogue.of_kind(reports.KIND)
    lists = {"directive": report_words.DIRECTIVES, "feature": report_words.FEATURES, "id": report_words.IDS}
    for key, words in (lists | {"cause": report_words.CAUSES, "blocked": report_words.BLOCKED}).items():
        assert sorted(fields[key].params["choices"]) == sorted(words)


def test_the_headers_name_the_address(home: Home) -> None:
    found = reports.headers("shop", "https://home.example")
    address = "https://home.example/browser/shop/reports"
    assert found["Reporting-Endpoints"] == f'diffgram-home="{address}", default="{address}"'
    assert json.loads(found["Report-To"])["endpoints"] == [{"url": address}]
    assert f"report-uri {address}" in found["Content-Security-Policy-Report-Only"]
