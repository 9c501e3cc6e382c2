"""The way past Flask answers as Flask does, for everything that an SDK may send."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from diffgram_home import front, ways
from diffgram_home.app import create_app
from diffgram_home.home import Home
from diffgram_home.pages import ADDRESSES
from tests.ways import site
from tests.ways.test_endpoint import BAD, EVENT, Site, envelope, told

ORIGIN = {"Origin": "https://shop.example"}
JSON = json.dumps(EVENT).encode()
LOGS = {"path": "/api/{}/v1/logs", "content_type": "application/x-protobuf"}
ASKED: dict[str, dict[str, Any]] = {
    "an event": {"data": told()},
    "from a page": {"data": told(), "headers": ORIGIN},
    "from a page of another origin": {"data": told(), "headers": {"Origin": "https://evil.example"}},
    "items that are never taken": {"data": envelope(("transaction", b"x"), ("log", b"y")), "headers": ORIGIN},
    "another key": {"data": told(), "query_string": {"sentry_key": "0" * 32}},
    "another encoding": {"data": told(), "headers": {"Content-Encoding": "compress"}},
    "the old address": {"data": JSON, "path": "/api/{}/store/"},
    "no such project": {"data": told(), "path": "/api/999/envelope/"},
    "a project without end": {"data": told(), "path": "/api/9999999999999999999999/envelope/"},
    "a project that is no number": {"data": told(), "path": "/api/x/envelope/"},
    "without the last slash": {"data": told(), "path": "/api/{}/envelope"},
    "asked for": {"method": "GET"},
    "another method": {"method": "PUT", "data": told()},
    "asked before": {"method": "OPTIONS", "headers": ORIGIN},
    "another name of this machine": {"data": told(), "base_url": "http://evil.example"},
    **{name: {"data": body} for name, (_, body) in BAD.items()},
    "no log records": {**LOGS, "data": b""},
    "log records of a page": {**LOGS, "data": b"{}", "content_type": "application/json", "headers": ORIGIN},
    "log records of another page": {**LOGS, "data": b"", "headers": {"Origin": "https://evil.example"}},
    "log records in no form": {**LOGS, "data": b"", "content_type": "text/plain"},
    "no form of log records": {**LOGS, "data": b"\xff"},
    "log records with a last slash": {**LOGS, "data": b"", "path": "/api/{}/v1/logs/"},
}


class Both:
    """One installation, by the front and by Flask alone."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder, more='[browser]\norigins = ["https://shop.example"]\n')
        self.front, self.flask = create_app(self.site.home.settings), create_app(self.site.home.settings)
        self.flask.wsgi_app = partial(Flask.wsgi_app, self.flask)  # type: ignore[method-assign]

    def asked(self, app: Flask, **asked: Any) -> tuple[int, Mapping[str, str], bytes]:
        path = asked.pop("path", "/api/{}/envelope/").format(self.site.key.number)
        wanted = {"method": "POST", "query_string": {"sentry_key": self.site.key.key}, **asked}
        answer = app.test_client().open(path, **wanted)
        return answer.status_code, shown(answer), answer.data


def shown(answer: Any) -> dict[str, str]:
    """The headers by name; those that come more than once are one, as RFC 9110 has it."""
    return {name.lower(): ", ".join(answer.headers.getlist(name)) for name, _ in answer.headers}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    found = Both(tmp_path_factory.mktemp("both"))
    yield found
    found.site.home.close()


@pytest.mark.parametrize("name", ASKED)
def test_it_answers_as_flask_does(both: Both, name: str):
    assert both.asked(both.front, **ASKED[name]) == both.asked(both.flask, **ASKED[name])


def test_what_it_takes_does_not_reach_flask(both: Both):
    reached: list[str] = []
    app = create_app(both.site.home.settings)
    app.before_request(lambda: reached.append("Flask"))
    assert both.asked(app, data=told())[0] == 200
    assert reached == []
    assert both.asked(app, method="GET")[0] == 405
    assert reached == ["Flask"]


def test_each_of_its_addresses_is_a_route_that_is_declared_as_a_way_in(both: Both):
    adapter = both.flask.url_map.bind("localhost")
    for address in ADDRESSES:
        path = address.path.pattern.replace("([0-9]{1,18})", "7")
        endpoint, _ = adapter.match(path, method="POST")
        assert both.flask.view_functions[endpoint].permission.way_in, path  # type: ignore[attr-defined]


def test_an_answer_waits_for_the_disk_and_tells_an_sdk_to_wait_where_it_cannot_keep_it(tmp_path: Path):
    found = Site(tmp_path)
    assert found.post(told()).status_code == 200
    app = found.client.application
    way = ways.way(app.extensions["home"], "event")
    far, near = os.pipe()
    os.dup2(near, way._writer.descriptor, inheritable=False)  # what takes records, and cannot be flushed
    answer = found.post(told())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert found.post(told()).status_code == 200, "the next one goes into another segment"
    os.close(far)
    os.close(near)


def broken(home: Home) -> None:
    with home.store.write() as session:
        session.execute(text("ALTER TABLE dsn RENAME TO mislaid"))


def test_a_fault_of_the_database_is_answered_as_flask_answers_it(tmp_path: Path):
    found = Both(tmp_path)
    broken(found.site.home)
    (status, headers, body), (its, its_headers, _) = (
        found.asked(app, data=told()) for app in (found.front, found.flask)
    )
    assert (status, headers.keys()) == (its, its_headers.keys())
    assert status in (500, 503)
    assert b"mislaid" not in body


def test_behind_a_proxy_only_https_is_taken(tmp_path: Path):
    home = site.build(tmp_path, more="[web]\nbehind_proxy = true\n")
    app = create_app(home.settings)
    assert isinstance(app.wsgi_app.app, front.Front)  # type: ignore[attr-defined]
    asked = partial(app.test_client().post, "/api/1/envelope/", data=told())
    assert asked().status_code == 403
    assert b"https" in asked().data
    answer = asked(headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"})
    assert (answer.status_code, answer.json) == (403, {"detail": "this key does not open this project"})
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    home.close()
