"""From a token to a certificate, once."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signed
from audit.canonical import canonical
from corporate import enrolment, health, keys, manifest, settings
from corporate.app import create_app
from corporate.database import EVERYBODY
from corporate.errors import OperatorError
from corporate.server import open_corporate
from tests.corporate.pretend import Pretend
from tests.corporate.running import Server, command, found

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)


def test_the_certificate_names_the_installation_and_lasts_thirty_days(stranger: Pretend) -> None:
    reply = stranger.enrol(stranger.server.token("St Mary"))
    assert (reply.status, reply.json["customer"]) == (201, "St Mary")
    made = x509.load_pem_x509_certificate(reply.json["certificate"].encode())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [f"urn:diffgram:installation:{stranger.id}"]
    assert made.public_key() == stranger.key.public_key()
    assert timedelta(days=30) <= made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=30, minutes=5)
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use.dotted_string for use in uses] == ["1.3.6.1.5.5.7.3.2"], "client authentication only"


def test_a_lost_answer_can_be_asked_for_again(stranger: Pretend) -> None:
    token = stranger.server.token()
    first, second = stranger.enrol(token), stranger.enrol(token)
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json


def test_a_token_serves_one_installation(one: Pretend, server: Server, tmp_path: Path) -> None:
    token = server.token()
    assert Pretend(server, tmp_path).enrol(token).status == 201
    reply = Pretend(server, tmp_path).enrol(token)
    assert (reply.status, reply.json["code"]) == (401, "token-used")


def test_an_unknown_token_is_refused(stranger: Pretend) -> None:
    reply = stranger.enrol("dhe_" + "A" * 43)
    assert (reply.status, reply.json["code"]) == (401, "token-unknown")


def test_a_stranger_with_a_wrong_token_does_not_wait_for_the_write_lock(stranger: Pretend) -> None:
    started = time.monotonic()
    with stranger.server.store() as store, store.writing(EVERYBODY):
        reply = stranger.enrol("dhe_" + "B" * 43)
    assert (reply.status, reply.json["code"]) == (401, "token-unknown")
    assert time.monotonic() - started < 25, "whoever asks for the lock waits 30 s for it, and fails"


def test_a_token_ends(stranger: Pretend) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=8)
    with stranger.server.store() as store:
        token = enrolment.make_token(store, "Late", "os:test", long_ago)
    reply = stranger.enrol(token)
    assert (reply.status, reply.json["code"]) == (401, "token-expired")


def test_the_token_is_not_kept(stranger: Pretend) -> None:
    token = stranger.server.token()
    assert token.encode() not in _everything(stranger.server)


def _everything(server: Server) -> bytes:
    """All bytes of the folder; with PostgreSQL the tokens' table instead."""
    with server.store() as store, store.reading(EVERYBODY) as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM enrolment_token").all()
    return repr(rows).encode() + b"".join(p.read_bytes() for p in server.settings.folder.glob("corporate.db*"))


@pytest.mark.parametrize("fault", ["elliptic", "garbage", "another's key"])
def test_a_bad_signing_request_is_refused_and_does_not_use_the_token_up(stranger: Pretend, fault: str) -> None:
    token = stranger.server.token()
    if fault == "elliptic":
        csr = _elliptic()
    elif fault == "garbage":
        csr = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
    else:
        csr = _with_another_signature(stranger)
    reply = stranger.enrol(token, csr=csr)
    assert (reply.status, reply.json["code"]) == (400, "csr")
    assert stranger.enrol(token).status == 201


def _elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _with_another_signature(one: Pretend) -> str:
    """A request whose key is not the one that signed it: the last byte of the signature is changed."""
    der = bytearray(x509.load_pem_x509_csr(one.csr().encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----\n"


def test_an_enrolled_name_cannot_be_taken_with_another_key(one: Pretend, server: Server, tmp_path: Path) -> None:
    thief = Pretend(server, tmp_path, id=one.id, key=Ed25519PrivateKey.generate())
    reply = thief.enrol()
    assert (reply.status, reply.json["code"]) == (409, "installation-exists")
    other = Pretend(server, tmp_path, id=one.id, key=one.key)
    assert other.enrol(server.token("Another customer")).status == 409


@pytest.mark.parametrize(
    "change",
    [{"installation": "Z" * 32}, {"installation": "ab"}, {"extra": 1}, {"token": ""}, {"csr": "x" * 9000}, {"csr": 7}],
)
def test_a_malformed_request_is_refused_in_the_one_shape(stranger: Pretend, change: dict[str, object]) -> None:
    reply = stranger.post_json({"token": "t", "installation": stranger.id, "csr": stranger.csr(), **change})
    assert reply.status == 400
    assert set(reply.json) == {"code", "message", "hint", "retry"}


def test_a_manifest_that_is_signed_again_is_served_without_a_restart(tmp_path: Path) -> None:
    config, root = found(tmp_path, "")
    opened = open_corporate(settings.read(config, {}))
    wire = create_app(opened.settings, "wire", opened).test_client()
    first = wire.get("/v1/manifest").json
    (opened.settings.keys / "receipts.pem").write_bytes(_private(key := Ed25519PrivateKey.generate()))
    assert opened.keys.receipts.public_key() != key.public_key(), "the manifest does not name this key yet"
    command(config, "manifest")
    second = wire.get("/v1/manifest").json
    assert [_claims(made, root)["version"] for made in (first, second)] == [1, 2]
    assert opened.keys.receipts.public_key() == key.public_key()
    (opened.settings.folder / "manifest.json").write_text("half a")
    assert wire.get("/v1/manifest").json == second, "what cannot be read leaves everything as it was"


def test_a_server_of_an_earlier_release_gains_the_new_keys_with_a_manifest_of_a_higher_version(tmp_path: Path) -> None:
    config, root = found(tmp_path, "")
    given = settings.read(config, {})
    _make_earlier(given.folder, given.name)
    before = open_corporate(given)
    kept = before.keys.receipts.private_bytes_raw()
    with pytest.raises(OperatorError, match="no key serves 'deletions' yet"):
        before.keys.of("deletions")
    assert [finding.code for finding in health.check(given, NOW) if "manifest" in finding.code] == ["manifest-keys"]
    (away := tmp_path / "root.pem").write_bytes((given.keys / "root.pem").read_bytes())
    (given.keys / "root.pem").unlink()
    assert not manifest.complete(given.folder, given.name, NOW), "the root is kept elsewhere"
    assert open_corporate(given).keys.signing.keys() == {"receipts"}, "and it serves as it did"
    (given.keys / "root.pem").write_bytes(away.read_bytes())
    assert manifest.complete(given.folder, given.name, NOW)
    assert before.keys.signing.keys() == set(keys.PURPOSES)
    assert before.keys.receipts.private_bytes_raw() == kept
    claims = _claims(before.manifest, root)
    assert claims["version"] == 3
    named = {one["purpose"]: one["jwk"]["x"] for one in claims["keys"] if "jwk" in one}
    assert named.keys() == set(keys.PURPOSES)
    assert len(set(named.values())) == len(named), "one purpose a key"
    assert manifest.complete(given.folder, given.name, NOW)
    assert manifest.load(given.folder)["claims"]["version"] == 3, "nothing is signed anew without need"


def _make_earlier(folder: Path, name: str) -> None:
    """Put keys and manifest back to what the release before knew."""
    made = manifest.make(folder, name, NOW)
    for purpose in keys.PURPOSES[1:]:
        (folder / "keys" / f"{purpose}.pem").unlink()
    claims = made["claims"] | {
        "keys": [one for one in made["claims"]["keys"] if one["purpose"] in ("receipts", "certificates")]
    }
    token = signed.sign(canonical(claims), keys.load_root(folder / "keys"), signed.MANIFEST)
    (folder / "manifest.json").write_text(json.dumps({"root": made["root"], "manifest": token, "claims": claims}))


def _private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _claims(made: dict[str, Any], root: str) -> dict[str, Any]:
    """The claims, after the signature of the root with that fingerprint was verified."""
    key = signed.from_jwk(made["root"])
    assert keys.fingerprint(key) == root
    return dict(msgspec.json.decode(signed.verify(made["manifest"], signed.ring(key), signed.MANIFEST)))


def test_the_manifest_is_signed_by_the_root_that_init_printed(stranger: Pretend) -> None:
    reply = stranger.get("/v1/manifest")
    root = signed.from_jwk(reply.json["root"])
    assert keys.fingerprint(root) == stranger.server.root
    claims = msgspec.json.decode(signed.verify(reply.json["manifest"], signed.ring(root), signed.MANIFEST))
    assert [entry["purpose"] for entry in claims["keys"]] == [*keys.PURPOSES, "certificates"]
    assert claims["version"] == 1
    authority = (stranger.server.settings.keys / "certificates.crt").read_text()
    assert claims["keys"][-1]["certificate"] == authority
