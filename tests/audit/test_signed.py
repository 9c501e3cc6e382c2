"""Signed documents against RFC 8037's own vectors, joserfc both ways, and every broken token we could think of."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from audit import signed
from audit.errors import SignatureRefused

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"one").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"other").digest())
RING = signed.ring(KEY.public_key())
TYP = "diffgram-test+jws"
PAYLOAD = b'{"a":1}'
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def made(header, payload=PAYLOAD, key=KEY, middle=None):
    """Return a token with any header text at all, properly signed."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = encode(text)
    body = encode(payload)
    signature = key.sign(f"{head}.".encode() + (body.encode() if middle is None else payload))
    return f"{head}.{body if middle is None else middle}.{encode(signature)}"


def good_header(**changes):
    header = {"alg": "Ed25519", "kid": signed.thumbprint(KEY.public_key()), "typ": TYP} | changes
    return {name: value for name, value in header.items() if value is not ...}


DETACHED = {"b64": False, "crit": ["b64"]}


def test_rfc_8037_appendix_a_gives_key_thumbprint_and_signature():
    """Appendix A signs with alg "EdDSA": key, thumbprint and raw signature apply; the token itself must be refused."""
    private = Ed25519PrivateKey.from_private_bytes(decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert signed.to_jwk(private.public_key()) == jwk
    assert signed.from_jwk(jwk).public_bytes_raw() == private.public_key().public_bytes_raw()
    assert signed.thumbprint(private.public_key()) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    token = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    head, body, signature = token.split(".")
    assert encode(private.sign(f"{head}.{body}".encode())) == signature
    with pytest.raises(SignatureRefused) as no:
        signed.verify(token, signed.ring(private.public_key()), TYP)
    assert no.value.code == "algorithm-refused"


@given(st.binary(max_size=300), st.booleans())
def test_what_was_signed_verifies_and_comes_back(payload, detached):
    token = signed.sign(payload, KEY, TYP, detached=detached)
    assert signed.verify(token, RING, TYP, payload=payload if detached else None) == payload


@given(st.binary(min_size=1, max_size=300))
def test_joserfc_reads_what_we_sign(payload):
    key = OKPKey.import_key(signed.to_jwk(KEY.public_key()))
    found = jws.deserialize_compact(signed.sign(payload, KEY, TYP), key, algorithms=["Ed25519"])
    assert found.payload == payload
    assert found.headers()["kid"] == key.thumbprint()
    # joserfc takes no detached token, so it gets the bytes that RFC 7797 says are signed, in the form it knows.
    head, empty, signature = signed.sign(payload, KEY, TYP, detached=True).split(".")
    assert empty == ""
    KEY.public_key().verify(decode(signature), head.encode() + b"." + payload)


@given(st.binary(max_size=300))
def test_we_read_what_joserfc_signs(payload):
    key = OKPKey.import_key(signed.to_jwk(KEY.public_key()) | {"d": encode(KEY.private_bytes_raw())})
    token = jws.serialize_compact(good_header(), payload, key, algorithms=["Ed25519"])
    assert signed.verify(token, RING, TYP) == payload


BROKEN = {
    "alg none": (made(good_header(alg="none")), "algorithm-refused"),
    "alg none without signature": (made(good_header(alg="none")).rpartition(".")[0] + ".", "token-malformed"),
    "alg EdDSA": (made(good_header(alg="EdDSA")), "algorithm-refused"),
    "alg HS256": (made(good_header(alg="HS256")), "algorithm-refused"),
    "alg in lower case": (made(good_header(alg="ed25519")), "algorithm-refused"),
    "alg missing": (made(good_header(alg=...)), "algorithm-refused"),
    "alg a list": (made(good_header(alg=["Ed25519"])), "algorithm-refused"),
    "typ of another purpose": (made(good_header(typ=signed.RECEIPT)), "type-refused"),
    "typ missing": (made(good_header(typ=...)), "type-refused"),
    "typ with a prefix": (made(good_header(typ="application/" + TYP)), "type-refused"),
    "kid missing": (made(good_header(kid=...)), "key-missing"),
    "kid a number": (made(good_header(kid=7)), "key-missing"),
    "kid unknown": (made(good_header(kid=signed.thumbprint(OTHER.public_key()))), "key-unknown"),
    "signed by another key": (made(good_header(), key=OTHER), "signature-wrong"),
    "its own key along": (made(good_header(jwk=signed.to_jwk(OTHER.public_key())), key=OTHER), "header-refused"),
    "a link to a key": (made(good_header(jku="https://example.org/keys")), "header-refused"),
    "an extra crit": (made(good_header(crit=["exp"], exp=1)), "header-refused"),
    "an empty crit": (made(good_header(crit=[])), "header-refused"),
    "b64 true spelt out": (made(good_header(b64=True, crit=["b64"])), "header-refused"),
    "b64 false though attached": (made(good_header(**DETACHED)), "header-refused"),
    "a member more": (made(good_header(x=1)), "header-refused"),
    "a header with a duplicate": (made(b'{"alg":"none",' + json.dumps(good_header()).encode()[1:]), "header-malformed"),
    "a header that is a list": (made(b"[]"), "header-malformed"),
    "a header that is no JSON": (made(b"{"), "header-malformed"),
    "a header nested without end": (made(b'{"a":' * 9000), "header-malformed"),
    "a header that is not UTF-8": (made(b'{"alg":"\xff"}'), "header-malformed"),
    "a long header": (made(good_header(kid="x" * 1024)), "header-malformed"),
    "two parts": (made(good_header()).rpartition(".")[0], "token-malformed"),
    "four parts": (made(good_header()) + ".e30", "token-malformed"),
    "nothing": ("", "token-malformed"),
    "padding": (made(good_header()) + "==", "token-malformed"),
    "a line feed at the end": (made(good_header()) + "\n", "token-malformed"),
    "a space before": (" " + made(good_header()), "token-malformed"),
    "letters beyond ASCII": (made(good_header()).replace(".", ".é", 1), "token-malformed"),
    "the other base64 alphabet": (made(good_header()).replace(".", ".+/", 1), "token-malformed"),
    "a payload of impossible length": (made(good_header(), middle="AAAAA", payload=b"AAAAA"), "token-malformed"),
    "stray bits in the payload": (made(good_header(), middle="AB", payload=b"AB"), "token-malformed"),
    "a short signature": (made(good_header())[:-4], "token-malformed"),
    "a signature of 63 bytes": (made(good_header()).rpartition(".")[0] + "." + encode(b"x" * 63), "token-malformed"),
    "a long token": (made(good_header(), payload=b"x" * 65_536), "token-too-long"),
    "another payload": (made(good_header()).replace(encode(PAYLOAD), encode(b'{"a":2}')), "signature-wrong"),
    "no payload at all": (made(good_header()).replace(encode(PAYLOAD), ""), "signature-wrong"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_token_is_refused_for_its_fault(name):
    token, code = BROKEN[name]
    with pytest.raises(SignatureRefused) as no:
        signed.verify(token, RING, TYP)
    assert (no.value.code, bool(no.value.hint)) == (code, True)


BROKEN_DETACHED = {
    "attached though asked as detached": (made(good_header()), "header-refused"),
    "detached with payload in it": (made(good_header(**DETACHED), middle=encode(PAYLOAD)), "payload-not-detached"),
    "b64 zero": (made(good_header(b64=0, crit=["b64"]), middle=""), "header-refused"),
    "b64 true": (made(good_header(b64=True, crit=["b64"]), middle=""), "header-refused"),
    "crit missing": (made(good_header(b64=False), middle=""), "header-refused"),
    "crit twice": (made(good_header(b64=False, crit=["b64", "b64"]), middle=""), "header-refused"),
    "crit more": (made(good_header(b64=False, crit=["b64", "exp"], exp=1), middle=""), "header-refused"),
    "signed as base64 after all": (
        made(good_header(**DETACHED), payload=encode(PAYLOAD).encode(), middle=""),
        "signature-wrong",
    ),
    "another payload": (made(good_header(**DETACHED), payload=b"other", middle=""), "signature-wrong"),
}


@pytest.mark.parametrize("name", BROKEN_DETACHED)
def test_a_broken_detached_token_is_refused_for_its_fault(name):
    token, code = BROKEN_DETACHED[name]
    with pytest.raises(SignatureRefused) as no:
        signed.verify(token, RING, TYP, payload=PAYLOAD)
    assert no.value.code == code


def test_the_parts_of_the_broken_tokens_are_otherwise_in_order():
    assert signed.verify(made(good_header()), RING, TYP) == PAYLOAD
    assert signed.verify(made(good_header(**DETACHED), middle=""), RING, TYP, payload=PAYLOAD) == PAYLOAD


def test_a_detached_token_without_its_payload_is_refused():
    with pytest.raises(SignatureRefused) as no:
        signed.verify(signed.sign(PAYLOAD, KEY, TYP, detached=True), RING, TYP)
    assert no.value.code == "header-refused"


def test_a_signature_has_one_spelling_only():
    """S + L verifies in careless libraries; stray bits in the last character decode in careless decoders."""
    head, body, signature = signed.sign(PAYLOAD, KEY, TYP).split(".")
    raw = decode(signature)
    grown = raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little")
    with pytest.raises(SignatureRefused) as no:
        signed.verify(f"{head}.{body}.{encode(grown)}", RING, TYP)
    assert no.value.code == "signature-wrong"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
    assert decode(stray) == raw
    with pytest.raises(SignatureRefused) as no:
        signed.verify(f"{head}.{body}.{stray}", RING, TYP)
    assert no.value.code == "token-malformed"


@given(st.data())
def test_no_changed_character_goes_unnoticed(data):
    token = signed.sign(PAYLOAD, KEY, TYP)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != token[at]))
    with pytest.raises(SignatureRefused):
        signed.verify(token[:at] + other + token[at + 1 :], RING, TYP)


def test_a_key_under_another_name_is_not_used():
    with pytest.raises(SignatureRefused) as no:
        signed.verify(made(good_header(kid="mine")), {"mine": KEY.public_key()}, TYP)
    assert no.value.code == "key-unknown"


def test_a_key_under_which_one_signature_fits_every_text_is_refused():
    identity = Ed25519PublicKey.from_public_bytes(b"\1" + b"\0" * 31)
    forged = b"\1" + b"\0" * 63  # R the identity, S zero
    identity.verify(forged, b"any text at all")
    header = good_header(kid=signed.thumbprint(identity))
    token = made(header).rpartition(".")[0] + "." + encode(forged)
    with pytest.raises(SignatureRefused) as no:
        signed.verify(token, signed.ring(identity), TYP)
    assert no.value.code == "key-weak"
    with pytest.raises(SignatureRefused):
        signed.from_jwk(signed.to_jwk(identity))


def test_the_list_of_weak_keys_is_complete():
    """Every y whose point has an order that divides 8, found by arithmetic instead of copied."""
    d = -121665 * pow(121666, -1, PRIME) % PRIME

    def add(p, q):
        (x1, y1), (x2, y2) = p, q
        k = d * x1 * x2 * y1 * y2 % PRIME
        x3 = (x1 * y2 + x2 * y1) * pow(1 + k, -1, PRIME) % PRIME
        return x3, (y1 * y2 + x1 * x2) * pow(1 - k, -1, PRIME) % PRIME

    def point(y):
        x2 = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
        x = pow(x2, (PRIME + 3) // 8, PRIME)
        if (x * x - x2) % PRIME:
            x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        return (x, y) if (x * x - x2) % PRIME == 0 else None

    def times(n, p):
        result = (0, 1)
        for bit in bin(n)[2:]:
            result = add(result, result)
            if bit == "1":
                result = add(result, p)
        return result

    small = set()
    for y in range(2, 60):
        if (start := point(y)) is not None:
            torsion = times(ORDER, start)
            for n in range(8):
                small.add(times(n, torsion)[1])
    spellings = {value for y in small for value in (y, y + PRIME) if value < 2**255}
    assert {value.to_bytes(32, "little") for value in spellings} == set(signed._SMALL_ORDER)
    for value in spellings:
        for sign in (0, 2**255):
            raw = (value + sign).to_bytes(32, "little")
            with pytest.raises(SignatureRefused) as no:
                signed.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode(raw)})
            assert no.value.code == "key-weak"


@pytest.mark.parametrize(
    "change",
    [{"kty": "EC"}, {"crv": "X25519"}, {"x": 7}, {"x": "AAAA"}, {"x": "A" * 43 + "="}, {"d": "A" * 43}, {"use": "sig"}],
)
def test_a_jwk_that_is_not_a_public_ed25519_key_is_refused(change):
    with pytest.raises(SignatureRefused):
        signed.from_jwk(signed.to_jwk(KEY.public_key()) | change)
