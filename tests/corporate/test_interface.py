"""The wire as an interface: OpenAPI 3.1, and one shape of errors whatever comes."""

import json

import msgspec
import pytest

from tests.corporate.pretend import Pretend
from tests.corporate.running import Server

SHAPE = {"code", "message", "hint", "retry"}


def test_the_interface_is_described(stranger: Pretend) -> None:
    described = stranger.get("/v1/openapi.json").json
    assert described["openapi"] == "3.1.0"
    batches = {"/v1/manifest", "/v1/enrolment", "/v1/batches"}
    assert set(described["paths"]) == {*batches, "/v1/deletions", "/v1/catalogues/{first}"}
    batch = described["paths"]["/v1/batches"]["post"]
    assert "application/x-ndjson" in batch["requestBody"]["content"]
    assert {"200", "400", "401", "403", "404", "409", "413", "415", "429"} <= set(batch["responses"])
    error = described["components"]["schemas"]["ErrorOut"]
    assert set(error["required"]) == SHAPE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/batches", 405), ("DELETE", "/v1/manifest", 405), ("PUT", "/v1/enrolment", 405)],
)
def test_what_is_not_there_has_the_one_shape_too(stranger: Pretend, method: str, path: str, status: int) -> None:
    answer = stranger.connection().request(method, path)
    assert (answer.status, set(answer.json())) == (status, SHAPE)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"token": NaN}', json.dumps({"token": "x" * 40_000}).encode()],
)
def test_any_bytes_to_the_enrolment_are_answered_in_the_one_shape(stranger: Pretend, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = stranger.connection().request("POST", "/v1/enrolment", body=body, headers=headers)
    assert answer.status in (400, 413, 415)
    assert set(answer.json()) == SHAPE


@pytest.mark.parametrize(
    "body",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        b"[1]\n{}\n",
        b"\xff\n",
        b'{"installation":7,"catalogue":"","index":""}\n',
        b"{" * 100_000 + b"\n",
        b'{"format":1e999}\n',
    ],
)
def test_any_bytes_as_a_batch_are_malformed_and_never_an_error_of_ours(one: Pretend, body: bytes) -> None:
    reply = one.send(body)
    assert (reply.status, reply.json["code"]) == (400, "malformed")


@pytest.mark.parametrize("key", ["catalogue", "index", "case", "installation"])
def test_a_nul_in_a_header_is_no_error_of_ours(one: Pretend, key: str) -> None:
    header, rest = one.seal(1).split(b"\n", 1)
    value = msgspec.json.decode(header)[key]
    reply = one.send(header.replace(value.encode(), b"\\u0000" * len(value)) + b"\n" + rest)
    assert reply.status in (400, 401, 404), reply


SENT_BADLY = (
    b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nRose Budd\r\n",
    b"GET /v1/manifest HTTP/1.1\r\nRose Budd: x\r\n\r\n",
    b"Rose Budd 1961-02-03\r\n\r\n",
)


@pytest.mark.parametrize("sent", SENT_BADLY)
def test_what_is_no_request_is_not_quoted_in_the_log(one: Pretend, server: Server, sent: bytes) -> None:
    log = server.config.with_name("stderr.log")
    before = log.read_text().count("a request was refused")
    with one.raw() as connection:
        connection.sendall(sent)
        while connection.recv(4096):
            pass
    assert log.read_text().count("a request was refused") == before + 1
    assert "Rose" not in log.read_text()


def test_no_error_quotes_what_was_sent(one: Pretend, server: Server) -> None:
    body = one.seal(1).replace(b'"kind":"home/error",', b'"kind":"home/error","rose_budd":"rose@budd.example",')
    reply = one.send(body)
    assert reply.status == 400
    log = server.config.with_name("stderr.log").read_text()
    for word in ("rose_budd", "budd.example"):
        assert word not in json.dumps(dict(reply.json))
        assert word not in log
