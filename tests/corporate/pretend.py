"""A pretend installation: keys, signing request, batches made by the real gate, sent over real mutual TLS."""

import secrets
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import urllib3
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from audit import catalogue, gate, index, receipt, signed
from audit.canonical import sha256_hex
from audit.consent import Consent
from audit.gate import Codec
from audit.modes import Modes, Switch
from tests.corporate.running import Server

CODEC = Codec(msgspec.json.encode, msgspec.json.decode)
KIND = "home/error"
CORE = catalogue.read()


def rules(known: catalogue.Catalogue = CORE, places: index.Index = index.EMPTY) -> gate.Rules:
    """Everything approved, everything on."""
    approved = {name: frozenset({stated.hash}) for name, stated in known.fields.items()}
    modes = Modes(
        cases={"event": "on", "support": "on", "licensing": "on", "browser": "on"},
        kinds={kind: Switch("on", 1) for kind in known.kinds},
    )
    return gate.Rules(known, places, Consent(approved), modes)


def message(at: str = "2026-11-21T14:01:05Z", **values: Any) -> gate.Collected:
    """One message of the kind that every installation has."""
    return gate.Collected(1, {"kind": KIND, "at": at, **values})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer from the wire."""

    status: int
    json: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(slots=True)
class Pretend:
    """One installation, or a machine that says it is one."""

    server: Server
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    certificate: str = ""
    pool: urllib3.HTTPSConnectionPool | None = None
    rules: gate.Rules = field(default_factory=rules)
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def csr(self) -> str:
        """A signing request."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.id)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key, None)
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def enrol(self, token: str | None = None, *, csr: str | None = None) -> Reply:
        """Enrol, and use the certificate from now on."""
        token = self.server.token() if token is None else token
        reply = self.post_json({"token": token, "installation": self.id, "csr": csr or self.csr()})
        if reply.status == 201:
            self.use(reply.json["certificate"])
        return reply

    def use(self, certificate: str) -> None:
        """Connect with this certificate from now on ("" for none)."""
        self.certificate = certificate
        if self.pool is not None:
            self.pool.close()
        self.pool = None

    def connection(self) -> urllib3.HTTPSConnectionPool:
        """Connections that verify corporate by its own authority and show our certificate."""
        with self._making:
            if self.pool is None:
                self.pool = self._connect()
            return self.pool

    def _connect(self) -> urllib3.HTTPSConnectionPool:
        return urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.server.wire_port, ssl_context=self.context(), retries=False, timeout=60, maxsize=8
        )

    def context(self) -> ssl.SSLContext:
        """TLS as an installation does it."""
        context = ssl.create_default_context(cafile=self.server.settings.keys / "certificates.crt")
        if self.certificate:
            file = self.folder / f"{self.id}.pem"
            private = self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            file.write_bytes(self.certificate.encode() + private)
            context.load_cert_chain(file)
        return context

    def raw(self) -> ssl.SSLSocket:
        """A TLS connection as this installation, to write any bytes to."""
        plain = socket.create_connection(("127.0.0.1", self.server.wire_port), timeout=20)
        return self.context().wrap_socket(plain, server_hostname="127.0.0.1")

    def seal(
        self,
        sequence: int,
        messages: Sequence[gate.Collected] = (),
        *,
        case: str = "event",
        ledger: tuple[int, str] | None = None,
        void: str | None = None,
        installation: str = "",
    ) -> bytes:
        """The body of a batch, made by the gate itself."""
        size, root = ledger or (10 * sequence, sha256_hex(str(sequence).encode()))
        now = datetime.now(UTC).replace(microsecond=0)
        header = gate.Header(installation or self.id, case, sequence, now, size, root, void)
        given = () if void else messages or [message()]
        sealed = gate.seal(given, header, self.rules, CODEC)
        assert all(sealed.kept), sealed.withheld
        return sealed.body

    def send(
        self, body: bytes, *, key: Ed25519PrivateKey | None = None, encoding: str = "zstd", **headers: str
    ) -> Reply:
        """POST a batch, signed."""
        packed = zstandard.ZstdCompressor().compress(body) if encoding == "zstd" else body
        given = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": encoding,
            "Diffgram-Signature": signed.sign(body, key or self.key, signed.BATCH, detached=True),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self._reply(self.connection().request("POST", "/v1/batches", body=packed, headers=given))

    def send_all(self, *bodies: bytes) -> list[int]:
        """POST several; their status codes."""
        return [self.send(body).status for body in bodies]

    def receipt(self, reply: Reply) -> receipt.Receipt:
        """The receipt of an answer, verified against the manifest's key."""
        manifest = self._reply(self.connection().request("GET", "/v1/manifest")).json
        root = signed.from_jwk(manifest["root"])
        claims = msgspec.json.decode(signed.verify(manifest["manifest"], signed.ring(root), signed.MANIFEST))
        jwk = next(entry["jwk"] for entry in claims["keys"] if entry["purpose"] == "receipts")
        return receipt.read(reply.json["receipt"], signed.ring(signed.from_jwk(jwk)))

    def post_json(self, document: Any) -> Reply:
        """POST to the enrolment."""
        return self._reply(self.connection().request("POST", "/v1/enrolment", json=document))

    def get(self, path: str) -> Reply:
        """GET from the wire."""
        return self._reply(self.connection().request("GET", path))

    def _reply(self, response: urllib3.BaseHTTPResponse) -> Reply:
        return Reply(response.status, response.json(), response.headers)
