"""Senders that are too large, too slow, too many, or half there: refused, and the server stays up."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import zstandard

from corporate import ingest
from tests.corporate.pretend import Pretend, message
from tests.corporate.running import Server, found, peak_memory, running

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def strict(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience and few threads."""
    more = "\n[limits]\nrequest_s = 2\nhandshake_s = 1\nrequests_per_s = 1\nburst = 3\n"
    config, root = found(tmp_path_factory.mktemp("strict"), make_url(), more)
    text = config.read_text().replace("[wire]\n", "[wire]\nworkers = 1\nthreads = 4\n")
    config.write_text(text)
    with running(config, root) as made:
        yield made


@pytest.fixture
def limited(strict: Server, tmp_path: Path) -> Iterator[Pretend]:
    """An installation enrolled at the strict server."""
    made = Pretend(strict, tmp_path)
    assert made.enrol().status == 201
    yield made
    made.use("")


def head(*lines: str) -> bytes:
    """The head of a POST of a batch."""
    first = ("POST /v1/batches HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/x-ndjson", *lines)
    return ("\r\n".join(first) + "\r\n\r\n").encode()


def status(connection: socket.socket) -> int:
    """The status code that comes back, 0 for a connection that is closed without one."""
    data = connection.recv(65_536)
    line = re.match(rb"HTTP/1.1 (\d{3})", data)
    return int(line[1]) if line else 0


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(one: Pretend) -> None:
    with one.raw() as connection:
        connection.sendall(head("Content-Length: 1000000000"))
        assert status(connection) == 413


def test_a_body_without_end_is_refused_at_the_limit(one: Pretend) -> None:
    with one.raw() as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
        with pytest.raises(OSError, match=r".*"), ExitStack() as _:  # noqa: PT012 - sends until it is cut off
            for _n in range(64):
                connection.sendall(chunk)
            raise OSError("sent everything")
    assert one.send(one.seal(1)).status == 200


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(one: Pretend) -> None:
    for encoding in ("identity", "zstd"):
        assert one.send(bytes(16 * MIB), encoding=encoding).json["code"] == "malformed"
        assert one.send(bytes(16 * MIB + 1), encoding=encoding).json["code"] == "too-large"


def test_a_batch_of_too_many_messages_is_refused_before_one_is_decoded(one: Pretend) -> None:
    header, line = one.seal(1).splitlines(keepends=True)
    assert one.send(header + line * ingest.LARGEST_MESSAGES).json["code"] == "malformed", "the header says 1"
    reply = one.send(header + line * (ingest.LARGEST_MESSAGES + 1))
    assert (reply.status, reply.json["code"]) == (413, "too-large")


def test_a_zip_bomb_is_not_unpacked(one: Pretend) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(900 * MIB))
    assert len(bomb) < MIB
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: one.send(bomb, encoding="identity", Content_Encoding="zstd"), range(8)))
    assert {(reply.status, reply.json["code"]) for reply in replies} == {(413, "too-large")}
    assert peak_memory(one.server) < 500 * MIB


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_Encoding": "gzip"}, "encoding"),
        ({"Content_Type": "application/json"}, "media-type"),
    ],
)
def test_another_encoding_or_type_is_refused(one: Pretend, headers: dict[str, str], code: str) -> None:
    reply = one.send(one.seal(1), **headers)
    assert (reply.status, reply.json["code"]) == (415, code)


def test_a_body_that_is_no_zstd_or_is_cut_is_malformed(one: Pretend) -> None:
    body = one.seal(1, [message()] * 50)
    for raw in (b"no zstd at all", zstandard.ZstdCompressor().compress(body)[:-9]):
        reply = one.send(raw, encoding="identity", Content_Encoding="zstd")
        assert (reply.status, reply.json["code"]) == (400, "malformed")


def test_a_slow_sender_of_a_body_is_cut_off_at_the_deadline(limited: Pretend) -> None:
    with limited.raw() as connection:
        connection.sendall(head("Content-Length: 5000"))
        started = time.monotonic()
        answer = trickle(connection)
        assert 1.5 < time.monotonic() - started < 8
    assert answer in (408, 0)


def test_a_slow_sender_of_a_head_is_cut_off_at_the_deadline(limited: Pretend) -> None:
    with limited.raw() as connection:
        connection.sendall(b"POST /v1/batches HTTP/1.1\r\nX-Slow: ")
        started = time.monotonic()
        assert trickle(connection) == 0
        assert 1.5 < time.monotonic() - started < 8


def trickle(connection: ssl.SSLSocket) -> int:
    """Send a byte every fifth of a second until something comes back; its status."""
    connection.settimeout(0.2)
    for _ in range(100):
        try:
            connection.send(b"x")
            return status(connection)
        except TimeoutError:
            continue
        except OSError:
            return 0
    raise AssertionError("never cut off")


def test_half_sent_handshakes_do_not_stop_the_service(limited: Pretend) -> None:
    assert limited.send(limited.seal(1)).status == 200
    limited.use(limited.certificate)
    with ExitStack() as held:
        for _ in range(12):
            raw = held.enter_context(socket.create_connection(("127.0.0.1", limited.server.wire_port)))
            raw.sendall(b"\x16\x03")
        started = time.monotonic()
        assert limited.send(limited.seal(2)).status == 200
        assert time.monotonic() - started < 15


def test_many_requests_of_one_installation_are_told_to_wait(limited: Pretend, strict: Server, tmp_path: Path) -> None:
    replies = [limited.send(limited.seal(n)) for n in range(1, 9)]
    late = [reply for reply in replies if reply.status == 429]
    assert late
    assert all(reply.json["retry"] and int(reply.headers["Retry-After"]) >= 1 for reply in late)
    assert 3 <= sum(reply.status == 200 for reply in replies) <= 6
    other = Pretend(strict, tmp_path)
    assert other.enrol().status == 201
    assert other.send(other.seal(1)).status == 200, "another installation is not affected"
    other.use("")


def test_a_rate_limited_installation_may_go_on_after_the_wait(limited: Pretend) -> None:
    n = 0
    while (reply := limited.send(limited.seal(n := n + 1))).status == 200:
        assert n < 20
    time.sleep(int(reply.headers["Retry-After"]))  # the wait itself is what is tested
    assert limited.send(limited.seal(n)).status == 200
