"""A corporate that behaves, and misbehaves on request: a program of its own, spoken to over its standard input.

`python misbehaving.py FOLDER` listens on a port of 127.0.0.1 and prints one JSON line with `port` and `root`. Each line
on standard input is what to do with the next connection, in order; without one it behaves. For each connection it
prints one JSON line: what it did, and what it saw. Bodies (after Content-Encoding) are kept in FOLDER/bodies/<sha256>.

    {"do": "good", "fresh": true}            a proper receipt; with a fresh certificate of "days" days
    {"do": "answer", "status": 429, "headers": {…}, "body": …}     whatever is said, after reading the request
    {"do": "garbage"} {"do": "half"} {"do": "huge"} {"do": "drip"} {"do": "silent"} {"do": "close"} {"do": "early"}
    {"do": "keep", "then": "stay"}           a proper receipt, and the connection stays open for another request, whose
                                             order is the next one; "then": "leave" closes it all the same, "chatter"
                                             says what nobody asked for
    {"do": "wrong-hash"} {"do": "wrong-key"} receipts that must not count
    {"do": "rotate", "then": "good"}         a new receipt key in a new manifest, then as told
    {"do": "other-authority"} {"do": "expired"} {"do": "wrong-name"}   TLS certificates that must not count
    {"do": "mute"}                           accepts the connection and says nothing, not even TLS
    {"do": "refuse-certificate"}             ends TLS when the client shows a certificate
    {"do": "require-certificate"}            401 with a fresh certificate when the client shows none
    {"do": "foreign-certificate"}            enrols with a certificate for another key
    {"do": "downgrade"}                      an older manifest, from now on
    {"do": "new-authority"}                  from now on another authority, and a manifest that says so; answers nothing
    {"do": "poison", "sequence": 1, "status": 500}                  from now on that answer to this number, at once
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import queue
import socket
import ssl
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import trustme
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from audit import gate, receipt, signed

CODEC = gate.Codec(msgspec.json.encode, msgspec.json.decode)
PEM = serialization.Encoding.PEM


class Corporate:
    """Keys, what was received, and the orders for the next connections."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bodies").mkdir(parents=True, exist_ok=True)
        self.root = Ed25519PrivateKey.generate()
        self.receipts, self.deletions = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        for name, key in (("receipts", self.receipts), ("deletions", self.deletions)):
            (folder / f"{name}.key").write_bytes(key.private_bytes_raw())
        self.authority = trustme.CA()
        self.other = trustme.CA()
        self.other.cert_pem.write_to_path(str(folder / "other-authority.pem"))
        self.version = 1
        self.orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.installations: dict[str, x509.Certificate] = {}
        self.stored: dict[tuple[str, str, int], str] = {}
        self.poison: dict[int, int] = {}
        self.lock = threading.Lock()

    def order(self) -> dict[str, Any]:
        try:
            return self.orders.get_nowait()
        except queue.Empty:
            return {"do": "good"}

    def manifest(self) -> bytes:
        now = datetime.now(UTC)
        claims = {
            "corporate": "Misbehaving Inc",
            "version": self.version,
            "issued_at": _time(now),
            "expires_at": _time(now + timedelta(days=300)),
            "keys": [
                {"purpose": "receipts", "jwk": signed.to_jwk(self.receipts.public_key())},
                {"purpose": "deletions", "jwk": signed.to_jwk(self.deletions.public_key())},
                {"purpose": "certificates", "certificate": self.authority.cert_pem.bytes().decode()},
            ],
        }
        token = signed.sign(json.dumps(claims).encode(), self.root, signed.MANIFEST)
        return json.dumps({"root": signed.to_jwk(self.root.public_key()), "manifest": token}).encode()

    def certificate(self, installation: str, key: Any, days: float = 30) -> str:
        now = datetime.now(UTC)
        key_of_authority = serialization.load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        issuer = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        uri = x509.UniformResourceIdentifier(f"urn:diffgram:installation:{installation}")
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, installation)]))
            .issuer_name(issuer.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
            .sign(key_of_authority, hashes.SHA256())
        )
        return made.public_bytes(PEM).decode()

    def say(self, what: dict[str, Any]) -> None:
        with self.lock:
            print(json.dumps(what), flush=True)

    def wait_for_the_end(self, sock: socket.socket, order: dict[str, Any]) -> None:
        """Say nothing to the other side until it has enough, or the time is over; a line says that this began."""
        self.say({"did": order["do"], "waiting": True})
        sock.settimeout(float(order.get("seconds", 30)))
        while sock.recv(65536):
            pass

    def context(self, what: str) -> ssl.SSLContext:
        authority = self.other if what == "other-authority" else self.authority
        name = "elsewhere.example" if what == "wrong-name" else "127.0.0.1"
        over = datetime.now(UTC) - timedelta(days=1) if what == "expired" else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, "localhost", not_after=over).configure_cert(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        clients = self.other if what == "refuse-certificate" else self.authority
        clients.configure_trust(context)
        return context


class Request:
    """One request as it came."""

    def __init__(self, stream: Any) -> None:
        self.line = stream.readline(65536).decode("latin-1").strip()
        self.headers: dict[str, str] = {}
        while (line := stream.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self._stream = stream
        self.packed = b""

    @property
    def path(self) -> str:
        return self.line.split(" ")[1] if " " in self.line else ""

    def read_body(self) -> bytes:
        self.packed = self._stream.read(int(self.headers.get("content-length", "0")))
        if self.headers.get("content-encoding") == "zstd":
            return zstandard.ZstdDecompressor().decompress(self.packed, max_output_size=64 * 1024 * 1024)
        return self.packed


def serve(corporate: Corporate, raw: socket.socket) -> None:
    """One connection from accept to close."""
    order = corporate.order()
    seen: dict[str, Any] = {"did": order["do"]}
    try:
        if order["do"] == "mute":
            corporate.wait_for_the_end(raw, order)
            return
        with corporate.context(order["do"]).wrap_socket(raw, server_side=True) as tls:
            seen["client_certificate"] = tls.getpeercert(binary_form=True) is not None
            stream = tls.makefile("rb")
            while _answered(corporate, tls, stream, order, seen):
                corporate.say(seen)
                if not stream.peek(1):
                    seen = {"did": "nothing", "line": ""}
                    return
                order = corporate.order()
                seen = {"did": order["do"], "kept": True}
    except OSError as error:
        seen["error"] = type(error).__name__
    finally:
        with contextlib.suppress(OSError):
            raw.close()
        corporate.say(seen)


def _answered(
    corporate: Corporate, tls: ssl.SSLSocket, stream: Any, order: dict[str, Any], seen: dict[str, Any]
) -> bool:
    """One request and its answer; True if the connection stays open for another."""
    request = Request(stream)
    seen |= {"line": request.line, "headers": request.headers}
    if order["do"] == "early":
        tls.sendall(_http(413, {"code": "too-large", "message": "no", "hint": "", "retry": False}))
        _linger(tls)
        return False
    act(corporate, tls, request, order, seen)
    return order["do"] == "keep" and order.get("then", "stay") != "leave"


def _linger(tls: ssl.SSLSocket) -> None:
    """Close as web servers do: with bytes unread a plain close would reset the connection, and the answer with it."""
    socket.socket.shutdown(tls, socket.SHUT_WR)
    tls.settimeout(10)
    while socket.socket.recv(tls, 65536):
        pass


def act(
    corporate: Corporate, tls: ssl.SSLSocket, request: Request, order: dict[str, Any], seen: dict[str, Any]
) -> None:
    """Read the body and do as ordered."""
    body = request.read_body()
    seen |= {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body), "packed_bytes": len(request.packed)}
    (corporate.folder / "bodies" / seen["sha256"]).write_bytes(body)
    what = order["do"]
    if what == "rotate":
        corporate.receipts, corporate.version = Ed25519PrivateKey.generate(), corporate.version + 1
        what = order.get("then", "good")
    if what == "downgrade":
        corporate.version -= 1
    if what == "new-authority":
        corporate.authority, corporate.version = trustme.CA(), corporate.version + 1
        return
    if what == "answer":
        tls.sendall(_http(order["status"], order.get("body", ""), order.get("headers", {})))
    elif what == "garbage":
        tls.sendall(b"\x00\xff\x17 no HTTP at all\r\n\r\n" * 20)
    elif what == "silent":
        corporate.wait_for_the_end(tls, order)
    elif what == "drip":
        for byte in _http(200, {"receipt": "x" * 2000}):
            tls.sendall(bytes([byte]))
            time.sleep(0.05)
    elif what == "huge":
        tls.sendall(_http(200, {"receipt": "x" * 3_000_000}))
    elif what != "close":
        answer = properly(corporate, request, body, order, what)
        if what == "keep":
            answer = answer.replace(b"Connection: close\r\n", b"")
            answer += b"x" * 20_000 if order.get("then") == "chatter" else b""
        tls.sendall(answer[: len(answer) // 2] if what == "half" else answer)


def properly(corporate: Corporate, request: Request, body: bytes, order: dict[str, Any], what: str) -> bytes:
    """The answer of the real corporate, or one with a wrong receipt."""
    if request.path == "/v1/manifest":
        return _http(200, corporate.manifest())
    if request.path == "/v1/enrolment":
        return _enrol(corporate, json.loads(body), what)
    header, _, _ = gate.header_of(body, CODEC)
    key = corporate.installations[header.installation].public_key()
    signed.verify(request.headers["diffgram-signature"], signed.ring(key), signed.BATCH, payload=body)
    if header.sequence in corporate.poison:
        return _http(corporate.poison[header.sequence], "")
    if what == "require-certificate":
        fresh = corporate.certificate(header.installation, key, order.get("days", 90))
        no = {"code": "certificate-required", "message": "none was shown", "hint": "", "retry": True}
        return _http(401, {**no, "certificate": fresh})
    digest = hashlib.sha256(body).hexdigest()
    already = None
    if what not in ("wrong-hash", "wrong-key"):
        earlier = corporate.stored.setdefault((header.installation, header.case, header.sequence), digest)
        if earlier != digest:
            if header.void is None:
                return _http(409, {"code": "sequence-differs", "message": "other bytes", "hint": "", "retry": False})
            already = earlier
    made = receipt.Receipt(
        installation=header.installation,
        case=header.case,
        sequence=header.sequence,
        sha256="0" * 64 if what == "wrong-hash" else digest,
        ledger_size=header.ledger_size,
        ledger_root=header.ledger_root,
        messages=0 if header.void else body.count(b"\n") - 1,
        received_at=datetime.now(UTC),
        authenticated="mtls+signature",
        void=header.void is not None and already is None,
        already=already,
    )
    signer = Ed25519PrivateKey.generate() if what == "wrong-key" else corporate.receipts
    answer = {"receipt": receipt.issue(made, signer)}
    if order.get("fresh"):
        answer["certificate"] = corporate.certificate(header.installation, key, order.get("days", 60))
    return _http(200, answer)


def _enrol(corporate: Corporate, asked: dict[str, str], what: str) -> bytes:
    if asked["token"] != "token-for-tests":
        return _http(403, {"code": "token-unknown", "message": "the token is not known", "hint": "ask", "retry": False})
    request = x509.load_pem_x509_csr(asked["csr"].encode())
    assert request.is_signature_valid
    foreign = what == "foreign-certificate"
    key = Ed25519PrivateKey.generate().public_key() if foreign else request.public_key()
    pem = corporate.certificate(asked["installation"], key)
    corporate.installations[asked["installation"]] = x509.load_pem_x509_certificate(pem.encode())
    return _http(201, {"certificate": pem, "customer": "St Mary Hospital"})


def _http(status: int, body: Any, headers: dict[str, str] | None = None) -> bytes:
    data = (
        body if isinstance(body, bytes) else json.dumps(body).encode() if not isinstance(body, str) else body.encode()
    )
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _obey(corporate: Corporate) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "poison":
            corporate.poison[order["sequence"]] = order["status"]
        elif order["do"] == "forget":
            corporate.poison.clear()
            with contextlib.suppress(queue.Empty):
                while True:
                    corporate.orders.get_nowait()
        else:
            corporate.orders.put(order)
        corporate.say({"heard": order["do"]})


def main() -> None:
    """Listen until standard input ends and the process is told to go."""
    corporate = Corporate(Path(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), backlog=50)
    raw = corporate.root.public_key().public_bytes_raw()
    started = {
        "port": listener.getsockname()[1],
        "root": "sha256:" + hashlib.sha256(raw).hexdigest(),
        "raw": base64.b64encode(raw).decode(),
    }
    print(json.dumps(started), flush=True)
    threading.Thread(target=_obey, args=(corporate,), daemon=True).start()
    while True:
        raw_socket, _ = listener.accept()
        threading.Thread(target=serve, args=(corporate, raw_socket), daemon=True).start()


if __name__ == "__main__":
    main()
