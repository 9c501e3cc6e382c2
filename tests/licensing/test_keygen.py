"""Keygen's own example files are read; what is changed, for another key or machine, or of another form is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from licensing import keygen
from licensing.clock import Believed
from licensing.errors import LicenceRefused
from licensing.judging import Held, judge
from tests.licensing.samples import HERE, KEY, PLACE, key

FILES = Path(__file__).parents[1] / "vectors" / "keygen"
LICENCE, MACHINE = (FILES / "license.lic").read_text(), (FILES / "machine.lic").read_text()
ACCOUNT = Ed25519PublicKey.from_public_bytes(
    bytes.fromhex("e8601e48b69383ba520245fd07971e983d06d22c4257cfd82304601479cee788")
)
LICENCE_KEY = "B10760-1B177D-656D1F-C03298-9AF89E-V3"
FINGERPRINT = "198e9fe586114844f6a4eaca5069b41a7ed43fb5a2df84892b69826d64573e39"
MADE_AT = datetime(2025, 8, 27, 21, 10, 47, tzinfo=UTC)
ISSUER = keygen.Issuer(ACCOUNT, LICENCE_KEY, "Keygen's example", "annotator", "production", (HERE,))


def refusal(*given: Any, **named: Any) -> str:
    """The code with which a file is refused."""
    with pytest.raises(LicenceRefused) as no:
        keygen.read(*given, **named)
    return no.value.code


def armoured(outer: object, kind: str = "LICENSE") -> str:
    """Any outer document in armour."""
    body = base64.b64encode(json.dumps(outer).encode()).decode()
    return f"-----BEGIN {kind} FILE-----\n{body}\n-----END {kind} FILE-----\n"


def opened(text: str) -> dict[str, str]:
    """The outer document of a file."""
    inner = "".join(text.strip().splitlines()[1:-1])
    return dict(json.loads(base64.b64decode(inner)))


def made(document: object, signer: Ed25519PrivateKey = KEY, kind: str = "license") -> str:
    """A file that is signed and not encrypted."""
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    signature = base64.b64encode(signer.sign(f"{kind}/{encoded}".encode())).decode()
    return armoured({"enc": encoded, "sig": signature, "alg": "base64+ed25519"}, kind.upper())


def plain(**attributes: Any) -> dict[str, Any]:
    """A licence's document as Keygen makes them, with what the tests need."""
    usual = {"name": "St Mary Hospital", "created": "2026-01-01T00:00:00Z", "expiry": "2027-01-01T00:00:00.000Z"}
    return {
        "data": {
            "id": "7bb84d91", "type": "licenses", "attributes": usual | {"suspended": False} | attributes,
            "relationships": {"account": {"data": {"id": "1fddcec8"}}},
        },
        "included": [{"type": "entitlements", "attributes": {"code": "SINGLE_SIGN_ON"}}],
        "meta": {"issued": "2026-02-01T00:00:00Z", "expiry": None, "ttl": None},
    }  # fmt: skip


def test_keygens_example_of_a_licence_file_is_read() -> None:
    file = keygen.read(LICENCE, ACCOUNT, LICENCE_KEY)
    assert (file.kind, file.issued_at.replace(microsecond=0)) == ("license", MADE_AT)
    assert file.document["data"]["attributes"]["name"] == "Python Example"


def test_keygens_example_of_a_machine_file_is_read() -> None:
    file = keygen.read(MACHINE, ACCOUNT, LICENCE_KEY, FINGERPRINT)
    assert (file.kind, file.document["data"]["type"]) == ("machine", "machines")
    assert file.document["data"]["attributes"]["fingerprint"] == FINGERPRINT


def test_an_encrypted_file_of_another_licence_or_machine_is_refused() -> None:
    assert refusal(LICENCE, ACCOUNT) == "FINGERPRINT_SCOPE_MISMATCH"
    assert refusal(LICENCE, ACCOUNT, "another key") == "FINGERPRINT_SCOPE_MISMATCH"
    assert refusal(MACHINE, ACCOUNT, LICENCE_KEY) == "FINGERPRINT_SCOPE_MISMATCH"
    assert refusal(MACHINE, ACCOUNT, LICENCE_KEY, "another") == "FINGERPRINT_SCOPE_MISMATCH"


def test_another_accounts_key_verifies_nothing() -> None:
    assert refusal(LICENCE, KEY.public_key(), LICENCE_KEY) == "SIGNATURE_INVALID"


def test_a_machine_file_does_not_pass_for_a_licence_file() -> None:
    assert refusal(MACHINE.replace("MACHINE FILE", "LICENSE FILE"), ACCOUNT, LICENCE_KEY) == "SIGNATURE_INVALID"


@given(st.integers(0, 5000), st.integers(0, 7))
def test_no_edited_bit_is_decrypted(position: int, bit: int) -> None:
    outer = opened(LICENCE)
    encoded = outer["enc"].split(".")[0]
    raw = bytearray(base64.b64decode(encoded))
    raw[position % len(raw)] ^= 1 << bit
    outer["enc"] = outer["enc"].replace(encoded, base64.b64encode(raw).decode())
    assert refusal(armoured(outer), ACCOUNT, LICENCE_KEY) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("algorithm", ["aes-256-gcm+rsa-sha256", "base64+ecdsa-p256", "none", "", "des+ed25519"])
def test_another_algorithm_is_refused_by_name(algorithm: str) -> None:
    assert refusal(armoured(opened(LICENCE) | {"alg": algorithm}), ACCOUNT, LICENCE_KEY) == "FORMAT_UNSUPPORTED"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN LICENSE FILE-----",
        armoured([]),
        armoured({"enc": 1, "sig": "", "alg": ""}),
        armoured({"enc": "", "sig": "*", "alg": "base64+ed25519"}),
        armoured({}).replace("LICENSE", "LICENCE"),
        LICENCE.replace("\n", "\n*", 1),
        "x" * (keygen.MAX_CHARACTERS + 1),
        armoured("[" * 100_000),
    ],
)
def test_what_is_no_file_is_refused(text: str) -> None:
    assert refusal(text, ACCOUNT, LICENCE_KEY) == "MALFORMED"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"data": plain()["data"]},
        plain() | {"meta": {"issued": "2026-02-01T00:00:00"}},
        plain() | {"meta": {"issued": "yesterday"}},
        plain() | {"meta": {}},
        plain() | {"meta": []},
    ],
)
def test_a_signed_document_that_does_not_say_when_it_was_made_is_refused(spoilt: object) -> None:
    assert refusal(made(spoilt), KEY.public_key()) == "MALFORMED"


def judged(*files: str, at: datetime, issuer: keygen.Issuer = ISSUER) -> str:
    """What files of Keygen's come to."""
    verdict = judge(Held((), (), {}, {}, files, issuer), PLACE, Believed(at))
    return verdict.code.name


def test_keygens_example_is_judged_as_our_own_licences_are() -> None:
    day = timedelta(days=1)
    assert judged(LICENCE, at=MADE_AT + timedelta(hours=1)) == "FILE_EXPIRES_SOON"
    assert judged(LICENCE, at=MADE_AT + 31 * day) == "FILE_EXPIRED"
    elsewhere = replace(ISSUER, installations=("x" * 43,))
    assert judged(LICENCE, at=MADE_AT + day, issuer=elsewhere) == "FINGERPRINT_SCOPE_MISMATCH"
    assert judged(LICENCE, at=MADE_AT, issuer=replace(ISSUER, key=KEY.public_key())) == "SIGNATURE_INVALID"


OURS = replace(ISSUER, key=KEY.public_key(), licence_key=None)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), "VALID"),
        (datetime(2026, 12, 20, tzinfo=UTC), "EXPIRES_SOON"),
        (datetime(2027, 1, 1, tzinfo=UTC), "GRACE"),
        (datetime(2027, 2, 1, tzinfo=UTC), "EXPIRED"),
    ],
)
def test_a_licence_issued_at_keygen_has_the_term_that_it_says(at: datetime, code: str) -> None:
    assert judged(made(plain()), at=at, issuer=OURS) == code


def test_entitlements_that_came_along_become_flags() -> None:
    assert keygen.licence_of(made(plain()), OURS).entitlements["single-sign-on"].value is True


def test_a_later_file_of_one_licence_counts() -> None:
    later = plain(expiry="2026-03-01T00:00:00Z") | {"meta": {"issued": "2026-02-02T00:00:00Z", "expiry": None}}
    for files in ((made(plain()), made(later)), (made(later), made(plain()))):
        assert judged(*files, at=datetime(2026, 6, 1, tzinfo=UTC), issuer=OURS) == "EXPIRED"


def test_a_suspended_licence_and_one_of_a_strange_form_grant_nothing() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    assert judged(made(plain(suspended=True)), at=at, issuer=OURS) == "SUSPENDED"
    assert judged(made(plain(expiry="2020-01-01T00:00:00Z")), at=at, issuer=OURS) == "MALFORMED"
    assert judged(made(plain(name="a\nb")), at=at, issuer=OURS) == "MALFORMED"
    machine = made(plain(), kind="machine")
    assert judged(machine, at=at, issuer=OURS) == "MALFORMED"
    assert judged(made(plain(), key("somebody")), at=at, issuer=OURS) == "SIGNATURE_INVALID"
