"""Receipts: issued, read back, compared with what was sent, and refused in every other form."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import receipt, signed
from audit.canonical import canonical
from audit.errors import SignatureRefused
from audit.gate import Header

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"one").digest())
RING = signed.ring(KEY.public_key())
NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
GOOD = receipt.Receipt(
    installation="a" * 32,
    case="event",
    sequence=7,
    sha256="b" * 64,
    ledger_size=12,
    ledger_root="c" * 64,
    messages=3,
    received_at=NOW,
    authenticated="mtls+signature",
    void=False,
    already=None,
)
HEADER = Header("a" * 32, "event", 7, NOW, 12, "c" * 64)


def hexes(length):
    return st.text("0123456789abcdef", min_size=length, max_size=length)


RECEIPTS = st.builds(
    receipt.Receipt,
    installation=hexes(32),
    case=st.sampled_from(["event", "browser", "support", "licensing"]),
    sequence=st.integers(1, 2**53 - 1),
    sha256=hexes(64),
    ledger_size=st.integers(0, 2**53 - 1),
    ledger_root=hexes(64),
    messages=st.just(0),
    received_at=st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(  # noqa: DTZ001 - made aware below
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
    ),
    authenticated=st.sampled_from(["mtls+signature", "signature"]),
    void=st.just(False),
    already=st.none() | hexes(64),
) | st.builds(replace, st.just(GOOD), void=st.just(True), messages=st.just(0))


@given(RECEIPTS)
def test_what_was_issued_is_read(value):
    assert receipt.read(receipt.issue(value, KEY), RING) == value


def test_the_time_is_written_in_utc_to_the_second():
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30))).replace(microsecond=999_999)
    assert receipt.read(receipt.issue(replace(GOOD, received_at=there), KEY), RING).received_at == NOW


def test_a_receipt_of_what_was_sent_matches():
    receipt.matches(GOOD, HEADER, "b" * 64)
    receipt.matches(replace(GOOD, void=True, messages=0), replace(HEADER, void="mode"), "b" * 64)
    receipt.matches(replace(GOOD, messages=0, already="d" * 64), replace(HEADER, void="mode"), "b" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"installation": "d" * 32},
        {"case": "browser"},
        {"sequence": 8},
        {"sha256": "d" * 64},
        {"ledger_size": 13},
        {"ledger_root": "d" * 64},
        {"void": True, "messages": 0},
        {"already": "d" * 64, "messages": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_receipt_that_speaks_of_something_else_does_not_match(change):
    with pytest.raises(SignatureRefused) as no:
        receipt.matches(replace(GOOD, **change), HEADER, "b" * 64)
    assert no.value.code == "receipt-differs"


def test_a_receipt_without_a_void_does_not_match_a_void():
    with pytest.raises(SignatureRefused) as no:
        receipt.matches(GOOD, replace(HEADER, void="withdrawn"), "b" * 64)
    assert no.value.code == "receipt-differs"


CLAIMS = json.loads(signed.verify(receipt.issue(GOOD, KEY), RING, signed.RECEIPT))
WRONG = [
    ("format", "diffgram-receipt/2"),
    ("installation", "A" * 32),
    ("installation", "a" * 31),
    ("case", "everything"),
    ("case", []),
    ("sequence", 0),
    ("sequence", True),
    ("sequence", "7"),
    ("sequence", 2**53),
    ("sha256", "b" * 63),
    ("sha256", "b" * 64 + "\n"),
    ("sha256", None),
    ("ledger_size", -1),
    ("ledger_root", "g" * 64),
    ("messages", -1),
    ("received_at", "2026-11-21T14:01:05+00:00"),
    ("received_at", "2026-02-30T14:01:05Z"),
    ("received_at", "2026-11-21T14:01:5Z"),
    ("received_at", 1),
    ("authenticated", "mtls"),
    ("void", 0),
    ("void", True),
    ("already", ""),
    ("already", "d" * 64),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_claim_is_refused_though_well_signed(name, value):
    payload = json.dumps(CLAIMS | {name: value}, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(SignatureRefused) as no:
        receipt.read(signed.sign(payload, KEY, signed.RECEIPT), RING)
    assert no.value.code == "receipt-malformed"


@pytest.mark.parametrize(
    "payload",
    [
        canonical({name: value for name, value in CLAIMS.items() if name != "already"}),
        canonical(CLAIMS | {"more": 1}),
        b'{"already":null,' + canonical(CLAIMS)[1:],
        canonical(CLAIMS) + b"\n",
        json.dumps(CLAIMS).encode(),
        b"[]",
        b"",
        b"\xff",
        b'{"a":' * 5000,
        canonical(CLAIMS).replace(b":7,", b":7.0,"),
    ],
    ids=[
        "a claim missing",
        "one more",
        "one twice",
        "a line feed",
        "spaces",
        "a list",
        "nothing",
        "bytes",
        "deep",
        "7.0",
    ],
)
def test_claims_in_any_other_form_are_refused(payload):
    with pytest.raises(SignatureRefused) as no:
        receipt.read(signed.sign(payload, KEY, signed.RECEIPT), RING)
    assert no.value.code == "receipt-malformed"


def test_a_batch_signature_does_not_pass_for_a_receipt():
    with pytest.raises(SignatureRefused) as no:
        receipt.read(signed.sign(canonical(CLAIMS), KEY, signed.BATCH), RING)
    assert no.value.code == "type-refused"


@pytest.mark.parametrize("change", [{"sequence": 0}, {"sha256": "B" * 64}, {"void": True}, {"already": "d" * 64}])
def test_no_receipt_is_issued_that_could_not_be_read(change):
    with pytest.raises(ValueError, match=r"a receipt cannot say|a void number|a late void"):
        receipt.issue(replace(GOOD, **change), KEY)
