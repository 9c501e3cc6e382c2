"""The address for Sentry SDKs: what it takes, how it answers, and that bad input costs a clear status and a count."""

import base64
import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffgram_home import dsns, intake
from diffgram_home.app import create_app
from diffgram_home.browser import day_key, memory, seen
from event import sentry
from event import spool as spooled
from tests.event import samples
from tests.store.building import ACTOR, NOW
from tests.ways import site
from tests.ways.spelled import SECRET, found_in, found_under

FRAMES = [{"module": "shop", "function": "take", "lineno": 16, "vars": {"buyer": SECRET}}]
EVENT = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "platform": "python",
    "release": "shop@1.4.2",
    "exception": {
        "values": [{"module": "shop", "type": "StockError", "value": SECRET, "stacktrace": {"frames": FRAMES}}]
    },
    "user": {"email": f"{SECRET}@example.org"},
    "breadcrumbs": {"values": [{"message": SECRET}]},
}
LOG = {"chain": [{"type": "shop.StockError", "shapes": ["text(<32)"]}], "frames": [["shop:Shelf.take:16", 1]]}


class Site:
    """An installation, a client of its application, and a key."""

    def __init__(self, folder: Path, mode: str = "local", more: str = "") -> None:
        self.home = site.build(folder, mode, more)
        self.key = dsns.make(self.home, "shop web", ACTOR, NOW)
        app = create_app(self.home.settings)
        app.testing = False
        self.client: FlaskClient = app.test_client()

    @property
    def spool(self) -> Path:
        return self.home.settings.spool.folder

    def post(self, body: bytes, path: str = "envelope", key: str | None = None, **headers: str) -> Any:
        auth = f"Sentry sentry_version=7, sentry_key={self.key.key if key is None else key}, sentry_client=test/1"
        sent = {"X-Sentry-Auth": auth, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.post(f"/api/{self.key.number}/{path}/", data=body, headers=sent)

    def new(self) -> list[dict[str, Any]]:
        """The messages since the last call."""
        found = samples.messages_in(self.spool)
        for segment in spooled.segments(self.spool):
            with segment.path.open("r+b") as file:
                file.truncate(0)
        return found  # type: ignore[return-value]

    def counts(self) -> dict[str, int]:
        """Word → count of all that was refused so far."""
        found = samples.counts_in(self.spool)
        return {name.split("|")[2]: count for name, count in found.items() if name.startswith("refused|home/error|")}


def envelope(*items: tuple[str, bytes], lengths: bool = True) -> bytes:
    parts = [b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"x"}']
    for kind, data in items:
        parts += [json.dumps({"type": kind, **({"length": len(data)} if lengths else {})}).encode(), data]
    return b"\n".join(parts)


def told(document: Any = EVENT) -> bytes:
    return envelope(("event", json.dumps(document).encode()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("site"), more='[browser]\norigins = ["https://shop.example"]\n')
    yield found
    found.home.close()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("lengths", [True, False])
def test_an_event_is_taken_however_it_is_packed(shop: Site, encoding: str, lengths: bool):
    body = envelope(("event", json.dumps(EVENT).encode()), lengths=lengths)
    answer = shop.post(PACKED[encoding](body), Content_Encoding=encoding)
    assert (answer.status_code, answer.data) == (200, b"{}")
    [message] = shop.new()
    assert (message["error_log"], message["release"]) == (LOG, "1.4.2")


def test_a_bare_deflate_stream_is_taken_too(shop: Site):
    packer = zlib.compressobj(wbits=-15)
    assert shop.post(packer.compress(told()) + packer.flush(), Content_Encoding="deflate").status_code == 200
    assert len(shop.new()) == 1


def test_the_old_address_takes_one_event(shop: Site):
    assert shop.post(json.dumps(EVENT).encode(), path="store").status_code == 200
    assert [message["error_log"] for message in shop.new()] == [LOG]


def test_a_browser_brings_the_key_in_the_query(shop: Site):
    answer = shop.client.post(
        f"/api/{shop.key.number}/envelope/?sentry_key={shop.key.key}&sentry_version=7", data=told()
    )
    assert answer.status_code == 200
    assert len(shop.new()) == 1


@pytest.mark.parametrize("key", ["", "0" * 32, SECRET, "\u0105", "x" * 5_000])
def test_another_key_opens_nothing(shop: Site, key: str):
    answer = shop.client.post(f"/api/{shop.key.number}/envelope/", data=told(), query_string={"sentry_key": key})
    assert answer.status_code == 403
    assert found_in(answer.data) == []
    assert shop.new() == []
    other = shop.client.post("/api/999999999999999999999/envelope/", data=told(), query_string={"sentry_key": key})
    assert other.status_code == 403


def test_a_revoked_key_opens_nothing_any_more(tmp_path: Path):
    found = Site(tmp_path)
    assert found.post(told()).status_code == 200
    dsns.revoke(found.home, found.key.number, ACTOR, NOW)
    app = create_app(found.home.settings)  # another process; this one would know within a second
    found.client = app.test_client()
    assert found.post(told()).status_code == 403
    assert len(found.new()) == 1


def test_items_that_are_never_taken_are_counted_and_an_sdk_is_told_to_keep_them(shop: Site):
    others = [
        "transaction",
        "attachment",
        "replay_event",
        "profile",
        "trace_metric",
        "feedback",
        "check_in",
        "nonsense",
    ]
    before = shop.counts()
    answer = shop.post(envelope(*((kind, SECRET.encode()) for kind in others), ("event", json.dumps(EVENT).encode())))
    assert answer.status_code == 200
    limits = answer.headers["X-Sentry-Rate-Limits"]
    assert "3600:transaction;span:organization" in limits
    assert "error" not in limits
    assert len(shop.new()) == 1
    grown = {word for word, count in shop.counts().items() if count > before.get(word, 0)}
    expected = {"transaction", "attachment", "replay", "profile", "metric", "feedback", "check-in", "unknown"}
    assert grown == expected | {"user", "breadcrumbs", "locals"}
    assert found_under(shop.spool) == {}


def logged(*records: Any) -> bytes:
    return envelope(("log", json.dumps({"items": records}).encode()))


def log_record(sdk: str = "sentry.python", **more: Any) -> dict[str, Any]:
    told = {"logger.name": "depot", "code.file.path": f"/srv/{SECRET}/depot.py", "code.function.name": "stocktake"}
    told |= {"code.line.number": 10, "sentry.release": "shop@1.4.2", "sentry.sdk.name": sdk, "user.id": SECRET}
    attributes = {key: {"value": value, "type": "string"} for key, value in (told | more).items()}
    return {"level": "warn", "body": f"shelf A7 lacks 3 for {SECRET}", "attributes": attributes}


def test_log_records_of_programs_are_taken_and_those_of_pages_counted(shop: Site):
    before = shop.counts()
    page = log_record("sentry.javascript.browser")
    answer = shop.post(logged(log_record(), page, SECRET, {"body": {}, "attributes": [SECRET]}))
    assert (answer.status_code, "X-Sentry-Rate-Limits" in answer.headers) == (200, False)
    message, bare = shop.new()
    del message["at"]
    shapes = ["shelf ", ["text(<32)"], " lacks ", ["integer(1)"], " for ", ["text(<32)"]]
    assert message == {
        "kind": "home/log",
        "level": "warning",
        "logger": "depot",
        "place": "depot:stocktake:10",
        "release": "1.4.2",
        "words": {"at": "depot:1", "arguments": [shapes]},
    }
    assert (bare["level"], bare["logger"], "words" in bare) == ("other", "<logger>", False)
    assert {
        word: count - before.get(word, 0) for word, count in shop.counts().items() if word in ("log", "attributes")
    } == {
        "log": 2,
        "attributes": 2,
    }
    assert found_under(shop.spool) == {}


def test_while_logs_are_off_an_sdk_is_told_to_keep_them(tmp_path: Path):
    found = Site(tmp_path, more='[kinds]\n"home/log" = "off"\n')
    answer = found.post(logged(log_record()))
    assert (answer.status_code, answer.headers["X-Sentry-Rate-Limits"]) == (200, "3600:log_item:organization")
    assert found.counts() == {"log": 1}
    assert found.new() == []


def test_an_error_of_a_page_is_told_as_home_js_tells_it(shop: Site):
    frame = {"filename": f"https://{SECRET}/static/app.js?x={SECRET}", "function": SECRET, "lineno": 1, "colno": 77}
    thrown = {"type": "TypeError", "value": SECRET, "stacktrace": {"frames": [frame]}}
    for kind, handled, how in (("onunhandledrejection", False, "rejection"), ("onerror", False, "error")):
        values = [{**thrown, "mechanism": {"type": f"auto.browser.global_handlers.{kind}", "handled": handled}}]
        document = {"platform": "javascript", "release": "shop@1.4.2", "exception": {"values": values}}
        assert shop.post(told(document), Origin="https://shop.example").status_code == 200
        [message] = shop.new()
        assert (message["kind"], message["how"], message["release"]) == ("home/browser-error", how, "1.4.2")
        log = {"chain": [{"type": "TypeError", "shapes": ["text(<32)"]}], "frames": [["<place>", 0]]}
        assert message["error_log"] == log
    assert shop.post(told({"platform": "javascript", "message": SECRET})).status_code == 200
    assert shop.new() == []
    assert found_under(shop.spool) == {}


def test_reports_of_lost_events_are_accepted(shop: Site):
    before = shop.counts()
    report = {"discarded_events": [{"reason": SECRET, "category": "error", "quantity": 7}, {"category": SECRET}]}
    assert shop.post(envelope(("client_report", json.dumps(report).encode()))).status_code == 200
    assert {word: count - before.get(word, 0) for word, count in shop.counts().items()}["lost-by-sender"] == 7
    assert shop.new() == []


def session_item(**told: Any) -> bytes:
    shown = {"sid": SECRET, "did": SECRET, "init": True, "attrs": {"release": "shop@1.4.2", "user_agent": SECRET}}
    return envelope(("session", json.dumps({**shown, **told}).encode()))


def test_sessions_of_programs_and_of_pages_are_counted(shop: Site):
    counted = {"aggregates": [{"started": SECRET, "exited": 5, "crashed": 2, "errored": -3, "did": SECRET}, SECRET]}
    page = {"Origin": "https://shop.example", "User_Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0"}
    folder = memory.folder(shop.home.installation)
    day = day_key.day_of(datetime.now(UTC))
    try:
        for body, headers in (
            (envelope(("sessions", json.dumps({**counted, "attrs": {"release": "1.4.2"}}).encode())), {}),
            (session_item(status="crashed"), {}),
            (session_item(status="exited", init=False), {}),
            (session_item(status="ok"), page),
            (session_item(status="ok", errors=1), page),
        ):
            assert shop.post(body, **headers).status_code == 200
        found = seen.grouped(folder, day)
        assert found is not None
        assert [tuple(row) for row in found.programs] == [("1.4.2", 8, 3)]
        assert [(g.release, g.browser, g.sessions, g.errored) for g in found.groups] == [("1.4.2", "firefox", 1, 1)]
        assert found_under(folder) == {}
    finally:
        shutil.rmtree(folder)
    assert shop.new() == []


def test_an_sdk_is_told_to_wait_while_errors_are_off(tmp_path: Path):
    found = Site(tmp_path, mode="off")
    answer = found.post(told())
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert answer.headers["X-Sentry-Rate-Limits"] == "300::organization"
    assert not list(found.spool.glob("*.spool"))


def test_an_sdk_is_told_to_wait_while_the_spool_is_full(tmp_path: Path):
    found = Site(tmp_path, more="[spool]\nmax_bytes = 1048576\n")
    (found.spool / f"1-{'a' * 8}-1.spool").write_bytes(bytes(1_048_576))
    answer = found.post(told())
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"


def test_pages_of_listed_origins_may_tell_and_others_may_not(shop: Site):
    for origin, status in (("https://shop.example", 200), ("https://evil.example", 403), ("null", 403)):
        answer = shop.post(told(), Origin=origin)
        assert answer.status_code == status
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)
        asked = shop.client.options(f"/api/{shop.key.number}/envelope/", headers={"Origin": origin})
        assert asked.status_code == (204 if status == 200 else 403)
        assert ("Access-Control-Allow-Origin" in asked.headers) == (status == 200)
    assert len(shop.new()) == 1


BIG = b'{"exception":{"values":[{"type":"ValueError"}]},"x":"' + b"A" * 3_000_000 + b'"}'
DEEP = b'{"exception":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
BAD: dict[str, tuple[int, bytes]] = {
    "nothing": (400, b""),
    "no JSON": (400, b"\x00\xff\xfe"),
    "a text": (400, b'"event"'),
    "a header that does not end": (400, b"{" * 100_000),
    "an item without a header": (400, b"{}\n\x00\n"),
    "an item that is no object": (400, b'{}\n[1]\n{"type":"event"}'),
    "a length that is too long": (400, b'{}\n{"type":"event","length":99999}\n' + json.dumps(EVENT).encode()),
    "a length that is too short": (400, b'{}\n{"type":"event","length":5}\n' + json.dumps(EVENT).encode()),
    "a length below nothing": (400, b'{}\n{"type":"event","length":-1}\n{}'),
    "a length that is no number": (400, b'{}\n{"type":"event","length":"7"}\n{}'),
    "a length without end": (400, b'{}\n{"type":"event","length":1' + b"0" * 400 + b"}\n{}"),
    "half of an event": (400, told()[:-200]),
    "an event that is a list": (400, envelope(("event", b"[]"))),
    "an event that is not a number": (400, envelope(("event", b"NaN"))),
    "an event that is too large": (413, envelope(("event", BIG))),
    "an event that is too deep": (400, envelope(("event", DEEP))),
    "a header that is too deep": (400, b"[" * 60_000),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_clear_status_and_a_count(shop: Site, name: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    status, body = BAD[name]
    before = shop.counts()
    answer = shop.post(body)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert shop.new() == []
    word = {400: "form", 413: "size"}[status]
    assert shop.counts()[word] == before.get(word, 0) + 1
    assert found_in(caplog.text.encode()) == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_not_unpacked_beyond_its_bound(shop: Site, encoding: str):
    bomb = PACKED[encoding](bytes(100 * 1024 * 1024))
    assert len(bomb) < 1024 * 1024
    assert shop.post(bomb, Content_Encoding=encoding).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_what_ends_too_early_cannot_be_unpacked(shop: Site, encoding: str):
    assert shop.post(PACKED[encoding](told())[:-9], Content_Encoding=encoding).status_code == 415
    assert shop.new() == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "compress", "gzip, br", SECRET])
def test_what_is_packed_otherwise_than_it_says_is_refused(shop: Site, encoding: str):
    answer = shop.post(told(), Content_Encoding=encoding)
    assert answer.status_code == 415
    assert found_in(answer.data) == []


def test_a_hundred_megabytes_are_not_even_read(shop: Site):
    class Endless:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("it was read")

    answer = shop.client.post(
        f"/api/{shop.key.number}/envelope/",
        query_string={"sentry_key": shop.key.key},
        environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(100 * 1024 * 1024)},
    )
    assert answer.status_code == 413


def test_what_can_be_read_of_a_damaged_envelope_is_taken(shop: Site):
    before = shop.counts()
    answer = shop.post(told() + b'\n{"type":"event","length":50}\n{}')
    assert answer.status_code == 200
    assert len(shop.new()) == 1
    assert shop.counts()["form"] == before.get("form", 0) + 1


def test_ten_thousand_frames_and_a_thousand_items_are_taken_up_to_their_bounds(shop: Site):
    many = {"exception": {"values": [{"type": "ValueError", "stacktrace": {"frames": FRAMES * 10_000}}]}}
    assert shop.post(told(many)).status_code == 200
    [message] = shop.new()
    assert message["error_log"]["frames"] == [["shop:Shelf.take:16", 1]]
    assert shop.post(envelope(*[("event", json.dumps(EVENT).encode())] * 1_000)).status_code == 200
    assert len(shop.new()) == 100


@pytest.mark.parametrize(
    "text",
    [
        '{"exception":{"values":[{"type":"ValueError","value":"\\ud800 Zuzanna Quillfeather-8841"}]}}',
        '{"exception":{"values":[{"type":"ValueError","value":NaN}]},"x":Infinity}',
        '{"exception":1,"exception":{"values":[{"type":"ValueError","type":"KeyError","value":"a\\u200bb"}]}}',
        '{"exception":{"values":[{"type":"ValueError","value":"\\u0000"}]}}',
        f'{{"exception":{{"type":"ValueError","value":1{"0" * 300}}}}}',
        '{"exception":{"values":[{"type":"ValueError","mechanism":{"exception_id":0,"parent_id":0}}]}}',
    ],
)
def test_strange_texts_and_numbers_become_shapes(shop: Site, text: str):
    assert shop.post(envelope(("event", text.encode("utf-8", "surrogatepass")))).status_code == 200
    [message] = shop.new()
    assert message["error_log"]["chain"][0]["type"] in ("ValueError", "KeyError")
    assert found_under(shop.spool) == {}


_BYTES = st.binary(max_size=200) | st.sampled_from(
    [told(), told()[:99], b"{}\n", b'{"type":"event"}\n', b"\n", DEEP[:500]]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_BYTES, max_size=4), st.sampled_from(sorted(PACKED)), st.sampled_from(["envelope", "store"]))
def test_whatever_comes_the_answer_is_never_a_fault_of_ours(shop: Site, parts: list[bytes], encoding: str, path: str):
    answer = shop.post(b"".join(parts), path=path, Content_Encoding=encoding)
    assert answer.status_code in (200, 400, 413, 415)
    assert set(shop.counts()) <= sentry.items.WORDS | {"form", "size", "encoding", "key", "origin"}


def test_what_was_taken_arrives_in_the_database_without_the_secret(tmp_path: Path):
    found = Site(tmp_path)
    assert found.post(told()).status_code == 200
    assert found.post(base64.b64encode(SECRET.encode())).status_code == 400
    assert intake.take(found.home, NOW).messages == {"event": 1}
    found.home.close()
    assert found_under(tmp_path) == {}
