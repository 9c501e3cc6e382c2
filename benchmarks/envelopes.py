"""Sentry envelopes a second through the installation's address, durable, beside a bare Flask endpoint in the same run.

One envelope, made by the real sentry-sdk: an exception and its cause with frames, source and local variables, packed
with gzip as the SDK does. It is sent again and again over eight kept connections to `diffgram-home run --only pages`,
two workers, and in turn to a Flask application that unpacks and parses it and keeps nothing, served by gunicorn in the
same way. The sender shares the cores with the servers. Durable: the answer comes when the record is in the spool, where
`kill -9` cannot take it; at the end the spool is read back, and must have a record for every 200.
"""

import gzip
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sentry_sdk
from sentry_sdk.transport import Transport

from benchmarks._timing import Goals, Row, arguments, cpu_s, machine, number, table, tree
from diffgram_home import dsns
from event import spool
from tests.ways import site
from tests.ways.products import shop

GOAL = 2_000
CONNECTIONS, WORKERS, THREADS = 8, 2, 8
READY_S = 60
ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print the table; exit with 1 when the goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    rounds, seconds = (1, 0.5) if goals.quick else (7, 5.0)
    print(machine("flask", "gunicorn", "msgspec", "sentry-sdk"))
    body = _captured()
    print(f"One envelope: {len(body):,} bytes, {len(gzip.compress(body)):,} packed.\n")
    with tempfile.TemporaryDirectory() as name, _installation(Path(name)) as ours, _bare() as floor:
        taken, used = _measured({"installation": ours, "bare Flask": floor}, body, rounds, seconds)
        stored = sum(_records(Path(name) / "data" / "spool"))
    answered = sum(count for count, _ in taken["installation"])
    if stored < answered:
        raise SystemExit(f"{answered} answers of 200, {stored} records")
    _print(taken, used)
    rows = {way: Row.of(way, [count / passed for count, passed in found]) for way, found in taken.items()}
    print(f"Times the bare endpoint: {rows['installation'].times(rows['bare Flask']):.2f}\n")
    goals.hold("envelopes a second, durable", rows["installation"].value, GOAL, at_most=False)
    return goals.end()


def _captured() -> bytes:
    """Return an envelope as the SDK makes it, with all that it adds by default."""
    caught: list[bytes] = []

    class _Keeper(Transport):
        def capture_envelope(self, envelope: "sentry_sdk.envelope.Envelope") -> None:
            caught.append(envelope.serialize())

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=_Keeper(), release="shop@1.4.2")
    try:
        shop.sell("a customer")
    except LookupError as fault:
        sentry_sdk.capture_exception(fault)
    return caught[0]


@contextmanager
def _installation(folder: Path) -> Iterator[tuple[int, int, bytes]]:
    """An installation's pages: process id, port, and the path with the key."""
    port = _free_port()
    home = site.build(folder, more=f"[web]\nport = {port}\nworkers = {WORKERS}\n[spool]\nmax_bytes = 1073741824\n")
    key = dsns.make(home, "benchmark", "os:0", datetime.now(UTC))
    home.close()
    command = ["-m", "diffgram_home.cli", "--config", str(home.settings.path), "run", "--only", "pages"]
    with _process(command) as pid:
        _await(port)
        yield pid, port, f"/api/{key.number}/envelope/?sentry_key={key.key}".encode()


@contextmanager
def _bare() -> Iterator[tuple[int, int, bytes]]:
    port = _free_port()
    options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS), "-b", f"127.0.0.1:{port}"]
    with _process(["-m", "gunicorn", "--no-control-socket", "--preload", *options, "benchmarks._bare:app"]) as pid:
        _await(port)
        yield pid, port, b"/api/1/envelope/"


@contextmanager
def _process(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _await(port: int) -> None:
    ends = time.monotonic() + READY_S
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _measured(
    servers: dict[str, tuple[int, int, bytes]], body: bytes, rounds: int, seconds: float
) -> tuple[dict[str, list[tuple[int, float]]], dict[str, float]]:
    """Return for each server the answers and seconds of each round, and its processor seconds in all."""
    taken: dict[str, list[tuple[int, float]]] = {name: [] for name in servers}
    used = dict.fromkeys(servers, 0.0)
    for _, port, path in servers.values():
        _send(port, path, gzip.compress(body), seconds / 5)  # workers load the last of their modules with a request
    for _ in range(rounds):
        for name, (pid, port, path) in servers.items():
            before = cpu_s(tree(pid))
            taken[name].append(_send(port, path, gzip.compress(body), seconds))
            used[name] += cpu_s(tree(pid)) - before
    return taken, used


def _send(port: int, path: bytes, body: bytes, seconds: float) -> tuple[int, float]:
    """Send over all connections for so long, wait for the last answers; return how many were 200, and the time."""
    head = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: " % path
    head += b"%d\r\n\r\n" % len(body)
    waiting = selectors.DefaultSelector()
    begin = time.monotonic()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(head + body)
        waiting.register(connection, selectors.EVENT_READ, bytearray())
    answered = 0
    while waiting.get_map():
        for key, _ in waiting.select():
            found = key.fileobj
            assert isinstance(found, socket.socket)
            if not _is_whole(key.data, found.recv(65_536)):
                continue
            answered += 1
            if time.monotonic() - begin < seconds:
                found.sendall(head + body)
            else:
                waiting.unregister(found)
                found.close()
    return answered, time.monotonic() - begin


def _is_whole(answer: bytearray, part: bytes) -> bool:
    """Add a part to an answer; True, and empty again, when that was the last of it."""
    answer += part
    head, _, rest = bytes(answer).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or not part:
        raise SystemExit(f"an answer that was not expected: {answer[:200]!r}")
    length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    if length is None or len(rest) < int(length[1]):
        return False
    answer.clear()
    return True


def _records(folder: Path) -> Iterator[int]:
    """Yield how many records each segment has."""
    for segment in spool.segments(folder):
        yield sum(type(found) is spool.Frame for found in spool.frames(segment.path.read_bytes(), False))


def _print(taken: dict[str, list[tuple[int, float]]], used: dict[str, float]) -> None:
    lines = []
    for name, rounds in taken.items():
        row = Row.of(name, [count / passed for count, passed in rounds])
        answered = sum(count for count, _ in rounds)
        each = f"{used[name] / answered * 1e6:,.0f}"
        lines.append((name, number(row.value), f"{number(row.low)}–{number(row.high)}", each, f"{answered:,}"))
    head = ("server", "envelopes a second", "low–high of rounds", "µs of processor each", "answers")
    print(table("Envelopes, two workers, sender on the same cores", head, lines))


if __name__ == "__main__":
    sys.exit(main())
