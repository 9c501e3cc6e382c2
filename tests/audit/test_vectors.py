"""Wycheproof's vectors (tests/vectors/README.md): Ed25519 as it says, and of 401 tokens of JWS not one is ours."""

import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signed
from audit.errors import SignatureRefused

FILES = Path(__file__).parents[1] / "vectors" / "wycheproof"
TYPES = (signed.BATCH, signed.RECEIPT, signed.LICENCE)


def tokens():
    return json.loads((FILES / "json_web_signature_tokens.json").read_text())


def test_every_signature_of_wycheproof_verifies_as_it_says():
    groups = json.loads((FILES / "ed25519_test.json").read_text())["testGroups"]
    seen = Counter()
    for group in groups:
        jwk = {name: group["publicKeyJwk"][name] for name in ("crv", "kty", "x")}
        key = signed.from_jwk(jwk)
        assert key.public_bytes_raw().hex() == group["publicKey"]["pk"]
        for test in group["tests"]:
            try:
                key.verify(bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
                found = "valid"
            except InvalidSignature:
                found = "invalid"
            assert found == test["result"], test["tcId"]
            seen[found] += 1
    assert seen.total() == 151
    assert min(seen.values()) > 50


@pytest.mark.parametrize("typ", TYPES)
def test_no_token_of_wycheproof_passes_for_a_document_of_ours(typ):
    ring = signed.ring(Ed25519PrivateKey.generate().public_key())
    codes = Counter()
    for one in tokens():
        with pytest.raises(SignatureRefused) as no:
            signed.verify(one["jws"], ring, typ)
        codes[no.value.code] += 1
    assert codes.total() == 401
    assert set(codes) <= {"algorithm-refused", "token-malformed", "header-malformed", "token-too-long"}
    assert codes["algorithm-refused"] > 300
