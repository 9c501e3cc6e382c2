"""The annotator as a real program for tests: started on a free port with a spool of its own, and used over HTTP."""

from __future__ import annotations

import http.client
import http.cookiejar
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/annotator"
CATALOGUE = EXAMPLE / "annotator/outbound_fields.toml"
INDEX = EXAMPLE / "annotator/index.json"
START_S = 20


@dataclass(frozen=True)
class Answer:
    """What a page answered."""

    status: int
    url: str
    body: bytes


@dataclass
class Visitor:
    """Someone in front of the annotator: keeps cookies, follows links after a form, as a browser does."""

    address: str
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._open(urllib.request.Request(self.address + path))  # noqa: S310 (an http address of ours)

    def post(self, path: str, fields: Mapping[str, str], files: Mapping[str, tuple[str, str, bytes]] = {}) -> Answer:
        """Send a form; `files` maps a field to file name, media type and bytes."""
        edge = secrets.token_hex(8)
        parts = [_part(edge, f'name="{name}"', "", value.encode()) for name, value in fields.items()]
        for name, (filename, media_type, data) in files.items():
            parts.append(_part(edge, f'name="{name}"; filename="{filename}"', media_type, data))
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self._open(urllib.request.Request(self.address + path, body, headers))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> Answer:
        opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), urllib.request.ProxyHandler({})
        )
        try:
            with opener.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.url, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.url, refused.read())


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    data: Path, spool: Path, *, workers: int = 1, python: str = sys.executable, port: int = 0, tells: str = ""
) -> Iterator[Visitor]:
    """Run the annotator with its data and spool in these folders, and stop it at the end.

    `tells` is where its pages tell of their errors.
    """
    port = port or free_port()
    command = [
        python, "-m", "gunicorn", f"--workers={workers}", "--threads=4", "--no-control-socket",
        f"--pythonpath={EXAMPLE},{ROOT}", f"--bind=127.0.0.1:{port}", "annotator.app:create_app()",
    ]  # fmt: skip
    environ = {**os.environ, "ANNOTATOR_DATA": str(data), "ANNOTATOR_SPOOL": str(spool), "ANNOTATOR_STRICT": "1"}
    environ["ANNOTATOR_TELLS"] = tells
    with (data.parent / "annotator.log").open("ab") as log:
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd="/")
    try:
        _wait(port, server)
        yield Visitor(f"http://127.0.0.1:{port}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def use(visitor: Visitor, secret: str) -> None:
    """Do everything that one can do, with `secret` in every name, text and file, and make each mistake once."""
    attachment = {"file": (f"{secret}.bin", "application/octet-stream", secret.encode())}
    visitor.get("/")
    visitor.post("/members", {"name": f"Rose {secret}"})
    project = visitor.post("/projects", {"name": f"Project {secret}", "quota": "1"})
    path = urllib.parse.urlsplit(project.url).path
    assert visitor.get(f"{path}/export").status == 500  # an empty project divides by zero
    visitor.post(f"{path}/inputs", {"text": f"a text with {secret}"})
    assert visitor.post(f"{path}/inputs", {"text": secret}).status == 409  # the quota
    broken = {"labels": (f"{secret}.json", "application/json", f"{{{secret}".encode())}
    assert visitor.post(f"{path}/labels", {}, broken).status == 409
    nameless = {"labels": (f"{secret}.json", "application/json", f'[{{"colour": "{secret}"}}]'.encode())}
    assert visitor.post(f"{path}/labels", {}, nameless).status == 409
    good = {"labels": (f"{secret}.json", "application/json", f'[{{"name": "{secret}"}}]'.encode())}
    assert visitor.post(f"{path}/labels", {}, good).status == 200
    task = re.search(r"/task/\d+", visitor.get(path).body.decode())
    assert task is not None
    assert visitor.post(f"{task[0]}/annotations", {"text": f"note {secret}", "label": "1"}, attachment).status == 200
    assert visitor.post(f"{task[0]}/complete", {}).status == 200
    assert visitor.post(f"{task[0]}/annotations", {"text": secret}).status == 409  # completed
    assert secret.encode() in visitor.get(f"{path}/export").body


def _part(edge: str, disposition: str, media_type: str, data: bytes) -> bytes:
    kind = f"Content-Type: {media_type}\r\n" if media_type else ""
    return f"--{edge}\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n".encode() + data + b"\r\n"


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the annotator did not start: read annotator.log")
