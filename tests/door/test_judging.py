"""The pure rules: what an answer means, how long to wait, and what is a manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import signed
from audit.errors import SignatureRefused
from audit.gate import Header
from diffgram_home import judging, manifest, patience
from diffgram_home.exchange import Answer

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
HEADER = Header("3f2a9c41d7e84b06a5b1c0ffee123456", "event", 7, NOW, 12, "0" * 64)


@given(
    st.integers(100, 599),
    st.binary(max_size=200) | st.dictionaries(st.text(max_size=12), st.text()).map(msgspec.json.encode),
)
def test_nothing_without_a_valid_receipt_is_accepted(status: int, body: bytes) -> None:
    verdict = judging.of_answer(Answer(status, body, None), HEADER, "0" * 64, {})
    assert verdict.outcome == ("rejected" if 400 <= status < 500 else "unknown")
    assert verdict.receipt is None


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_a_void_that_is_refused_is_tried_again_since_its_number_must_not_stay_a_hole(status: int) -> None:
    answer = Answer(status, b'{"code":"malformed","retry":false}', None)
    assert judging.of_answer(answer, HEADER, "0" * 64, {}).final
    assert not judging.of_answer(answer, replace(HEADER, void="refused"), "0" * 64, {}).final


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_what_may_pass_is_never_final(status: int) -> None:
    answer = Answer(status, b'{"code":"x","retry":false}', None)
    assert not judging.of_answer(answer, HEADER, "0" * 64, {}).final


@pytest.mark.parametrize("code", ["Über", "a b", "", "x" * 61, 7, None, "line\nbreak"])
def test_a_code_that_the_ledger_would_not_take_is_replaced_by_the_status(code: object) -> None:
    answer = Answer(400, json.dumps({"code": code, "message": "a\x1b[31m\nb"}).encode(), None)
    verdict = judging.of_answer(answer, HEADER, "0" * 64, {})
    assert verdict.code == "status-400"
    assert verdict.detail.isprintable()


@given(st.integers(1, 10_000), st.floats(0.5, 3600), st.floats(0, 1))
def test_waits_double_are_spread_over_their_upper_half_and_bounded(tries: int, first_s: float, share: float) -> None:
    whole = min(first_s * 2.0 ** min(tries - 1, 60), patience.LONGEST_WAIT.total_seconds())
    waited_s = patience.backoff(tries, first_s, share).total_seconds()
    assert whole / 2 - 1e-3 <= waited_s <= whole + 1e-3


def test_a_moment_beyond_every_wait_was_written_by_a_wrong_clock() -> None:
    longest = patience.LONGEST_ASKED_WAIT
    assert patience.is_waiting(patience.State(1, NOW + longest), NOW)
    assert not patience.is_waiting(patience.State(1, NOW + longest + timedelta(seconds=1)), NOW)
    assert not patience.is_waiting(patience.State(1, NOW), NOW)


ROOT = Ed25519PrivateKey.generate()


def answered(signer: Ed25519PrivateKey = ROOT, typ: str = signed.MANIFEST, **changed: Any) -> bytes:
    """A manifest without a certificate authority, changed."""
    claims = {
        "corporate": "DC",
        "version": 1,
        "issued_at": "2026-11-01T00:00:00Z",
        "expires_at": "2027-11-01T00:00:00Z",
        "keys": [{"purpose": "receipts", "jwk": signed.to_jwk(ROOT.public_key())}],
        **changed,
    }
    token = signed.sign(json.dumps(claims).encode(), signer, typ)
    return json.dumps({"root": signed.to_jwk(signer.public_key()), "manifest": token}).encode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "manifest-malformed"),
        (b"[]", "manifest-malformed"),
        (b"{}", "manifest-malformed"),
        (answered(), "manifest-malformed"),  # no authority
        (answered(version=0), "manifest-malformed"),
        (answered(version="1"), "manifest-malformed"),
        (answered(keys=[]), "manifest-malformed"),
        (answered(keys=7), "manifest-malformed"),
        (answered(expires_at=1), "manifest-malformed"),
        (answered(corporate="a\nb"), "manifest-malformed"),
        (answered(Ed25519PrivateKey.generate()), "root-differs"),
        (answered(typ=signed.RECEIPT), "type-refused"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_reason(data: bytes, code: str) -> None:
    with pytest.raises(SignatureRefused) as refused:
        manifest.check(data, manifest.fingerprint(ROOT.public_key()), NOW)
    assert refused.value.code == code
