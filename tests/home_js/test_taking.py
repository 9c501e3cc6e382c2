"""The way in for home.js: what it takes, what it refuses, and that it keeps nothing but what the catalogue declares."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from diffgram_home.app import create_app
from diffgram_home.browser import limiting, origins, scripts, told
from diffgram_home.browser.taking import WORDS
from diffgram_home.home import Home
from tests.home_js import shop
from tests.home_js.shop import SECRET

ORIGIN = "https://shop.example"


Shared = tuple[FlaskClient, Home]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """One installation for all tests of this file that do not tire it."""
    made = shop.build(tmp_path_factory.mktemp("shared"), [ORIGIN])
    yield create_app(made.settings).test_client(), made
    made.close()


@pytest.fixture
def client(shared: Shared) -> FlaskClient:
    """Whoever sends something to it."""
    return shared[0]


@pytest.fixture
def home(shared: Shared) -> shop.Since:
    """What it was told since the test began."""
    return shop.Since(shared[1])


def body(*items: object, **more: object) -> bytes:
    """A body as home.js sends it."""
    return json.dumps({"v": 1, "lost": 0, "viewport": 2, "items": items, **more}).encode()


def problem(**more: object) -> dict[str, object]:
    """An error as home.js tells it."""
    return {"kind": "error", "how": "error", "name": "TypeError", "message": f"no {SECRET}", "frames": [], **more}


def post(client: FlaskClient, data: bytes, project: str = "shop", **headers: str) -> TestResponse:
    """Tell it."""
    sent = {"Origin": ORIGIN, "Content-Type": "text/plain;charset=UTF-8", **headers}
    return client.post(f"/browser/{project}/", data=data, headers={k.replace("_", "-"): v for k, v in sent.items()})


def test_an_error_becomes_class_shape_and_positions(client: FlaskClient, home: shop.Since) -> None:
    frames = ["shop.js:4:20", "shop.js:4:20", f"{SECRET}.js:1:1", "shop.js:99999:1", "shop.js:3:9999", "shop.js:5:1"]
    got = post(client, body(problem(frames=frames, route="/order/<int:id>"), release="1.0.0"))
    assert (got.status_code, got.data, got.headers["Access-Control-Allow-Origin"]) == (204, b"", ORIGIN)
    (message,) = home.told()
    at = message.pop("at")
    assert len(at) == len("2026-11-21T14:01:05Z")
    assert message == {
        "kind": "home/browser-error",
        "how": "error",
        "route": "/order/<int:id>",
        "release": "1.0.0",
        "error_log": {
            "chain": [{"type": "TypeError", "shapes": ["text(<32)"]}],
            "frames": [["shop.js:5:1", 1], ["<place>", 0], ["shop.js:4:20", 1]],
        },
    }
    assert SECRET.encode() not in home.bytes()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("BasketError", "BasketError"),
        ("AbortError", "AbortError"),
        (SECRET, "<type>"),
        (f"{SECRET}Error", "<type>"),
        ("typeError", "<type>"),
        (None, "<type>"),
    ],
)
def test_a_class_is_kept_only_if_the_language_or_the_bundle_has_it(
    client: FlaskClient, home: shop.Since, name: str | None, kept: str
) -> None:
    post(client, body(problem(name=name)))
    assert home.told()[0]["error_log"]["chain"][0]["type"] == kept


def test_a_visit_is_a_template_an_hour_a_host_and_a_range(client: FlaskClient, home: shop.Since) -> None:
    post(client, body({"kind": "visit", "route": "/order/<int:id>", "referrer": "Search.Example", "seconds": 41}))
    (message,) = home.told()
    assert len(message.pop("at")) == len("2026-11-21T14Z")
    assert message == {
        "kind": "home/visit",
        "route": "/order/<int:id>",
        "referrer": "search.example",
        "seconds": "<60",
    }


@pytest.mark.parametrize("route", ["/order/4711", f"/order/{SECRET}", "/order/<int:id>?q=1", "", "<route>", "/Order/"])
def test_an_address_in_place_of_a_template_is_not_kept(client: FlaskClient, home: shop.Since, route: str) -> None:
    post(client, body({"kind": "visit", "route": route}, problem(route=route)))
    assert [message["route"] for message in home.told()] == ["<route>", "<route>"]


def test_a_resource_has_a_tag_and_no_error(client: FlaskClient, home: shop.Since) -> None:
    post(client, body(problem(how="resource", element="img"), problem(how="resource", element=SECRET)))
    first, second = home.told()
    assert ("error_log" in first, first["how"], first["element"]) == (False, "resource", "img")
    assert second["element"] == "other"


def test_a_ping_is_taken_and_leaves_no_message_of_ours(client: FlaskClient, home: shop.Since) -> None:
    assert post(client, body()).status_code == 204
    assert [m for m in home.told() if m["kind"] in ("home/visit", "home/browser-error")] == []


def test_while_the_case_is_off_nothing_is_read_and_nothing_is_kept(tmp_path: Path) -> None:
    home = shop.build(tmp_path, [ORIGIN], mode="off")
    client = create_app(home.settings).test_client()
    for data in (body(problem()), b"no json", b"x" * 70_000):
        got = post(client, data, Origin="https://elsewhere.example")
        assert (got.status_code, got.data) == (204, b"")
    assert not list(home.settings.spool.folder.glob("*.spool"))
    home.close()


REFUSALS = [
    ("origin", 403, body(problem()), {"Origin": "https://elsewhere.example"}),
    ("origin", 403, body(problem()), {"Origin": ""}),
    ("origin", 403, body(problem()), {"Origin": "null"}),
    ("origin", 403, body(problem()), {"Origin": ORIGIN + "/"}),
    ("project", 404, body(problem()), {"project": SECRET}),
    ("encoding", 415, body(problem()), {"Content_Type": "text/html"}),
    ("encoding", 415, body(problem()), {"Content_Encoding": "gzip"}),
    ("size", 413, body(problem(message=SECRET * 6000)), {}),
    ("form", 400, b"", {}),
    ("form", 400, b"{", {}),
    ("form", 400, b"[]", {}),
    ("form", 400, b"\xff\xfe", {}),
    ("form", 400, b'{"v": 2, "items": []}', {}),
    ("form", 400, b'{"v": 1, "items": {}}', {}),
    ("form", 400, b'{"v": 1, "items": [], "lost": -1}', {}),
    ("form", 400, b'{"v": 1, "items": [], "release": {"x": 1}}', {}),
    ("form", 400, b"[" * 50_000, {}),
    ("form", 400, b'{"v": 1, "items": ' + b"[" * 50_000, {}),
    ("form", 400, body(*[problem()] * 33), {}),
]


@pytest.mark.parametrize(("word", "status", "data", "how"), REFUSALS)
def test_what_is_refused_gets_a_clear_status_and_a_count(
    client: FlaskClient,
    home: shop.Since,
    caplog: pytest.LogCaptureFixture,
    word: str,
    status: int,
    data: bytes,
    how: dict,
) -> None:
    with caplog.at_level(logging.DEBUG):
        got = post(client, data, **how)
    assert (got.status_code, got.data) == (status, b"")
    assert home.refused() == {word: 1}
    assert home.told() == []
    assert SECRET not in caplog.text


BAD_ITEMS = [
    {"kind": "error"},
    {"kind": SECRET, "how": "error"},
    {"kind": "visit"},
    {"kind": "visit", "route": 4711},
    {"kind": "visit", "route": "/", "seconds": -1},
    {"kind": "visit", "route": "/", "seconds": 1.5},
    problem(name={"x": SECRET}),
    problem(message=[SECRET]),
    problem(message=SECRET * 100),
    problem(frames=SECRET),
    problem(frames=[1]),
    problem(frames=["shop.js:1:1"] * 31),
    [],
    SECRET,
    None,
    7,
]


@pytest.mark.parametrize("item", BAD_ITEMS)
def test_an_item_that_cannot_be_read_takes_no_other_with_it(
    client: FlaskClient, home: shop.Since, item: object
) -> None:
    assert post(client, body(problem(), item, problem())).status_code == 204
    assert [message["kind"] for message in home.told()] == ["home/browser-error"] * 2
    assert home.refused() == {"item": 1}


def test_what_a_page_lost_is_counted(client: FlaskClient, home: shop.Since) -> None:
    post(client, body(problem(), lost=12))
    assert home.refused() == {"lost": 12}


def test_members_that_the_format_does_not_have_are_passed_over(client: FlaskClient, home: shop.Since) -> None:
    post(client, body(problem(user={"name": SECRET}, cookie=SECRET), url=f"https://shop.example/?{SECRET}"))
    assert set(home.told()[0]) == {"kind", "at", "how", "error_log"}
    assert SECRET.encode() not in home.bytes()


def test_a_release_that_is_no_version_is_dropped_and_the_rest_is_kept(client: FlaskClient, home: shop.Since) -> None:
    post(client, body(problem(), release="1.0-rosa"))
    assert "release" not in home.told()[0]


words = st.text(max_size=600) | st.just(SECRET) | st.none() | st.integers() | st.lists(st.text(max_size=5), max_size=3)
anything = st.recursive(
    words | st.booleans() | st.floats(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
members = st.dictionaries(
    st.sampled_from(["kind", "how", "name", "message", "frames", "route", "element", "referrer", "seconds"]),
    st.sampled_from(["error", "visit", "TypeError", "/", "shop.js:1:1"]) | anything,
)


@settings(max_examples=60)
@given(st.lists(members | anything, max_size=5), st.binary(max_size=60))
def test_nothing_that_is_sent_breaks_it_or_is_kept_as_it_stands(shared: Shared, items: list, noise: bytes) -> None:
    client, home = shared
    try:
        data = json.dumps({"v": 1, "items": items}).encode()
    except ValueError:
        return
    for sent in (data, data[: len(data) // 2], noise, data + noise):
        assert post(client, sent).status_code in (204, 400, 413, 429)
    assert SECRET.encode() not in shop.bytes_of(home)


def test_too_much_is_told_to_wait_and_how_long() -> None:
    limit = limiting.Limit(per_second=2, at_once=3)
    assert [limit.wait_s(100.0) for _ in range(4)] == [0, 0, 0, 1]
    assert limit.wait_s(100.4) == 1
    assert limit.wait_s(100.6) == 0
    assert [limit.wait_s(1000.0) for _ in range(4)] == [0, 0, 0, 1]
    assert limit.wait_s(999.0) == 1, "a clock that stands still gives nothing"


def test_more_than_that_at_once_is_answered_with_429(tmp_path: Path) -> None:
    home = shop.build(tmp_path, [ORIGIN])
    client = create_app(home.settings).test_client()
    statuses = [post(client, body()).status_code for _ in range(limiting.AT_ONCE + 200)]
    assert set(statuses) == {204, 429}
    got = next(got for _ in range(500) if (got := post(client, body())).status_code == 429)
    assert (got.headers["Retry-After"], got.headers["Access-Control-Expose-Headers"]) == ("1", "Retry-After")
    assert shop.refused(home)["rate"] >= statuses.count(429)
    home.close()


def test_every_word_of_a_refusal_stands_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs/formats/browser.md").read_text()
    assert [word for word in WORDS if f"`{word}`" not in text] == []
    assert f"{told.MOST_BYTES:,}" in text
    assert f"at most {told.MOST_ITEMS};" in text


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://shop.example", True),
        ("http://home.example:8080", True),
        ("https://home.example:8080", False),
        ("https://shop.example.evil.example", False),
        ("", False),
        ("null", False),
    ],
)
def test_an_origin_is_our_own_or_a_listed_one(origin: str, expected: bool) -> None:
    assert origins.allowed(["https://shop.example"], origin, "http://home.example:8080/") is expected


def test_the_scripts_are_served_as_they_were_built_and_pinned(client: FlaskClient) -> None:
    for name in scripts.NAMES:
        got = client.get(f"/browser/{name}?v={scripts.version(name)}")
        assert got.status_code == 200
        assert scripts.pinned(got.data) == scripts.integrity(name)
        assert got.mimetype == "text/javascript"
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert got.headers["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in got.headers
    assert client.get("/browser/home.js").headers["Cache-Control"] == "public, max-age=600"
    assert client.get("/browser/../../settings.toml").status_code == 404
    assert client.get(f"/browser/{SECRET}.js").status_code == 404
