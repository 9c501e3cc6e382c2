"""Records what really leaves: a proxy that ends TLS, as some companies have one, and notes the hash of every body.

`python -m tests.whole.wiretap FOLDER CORPORATE_PORT CORPORATE_CA` writes its own authority to FOLDER/wiretap.crt and
prints its port. It decompresses by itself, and knows nothing of the installation's code. For each `POST /v1/batches`
one line goes to FOLDER/wire: SHA-256 and size of the body before its Content-Encoding, number of messages, and what
became of it. Each line on standard input is for the next batch: `lose` passes it on and loses the answer, `drop`
passes nothing on, `cut` sends half of the answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import queue
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
import zstandard

ROOT = Path(__file__).parents[2]


class Wiretap:
    """The test's end of it."""

    def __init__(self, folder: Path, port: int, authority: Path) -> None:
        folder.mkdir()
        self.authority, self._record, self._read = folder / "wiretap.crt", folder / "wire", 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.whole.wiretap", str(folder), str(port), str(authority)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"https://127.0.0.1:{int(self._process.stdout.readline())}"

    def order(self, what: str) -> None:
        """What happens to the next batch."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "noted\n"

    def captured(self) -> list[dict[str, Any]]:
        """The batches that went by since it was asked last."""
        if not self._record.exists():
            return []
        lines = self._record.read_text().splitlines()
        new, self._read = lines[self._read :], len(lines)
        return [json.loads(line) for line in new]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate(timeout=10)


def _handler(folder: Path, port: int, trust: ssl.SSLContext, orders: queue.SimpleQueue[str]) -> type:
    record, one_at_a_time = folder / "wire", threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_batch = self.path == "/v1/batches"
            order = orders.get() if is_batch and not orders.empty() else "pass"
            if is_batch:
                with one_at_a_time, record.open("a") as f:
                    f.write(json.dumps(_described(self.headers, body) | {"became": order}) + "\n")
            self.close_connection = True
            if order != "drop":
                self._answer(body, order)

        do_GET = do_POST = _pass

        def _answer(self, body: bytes, order: str) -> None:
            onward = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=30)
            onward.request(self.command, self.path, body, dict(self.headers.items()))
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            if order == "lose":
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "keep-alive"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if order == "cut" else content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _described(headers: Any, body: bytes) -> dict[str, Any]:
    if headers.get("Content-Encoding") == "zstd":
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "messages": body.count(b"\n") - 1}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, handler: type) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._context = context

    def finish_request(self, request: socket.socket, address: Any) -> None:
        """TLS in the thread of the connection."""
        with contextlib.suppress(OSError), self._context.wrap_socket(request, server_side=True) as inner:
            super().finish_request(inner, address)


def main(folder: Path, port: int, authority: Path) -> None:
    """Serve until killed."""
    own = trustme.CA()
    own.cert_pem.write_to_path(str(folder / "wiretap.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.issue_cert("127.0.0.1").configure_cert(context)
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    trust = ssl.create_default_context(cafile=str(authority))
    server = _Server(context, _handler(folder, port, trust, orders))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for line in sys.stdin:
        orders.put(line.strip())
        print("noted", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
