"""The address for OpenTelemetry's logs: what it takes in both forms, how it answers, and what bad input gets.

Messages are made by OpenTelemetry's own classes, which are also the judge of our reader of protobuf.
"""

import gzip
import json
import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from diffgram_home import intake, otlp
from diffgram_home.otlp import _json, _protobuf
from diffgram_home.otlp._request import MOST_RECORDS, Found, Malformed, TooMany
from tests.event import samples
from tests.store.building import NOW
from tests.ways.spelled import SECRET, found_in, found_under
from tests.ways.test_endpoint import PACKED, Site

PROTOBUF, JSON = "application/x-protobuf", "application/json"
STACK = f"""Traceback (most recent call last):
  File "/srv/{SECRET}/shop.py", line 22, in sell
    Shelf("A7").take(basket["buyer"], 3)
  File "/srv/{SECRET}/shop.py", line 16, in take
shop.StockError: shelf A7 keeps no 3 for {SECRET}: reserved for {SECRET}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/{SECRET}/shop.py", line 24, in sell
    raise LookupError(f"nothing was sold to {{buyer}}") from missing
LookupError: nothing was sold to {SECRET}
"""
SHELF = [
    *("shelf ", ["text(<32)"], " keeps no ", ["integer(1)"], " for ", ["text(<32)"], ": reserved for ", ["text(<32)"]),
]
ERROR_LOG = {
    "chain": [
        {
            "type": "LookupError",
            "shapes": ["text(<64)"],
            "code_text": {"at": "shop:1", "arguments": [["nothing was sold to ", ["text(<32)"]]]},
        },
        {
            "type": "shop.StockError",
            "shapes": ["text(<256)"],
            "code_text": {
                "at": "shop:0",
                "arguments": [SHELF],
            },
        },
    ],
    "frames": [["shop:sell:24", 1], ["shop:sell:22", 1], ["shop:Shelf.take:16", 1]],
}


def text(said: str) -> AnyValue:
    return AnyValue(string_value=said)


def pairs(told: dict[str, Any]) -> list[KeyValue]:
    made = {str: lambda v: text(v), int: lambda v: AnyValue(int_value=v), AnyValue: lambda v: v}
    return [KeyValue(key=key, value=made[type(value)](value)) for key, value in told.items()]


def record(body: Any = "the stocktake begins", severity: int = 13, **told: Any) -> LogRecord:
    said = body if type(body) is AnyValue else text(body)
    return LogRecord(severity_number=severity, body=said, attributes=pairs(told))  # type: ignore[arg-type]


def request(*records: LogRecord, scope: str = "depot", **resource: Any) -> ExportLogsServiceRequest:
    made = ScopeLogs(log_records=records)
    made.scope.name = scope
    told = pairs({"telemetry.sdk.language": "python", "service.version": "1.4.2", **resource})
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=Resource(attributes=told), scope_logs=[made])])


def as_json(whole: ExportLogsServiceRequest) -> bytes:
    return json.dumps(json_format.MessageToDict(whole, use_integers_for_enums=True)).encode()


AT_LINE = {"code.file.path": f"/srv/{SECRET}/depot.py", "code.function.name": "stocktake", "code.line.number": 10}
LOGGED = record(f"shelf A7 lacks 3 for {SECRET}", **AT_LINE)


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("site"), more='[browser]\norigins = ["https://shop.example"]\n')
    yield found
    found.home.close()


def post(site: Site, body: bytes, content: str = PROTOBUF, packed: str = "", **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {site.key.key}", "Content-Type": content, "Content-Encoding": packed}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return site.client.post(f"/api/{site.key.number}/v1/logs", data=PACKED[packed](body), headers=sent)


def tell(site: Site, *records: LogRecord, **more: Any) -> list[dict[str, Any]]:
    """Send records in both forms; what is kept of them has to be the same."""
    whole = request(*records, **more)
    kept = []
    for content, body in ((PROTOBUF, whole.SerializeToString()), (JSON, as_json(whole))):
        answer = post(site, body, content)
        assert (answer.status_code, answer.content_type) == (200, content)
        assert answer.data == (b"" if content == PROTOBUF else b"{}")
        kept.append([{k: v for k, v in message.items() if k != "at"} for message in site.new()])
    assert kept[0] == kept[1]
    return kept[0]


def counts(site: Site) -> dict[str, int]:
    found = samples.counts_in(site.spool)
    return {name.split("|")[2]: count for name, count in found.items() if name.startswith("refused|home/log|")}


@pytest.mark.parametrize("packed", PACKED)
def test_a_record_is_taken_however_it_is_packed(depot: Site, packed: str):
    answer = post(depot, request(LOGGED).SerializeToString(), packed=packed)
    assert (answer.status_code, answer.data) == (200, b"")
    [message] = depot.new()
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


@pytest.mark.parametrize(
    ("severity", "level"), [(1, "debug"), (8, "debug"), (9, "info"), (16, "warning"), (17, "error")]
)
def test_severities_are_levels(depot: Site, severity: int, level: str):
    assert tell(depot, record(severity=severity))[0]["level"] == level


def test_a_severity_may_be_told_as_a_text_and_any_other_text_is_other(depot: Site):
    told = [LogRecord(severity_text=said, body=text("x")) for said in ("FATAL", "Warn", SECRET, "")]
    assert [m["level"] for m in tell(depot, *told)] == ["critical", "warning", "other", "other"]
    assert found_under(depot.spool) == {}


def test_without_a_place_words_are_those_of_the_loggers_module(depot: Site):
    begins, free, other = tell(depot, record(), record(f"no more than 3 were kept for {SECRET}"), record(SECRET))
    assert begins["words"] == {"at": "depot:0", "arguments": [["the stocktake begins"]]}
    assert free["words"]["at"] == "depot:2"
    assert (free["place"], "words" in other) == ("<place>", False)
    [elsewhere] = tell(depot, record(), scope=SECRET)
    assert (elsewhere["logger"], "words" in elsewhere) == ("<logger>", False)


def test_a_line_that_says_something_else_has_no_words(depot: Site):
    for line, path in ((11, "depot.py"), (999_999, "depot.py"), (10, "shop.py"), (-1, "depot.py")):
        [message] = tell(depot, record(SECRET, **AT_LINE | {"code.line.number": line, "code.file.path": path}))
        assert "words" not in message
        assert message["place"] == ("depot:stocktake:11" if line == 11 else "<place>")


def test_an_exception_is_told_as_an_error_of_an_sdk_is(depot: Site):
    raised = {"exception.type": "LookupError", "exception.message": f"nothing was sold to {SECRET}"}
    log, error = tell(depot, record("x", severity=17, **raised, **{"exception.stacktrace": STACK}))
    assert (log["kind"], log["level"]) == ("home/log", "error")
    assert error == {"kind": "home/error", "release": "1.4.2", "error_log": ERROR_LOG}
    [_, alone] = tell(depot, record("x", **{"exception.type": "shop.StockError", "exception.message": SECRET}))
    assert alone["error_log"] == {"chain": [{"type": "shop.StockError", "shapes": ["text(<32)"]}], "frames": []}
    [_, strange] = tell(depot, record("x", **{"exception.type": SECRET, "exception.stacktrace": SECRET}))
    assert strange["error_log"]["chain"] == [{"type": "<type>", "shapes": []}]
    assert found_under(depot.spool) == {}


def test_other_languages_have_types_and_no_places(depot: Site):
    told = {"exception.type": "java.lang.Oops", "exception.stacktrace": STACK}
    log, error = tell(depot, record(**told, **AT_LINE), **{"telemetry.sdk.language": "java"})
    assert (log["place"], "words" in log) == ("<place>", False)
    assert error["error_log"]["chain"][0]["type"] == "<type>"
    assert error["error_log"]["frames"] == []


def test_an_error_of_a_page_is_of_the_case_browser_and_its_other_records_are_let_go(depot: Site):
    stack = f"TypeError: {SECRET}\n    at sell (https://{SECRET}/{SECRET}/shop.js:1:77)\n    at https://x/shop.js:2:5"
    told = {"exception.type": "TypeError", "exception.message": SECRET, "exception.stacktrace": stack}
    page = {"telemetry.sdk.language": "webjs"}
    [error] = tell(depot, record("x", **told), **page)
    assert (error["kind"], error["how"], error["release"]) == ("home/browser-error", "caught", "1.4.2")
    assert error["error_log"] == {"chain": [{"type": "TypeError", "shapes": ["text(<32)"]}], "frames": [["<place>", 0]]}
    answer = post(depot, request(record(SECRET), record("x", **told), **page).SerializeToString())
    said = ExportLogsServiceResponse.FromString(answer.data).partial_success
    assert said.rejected_log_records == 1
    assert counts(depot)["message"] == 1
    assert len(depot.new()) == 1


def test_what_is_not_read_is_counted_by_words_of_ours(depot: Site):
    before = counts(depot)
    nested = AnyValue(kvlist_value=KeyValueList(values=pairs({SECRET: SECRET})))
    listed = AnyValue(array_value=ArrayValue(values=[text(SECRET)]))
    told = {SECRET: SECRET, "user.id": listed, "code.line.number": text(SECRET), "exception.message": nested}
    [message] = tell(depot, record(nested, **told), scope=SECRET, **{"service.name": SECRET, "host.name": SECRET})
    assert message == {
        "kind": "home/log",
        "level": "warning",
        "logger": "<logger>",
        "place": "<place>",
        "release": "1.4.2",
    }
    grown = Counter(counts(depot)) - Counter(before)
    assert grown == {"attributes": 4, "resource": 4, "body": 2}  # in each of two forms
    assert set(counts(depot)) <= otlp.WORDS | {"message"}
    assert found_under(depot.spool) == {}


def test_the_old_header_of_sentrys_sdks_brings_the_key_too(depot: Site):
    body = request(LOGGED).SerializeToString()
    auth = f"Sentry sentry_key={depot.key.key}"
    assert post(depot, body, Authorization="", X_Sentry_Auth=auth).status_code == 200
    assert len(depot.new()) == 1


@pytest.mark.parametrize(
    "key", ["", "Bearer", f"Bearer {SECRET}", "Bearer \u0105", f"Basic {SECRET}", "Bearer " + "x" * 5_000]
)
def test_another_key_opens_nothing(depot: Site, key: str):
    for content in (PROTOBUF, JSON):
        answer = post(depot, request(LOGGED).SerializeToString(), content, Authorization=key)
        assert (answer.status_code, answer.content_type) == (403, content)
        assert found_in(answer.data) == []
    assert depot.new() == []


def test_pages_of_listed_origins_may_tell_and_others_may_not(depot: Site):
    for origin, status in (("https://shop.example", 200), ("https://evil.example", 403), ("null", 403)):
        answer = post(depot, request(LOGGED).SerializeToString(), Origin=origin)
        assert answer.status_code == status
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)
        asked = depot.client.options(f"/api/{depot.key.number}/v1/logs", headers={"Origin": origin})
        assert asked.status_code == (204 if status == 200 else 403)
    assert len(depot.new()) == 1


def test_an_exporter_is_told_to_wait_while_everything_is_off_or_the_spool_is_full(tmp_path: Path):
    off = Site(tmp_path / "off", mode="off")
    full = Site(tmp_path / "full", more="[spool]\nmax_bytes = 1048576\n")
    (full.spool / f"1-{'a' * 8}-1.spool").write_bytes(bytes(1_048_576))
    for site, wait in ((off, "300"), (full, "60")):
        for content, body in ((PROTOBUF, request(LOGGED).SerializeToString()), (JSON, as_json(request(LOGGED)))):
            answer = post(site, body, content)
            assert (answer.status_code, answer.headers["Retry-After"], answer.content_type) == (429, wait, content)
        site.home.close()
    assert not list(off.spool.glob("*.spool"))


def test_records_of_a_kind_that_is_off_are_rejected_and_the_others_taken(tmp_path: Path):
    site = Site(tmp_path, more='[kinds]\n"home/log" = "off"\n')
    raised = record("x", **{"exception.type": "LookupError", "exception.stacktrace": STACK})
    whole = request(record(SECRET), raised, record(SECRET))
    answer = post(site, whole.SerializeToString())
    told = ExportLogsServiceResponse.FromString(answer.data).partial_success
    assert (answer.status_code, told.rejected_log_records) == (200, 2)
    assert told.error_message
    assert [message["error_log"] for message in site.new()] == [ERROR_LOG]
    spoken = post(site, as_json(whole), JSON).get_json()
    assert spoken["partialSuccess"]["rejectedLogRecords"] == "2"
    site.home.close()


def test_of_too_many_records_the_rest_is_rejected(depot: Site):
    whole = request(*[record()] * (MOST_RECORDS + 3))
    answer = post(depot, whole.SerializeToString())
    told = ExportLogsServiceResponse.FromString(answer.data).partial_success
    assert (answer.status_code, told.rejected_log_records) == (200, 3)
    assert len(depot.new()) == MOST_RECORDS
    assert counts(depot)["too-many"] == 3


def deep(levels: int) -> bytes:
    """An AnyValue of lists in lists, as bytes: protobuf's own classes refuse to make it."""
    value = b""
    for _ in range(levels):
        value = _field(5, _field(1, value))
    return value


def _field(number: int, data: bytes) -> bytes:
    length, size = len(data), []
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + data


def within(body: bytes) -> bytes:
    """A request of one record with these bytes."""
    return _field(1, _field(2, _field(2, body)))


WHOLE = request(LOGGED).SerializeToString()
BAD: dict[str, tuple[int, str, bytes]] = {
    "half of a request": (400, PROTOBUF, WHOLE[: len(WHOLE) // 2]),
    "no protobuf": (400, PROTOBUF, b"\xff" * 50),
    "JSON as protobuf": (400, PROTOBUF, b'{"resourceLogs": []}'),
    "a length that lies": (400, PROTOBUF, b"\x0a\x7f\x00"),
    "a length without end": (400, PROTOBUF, b"\x0a" + b"\xff" * 11),
    "a length of all there is": (400, PROTOBUF, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    "a group": (400, PROTOBUF, b"\x0b\x0c"),
    "a field without a number": (400, PROTOBUF, b"\x02\x00"),
    "a body that is no UTF-8": (400, PROTOBUF, within(_field(5, _field(1, b"\xff\xfe")))),
    "a key that is no UTF-8": (400, PROTOBUF, within(_field(6, _field(1, b"\xed\xa0\x80")))),
    "fields without end": (413, PROTOBUF, within(b"\x10\x01" * 600_000)),
    "nothing as JSON": (400, JSON, b""),
    "half of JSON": (400, JSON, as_json(request(LOGGED))[:-9]),
    "a text": (400, JSON, b'"resourceLogs"'),
    "a list": (400, JSON, b"[]"),
    "an object in place of a list": (400, JSON, b'{"resourceLogs": {}}'),
    "a text in place of a record": (400, JSON, b'{"resourceLogs":[{"scopeLogs":[{"logRecords":["x"]}]}]}'),
    "a number in place of a key": (400, JSON, b'{"resourceLogs":[{"resource":{"attributes":[{"key":1}]}}]}'),
    "too deep": (400, JSON, b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "too deep in what is read": (400, JSON, b'{"resourceLogs":' * 50_000),
    "protobuf as JSON": (400, JSON, WHOLE),
    "another form": (415, "text/plain", WHOLE),
    "no form": (415, "", WHOLE),
    "a form of the customer's": (415, SECRET, WHOLE),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_clear_status_and_a_count(depot: Site, name: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    status, content, body = BAD[name]
    before = counts(depot)
    answer = post(depot, body, content)
    assert answer.status_code == status
    assert answer.mimetype == (content if content in (PROTOBUF, JSON) else JSON)
    assert depot.new() == []
    word = {400: "form", 413: "size", 415: "encoding"}[status]
    assert counts(depot)[word] == before.get(word, 0) + 1
    assert found_in(answer.data + caplog.text.encode()) == []


def test_what_is_nested_into_a_value_costs_nothing(depot: Site):
    assert post(depot, within(_field(5, deep(100_000)))).status_code == 200
    assert len(depot.new()) == 1


@pytest.mark.parametrize("packed", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_not_unpacked_beyond_its_bound(depot: Site, packed: str):
    assert post(depot, bytes(100 * 1024 * 1024), packed=packed).status_code == 413


def test_what_ends_too_early_or_is_packed_otherwise_cannot_be_unpacked(depot: Site):
    sent = {"Authorization": f"Bearer {depot.key.key}", "Content-Type": PROTOBUF}
    to = partial(depot.client.post, f"/api/{depot.key.number}/v1/logs")
    assert to(data=gzip.compress(WHOLE)[:-9], headers={**sent, "Content-Encoding": "gzip"}).status_code == 415
    assert to(data=WHOLE, headers={**sent, "Content-Encoding": SECRET}).status_code == 415
    assert depot.new() == []


def test_a_hundred_megabytes_are_not_even_read(depot: Site):
    class Endless:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("it was read")

    answer = depot.client.post(
        f"/api/{depot.key.number}/v1/logs",
        headers={"Authorization": f"Bearer {depot.key.key}", "Content-Type": PROTOBUF},
        environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(100 * 1024 * 1024)},
    )
    assert answer.status_code == 413


def test_a_text_that_was_cut_within_a_surrogate_pair_is_taken(depot: Site):
    body = as_json(request(record("x"))).replace(b'"x"', b'"\\ud83d"')
    assert post(depot, body, JSON).status_code == 200
    assert len(depot.new()) == 1


_TEXTS = st.text(max_size=20)
_VALUES = st.recursive(
    st.one_of(
        _TEXTS.map(text),
        st.integers(-(2**63), 2**63 - 1).map(lambda n: AnyValue(int_value=n)),
        st.booleans().map(lambda b: AnyValue(bool_value=b)),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda f: AnyValue(double_value=f)),
        st.binary(max_size=9).map(lambda b: AnyValue(bytes_value=b)),
        st.just(AnyValue()),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda found: AnyValue(array_value=ArrayValue(values=found))),
    max_leaves=4,
)
_KEYS = st.sampled_from(sorted(otlp._request.READ | otlp._request.OF_RESOURCE)) | _TEXTS
_PAIRS = st.lists(st.builds(KeyValue, key=_KEYS, value=_VALUES), max_size=5)
_RECORDS = st.builds(
    LogRecord,
    time_unix_nano=st.integers(0, 2**64 - 1),
    severity_number=st.integers(0, 30),
    severity_text=_TEXTS,
    body=_VALUES,
    attributes=_PAIRS,
    flags=st.integers(0, 2**32 - 1),
    trace_id=st.binary(max_size=16),
)


@st.composite
def _requests(draw: st.DrawFn) -> ExportLogsServiceRequest:
    found = ExportLogsServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        group = found.resource_logs.add()
        group.resource.attributes.extend(draw(_PAIRS))
        for _ in range(draw(st.integers(0, 2))):
            scope = group.scope_logs.add()
            scope.scope.name = draw(_TEXTS)
            scope.log_records.extend(draw(st.lists(_RECORDS, max_size=3)))
    return found


@settings(max_examples=200, deadline=None)
@given(_requests())
def test_both_forms_of_a_request_read_the_same(whole: ExportLogsServiceRequest):
    by_bytes = _protobuf.read(whole.SerializeToString())
    by_json = _json.read(as_json(whole))
    assert (by_bytes.records, by_bytes.unread) == (by_json.records, by_json.unread)


@settings(max_examples=200, deadline=None)
@given(_requests(), _requests())
def test_what_opentelemetrys_own_reader_takes_is_read_as_it_reads_it(
    one: ExportLogsServiceRequest, other: ExportLogsServiceRequest
):
    joined = one.SerializeToString() + other.SerializeToString()
    again = ExportLogsServiceRequest.FromString(joined).SerializeToString()
    assert _protobuf.read(joined) == _protobuf.read(again)


@settings(max_examples=300, deadline=None)
@given(_requests(), st.data())
def test_what_is_damaged_is_read_as_opentelemetrys_own_reader_does_or_refused(
    whole: ExportLogsServiceRequest, data: st.DataObject
):
    body = bytearray(whole.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    ours = _read(bytes(body))
    try:
        theirs = ExportLogsServiceRequest.FromString(bytes(body))
    except DecodeError:
        return  # they read every field, we those that are kept
    assert ours is None or ours == _read(theirs.SerializeToString())


def _read(body: bytes) -> Found | None:
    try:
        return _protobuf.read(body)
    except (Malformed, TooMany):
        return None


_PARTS = st.binary(max_size=200) | st.sampled_from(
    [WHOLE, WHOLE[:99], b"\x0a", b'{"resourceLogs":[', b"{}", b"\xff" * 20]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_PARTS, max_size=4), st.sampled_from(sorted(PACKED)), st.sampled_from([PROTOBUF, JSON, "text/html"]))
def test_whatever_comes_the_answer_is_never_a_fault_of_ours(depot: Site, parts: list[bytes], packed: str, content: str):
    answer = post(depot, b"".join(parts), content, packed)
    assert answer.status_code in (200, 400, 413, 415)
    assert set(counts(depot)) <= otlp.WORDS | {"message", "form", "size", "encoding", "key", "origin"}
    assert "internal" not in {name.split("|")[0] for name in samples.counts_in(depot.spool)}


def test_what_was_taken_arrives_in_the_database_without_the_secret(tmp_path: Path):
    site = Site(tmp_path)
    raised = record(SECRET, **{"exception.type": SECRET, "exception.message": SECRET, "exception.stacktrace": STACK})
    assert post(site, request(LOGGED, raised, scope=SECRET, patient=SECRET).SerializeToString()).status_code == 200
    assert intake.take(site.home, NOW).messages == {"event": 3}
    site.home.close()
    assert found_under(tmp_path) == {}
