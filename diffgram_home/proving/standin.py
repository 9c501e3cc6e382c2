"""What corporate answers, for a proof: a manifest, a certificate for who enrols, a receipt for each batch.

It has keys of its own, made for this one run, and opens nothing. It judges as little as it can: the comparison does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from audit import gate, receipt, signed

TOKEN = "token-for-the-proof"  # noqa: S105  good for the stand-in alone
_CODEC = gate.Codec(msgspec.json.encode, msgspec.json.decode)
_DAY = timedelta(days=1)
_PEM = serialization.Encoding.PEM


class StandIn:
    """One run's corporate. `root` is the fingerprint to pin."""

    def __init__(self, host: str, folder: Path, now: datetime) -> None:
        self._root, self._receipts = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._authority = self._issue("stand-in", self._key.public_key(), [], now, authority=True)
        self._now = now
        raw = self._root.public_key().public_bytes_raw()
        self.root = "sha256:" + hashlib.sha256(raw).hexdigest()
        self.certificate, self.authority = folder / "server.pem", folder / "authority.pem"
        self.authority.write_bytes(self._authority.public_bytes(_PEM))
        self._write_server(host, now)

    def answer(self, request: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object for a request line's method and path, and the body before its Content-Encoding."""
        if request == "GET /v1/manifest":
            return 200, self._manifest()
        if request == "POST /v1/enrolment":
            return 201, self._enrolled(json.loads(body))
        if request == "POST /v1/batches":
            return 200, {"receipt": self._receipt(body)}
        return 404, {"code": "not-here", "message": "the stand-in knows no such request", "hint": "", "retry": False}

    def _manifest(self) -> Mapping[str, Any]:
        claims = {
            "corporate": "the stand-in of a proof",
            "version": 1,
            "issued_at": _time(self._now),
            "expires_at": _time(self._now + _DAY),
            "keys": [
                {"purpose": "receipts", "jwk": signed.to_jwk(self._receipts.public_key())},
                {"purpose": "certificates", "certificate": self._authority.public_bytes(_PEM).decode()},
            ],
        }
        token = signed.sign(json.dumps(claims).encode(), self._root, signed.MANIFEST)
        return {"root": signed.to_jwk(self._root.public_key()), "manifest": token}

    def _enrolled(self, asked: Mapping[str, str]) -> Mapping[str, Any]:
        key = x509.load_pem_x509_csr(asked["csr"].encode()).public_key()
        name = x509.UniformResourceIdentifier(f"urn:diffgram:installation:{asked['installation']}")
        made = self._issue(asked["installation"], key, [name], datetime.now(UTC))
        return {"certificate": made.public_bytes(_PEM).decode(), "customer": "a proof"}

    def _receipt(self, body: bytes) -> str:
        header, _, _ = gate.header_of(body, _CODEC)
        made = receipt.Receipt(
            installation=header.installation,
            case=header.case,
            sequence=header.sequence,
            sha256=hashlib.sha256(body).hexdigest(),
            ledger_size=header.ledger_size,
            ledger_root=header.ledger_root,
            messages=0 if header.void else body.count(b"\n") - 1,
            received_at=datetime.now(UTC),
            authenticated="mtls+signature",
            void=header.void is not None,
            already=None,
        )
        return receipt.issue(made, self._receipts)

    def _write_server(self, host: str, now: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        made = self._issue(host[:64], key.public_key(), [name], now)
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.certificate.write_bytes(made.public_bytes(_PEM) + private)

    def _issue(
        self, name: str, key: Any, names: list[x509.GeneralName], now: datetime, *, authority: bool = False
    ) -> x509.Certificate:
        issuer = "stand-in" if authority else self._authority.subject.rfc4514_string().removeprefix("CN=")
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
