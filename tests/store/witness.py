"""A small C2SP witness (c2sp.org/tlog-witness) that behaves, over HTTPS; it uses none of the installation's code.

`Witness` runs in a thread of the test. What it has seen of each ledger is in `seen`, and what it was sent in `bodies`.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME = "witness.example/w1"


class Witness:
    """A witness; answers on `url` with a certificate of `ca_file`. Of which ledger, `know` says."""

    def __init__(self, folder: Path) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.logs: dict[str, Ed25519PublicKey] = {}
        self.seen: dict[str, tuple[int, bytes]] = {}
        self.bodies: list[str] = []
        self.spoil = False
        authority = trustme.CA()
        self.ca_file = folder / "witness-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/prefix"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def vkey(self) -> str:
        """The line by which it is known."""
        encoded = base64.b64encode(b"\x04" + self._public()).decode()
        return f"{NAME}+{self._id().hex()}+{encoded}"

    def know(self, vkey: str) -> None:
        """Witness the ledger of this key line."""
        name, _, encoded = vkey.split("+", 2)
        self.logs[name] = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, body: str) -> tuple[int, str]:
        """The status and body of the answer to add-checkpoint."""
        self.bodies.append(body)
        head, _, note = body.partition("\n\n")
        old, *path = head.split("\n")
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        if origin not in self.logs:
            return 404, ""
        raw = base64.b64decode(signatures.split("\n")[0].split(" ")[2])
        try:
            self.logs[origin].verify(raw[4:], text.encode())
        except InvalidSignature:
            return 403, ""
        known, known_root = self.seen.get(origin, (0, b""))
        if int(old.removeprefix("old ")) != known:
            return 409, f"{known}\n"
        new_root = base64.b64decode(root)
        if known == int(size) and known_root != new_root:
            return 409, f"{known}\n"
        if known and not consistent(known, int(size), known_root, new_root, [base64.b64decode(h) for h in path]):
            return 422, ""
        self.seen[origin] = int(size), new_root
        now = int(time.time())
        signature = self.key.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        if self.spoil:
            signature = bytes(64)
        line = base64.b64encode(self._id() + now.to_bytes(8, "big") + signature).decode()
        return 200, f"— {NAME} {line}\n"

    def _id(self) -> bytes:
        return hashlib.sha256(NAME.encode() + b"\n\x04" + self._public()).digest()[:4]

    def _public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        witness = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = witness.add(body) if self.path == "/prefix/add-checkpoint" else (404, "")
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer.encode())))
                if status == 409:
                    self.send_header("Content-Type", "text/x.tlog.size")
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2, written down a second time."""
    if old == new:
        return not path and old_root == new_root
    if old & (old - 1) == 0:
        path = [old_root, *path]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not path:
        return False
    fr = sr = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(step, fr), _node(step, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (old_root, new_root)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
