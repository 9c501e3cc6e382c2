"""A licence and a list say exactly what their format has, or are refused with the code that says why."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import signed
from audit.canonical import canonical
from licensing import licence, withdrawals
from licensing.codes import CODES
from licensing.entitlements import Choice, Flag, Limit, Rate, values
from licensing.errors import LicenceRefused
from licensing.licence import Threshold
from tests.licensing.samples import (
    DAY,
    ELSEWHERE,
    ENTITLEMENTS,
    HERE,
    KEY,
    LICENCE,
    LIST_KEY,
    START,
    claims,
    issued,
    key,
    listed,
    made,
    spelt,
)

THRESHOLD = {"included": 1, "per": "month", "warn_percent": [80], "grace_days": 1, "limits": []}
KEYS = signed.ring(KEY.public_key())


def signed_claims(**changed: Any) -> str:
    """Claims of a licence with some of them spoilt, well signed."""
    return signed.sign(canonical(claims(made()) | changed), KEY, signed.LICENCE)


def test_a_licence_says_when_read_what_it_was_issued_with() -> None:
    assert licence.read(licence.issue(made(), KEY), KEYS) == made()


def test_a_list_says_when_read_what_it_was_issued_with() -> None:
    one = withdrawals.read(listed(3, gone=("revoked", START + DAY)), signed.ring(LIST_KEY.public_key()))
    assert (one.version, one.at, one.entries[LICENCE].state) == (3, START, "revoked")
    assert withdrawals.begins(one.entries[LICENCE]) == START + DAY


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"format": "diffgram-licence/2"}, "FORMAT_UNSUPPORTED"),
        ({"format": "diffgram-receipt/1"}, "MALFORMED"),
        ({"more": 1}, "MALFORMED"),
        ({"sequence": 0}, "MALFORMED"),
        ({"sequence": "1"}, "MALFORMED"),
        ({"sequence": True}, "MALFORMED"),
        ({"plan": "Enterprise Plan"}, "MALFORMED"),
        ({"customer": "a\nb"}, "MALFORMED"),
        ({"environment": "staging"}, "MALFORMED"),
        ({"nbf": "2026-01-01T23:59:59+00:00"}, "MALFORMED"),
        ({"nbf": "2026-02-30T23:59:59Z"}, "MALFORMED"),
        ({"license_expires": spelt(START)}, "MALFORMED"),
        ({"exp": spelt(START + 364 * DAY)}, "MALFORMED"),
        ({"file_expires": spelt(START)}, "MALFORMED"),
        ({"installations": [HERE, HERE]}, "MALFORMED"),
        ({"installations": [HERE, ELSEWHERE], "installations_most": 1}, "MALFORMED"),
        ({"freshness": {"warn_days": 30, "limit_days": 43}}, "MALFORMED"),
        ({"warn_days": [1, 30]}, "MALFORMED"),
        ({"warn_days": [7, 7]}, "MALFORMED"),
        ({"entitlements": {"sso": {"type": "text", "value": "x", "limited": "y"}}}, "MALFORMED"),
        ({"thresholds": {"a": THRESHOLD | {"limits": ["b"]}}}, "MALFORMED"),
        ({"thresholds": {"a": THRESHOLD | {"per": "year"}}}, "MALFORMED"),
    ],
)
def test_claims_that_no_licence_may_make_are_refused(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(LicenceRefused) as no:
        licence.read(signed_claims(**changed), KEYS)
    assert no.value.code == code


@pytest.mark.parametrize("member", sorted(claims(made())))
def test_a_member_that_is_missing_is_refused(member: str) -> None:
    rest = {name: value for name, value in claims(made()).items() if name != member}
    with pytest.raises(LicenceRefused) as no:
        licence.read(signed.sign(canonical(rest), KEY, signed.LICENCE), KEYS)
    assert no.value.code == "MALFORMED"


def test_another_spelling_of_the_same_claims_is_refused() -> None:
    spaced = signed.sign(canonical(claims(made())).replace(b":", b": ", 1), KEY, signed.LICENCE)
    with pytest.raises(LicenceRefused) as no:
        licence.read(spaced, KEYS)
    assert no.value.code == "MALFORMED"


def test_issuing_refuses_what_reading_would() -> None:
    with pytest.raises(LicenceRefused):
        licence.issue(made(entitlements={"export-data": Flag(value=True, limited=False)}), KEY)
    with pytest.raises(LicenceRefused):
        listed(0)


@pytest.mark.parametrize(
    "one",
    [
        Limit(value=5, limited=6),
        Limit(value=5, limited=None),
        Flag(value=False, limited=True),
        Choice(of=["free", "gold"], value="free", limited="gold"),
        Choice(of=["free", "gold"], value="silver", limited="free"),
        Choice(of=["free", "free"], value="free", limited="free"),
        Rate(value=1, limited=2, per="day"),
    ],
)
def test_no_entitlement_grants_more_when_limited_or_what_is_not_of_its_choices(one: Any) -> None:
    with pytest.raises(LicenceRefused):
        licence.issue(made(entitlements={"thing": one}, thresholds={}), KEY)


def test_what_is_left_of_a_limited_licence_stands_in_it() -> None:
    assert values(ENTITLEMENTS, limited=False) == {"seats": 50, "sso": True, "edition": "gold", "requests": 1000}
    assert values(ENTITLEMENTS, limited=True) == {"seats": 50, "sso": False, "edition": "free", "requests": 10}


def test_a_threshold_warns_at_rising_shares_and_limits_only_what_is_granted() -> None:
    falling = Threshold(included=1, per="month", warn_percent=[100, 80], grace_days=1, limits=[])
    with pytest.raises(LicenceRefused):
        issued(thresholds={"annotations": falling})


@pytest.mark.parametrize("token", ["", "a.b.c", "…", "." * 3, issued()[:-2], issued().replace(".", "..", 1)])
def test_what_is_no_token_is_refused_as_not_the_vendors(token: str) -> None:
    with pytest.raises(LicenceRefused) as no:
        licence.read(token, KEYS)
    assert no.value.code == "SIGNATURE_INVALID"


def test_another_key_and_another_type_are_refused() -> None:
    with pytest.raises(LicenceRefused) as no:
        licence.read(licence.issue(made(), key("somebody")), KEYS)
    assert no.value.code == "KEY_UNKNOWN"
    with pytest.raises(LicenceRefused) as no:
        licence.read(signed.sign(canonical(claims(made())), KEY, signed.RECEIPT), KEYS)
    assert no.value.code == "SIGNATURE_INVALID"


@given(st.integers(0, len(base64.urlsafe_b64decode(issued().split(".")[1] + "==")) * 8 - 1))
def test_no_edited_bit_verifies(bit: int) -> None:
    head, body, signature = issued().split(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    raw[bit // 8] ^= 1 << bit % 8
    edited = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(LicenceRefused) as no:
        licence.read(f"{head}.{edited}.{signature}", KEYS)
    assert no.value.code == "SIGNATURE_INVALID"


@given(st.integers(0, len(issued()) - 1), st.characters(codec="ascii"))
def test_no_edited_character_verifies(position: int, character: str) -> None:
    token = issued()
    edited = token[:position] + character + token[position + 1 :]
    if edited == token:
        assert licence.read(edited, KEYS) == made()
        return
    with pytest.raises(LicenceRefused):
        licence.read(edited, KEYS)


def test_no_refusal_quotes_what_the_document_says() -> None:
    with pytest.raises(LicenceRefused) as no:
        licence.read(signed_claims(customer="Secret Hospital\n"), KEYS)
    assert "Secret" not in str(no.value)


def test_every_code_says_what_to_do() -> None:
    assert all(code.meaning and code.todo and name == code.name for name, code in CODES.items())
    assert {name for name, code in CODES.items() if code.valid} == {
        *("VALID", "EXPIRES_SOON", "FILE_EXPIRES_SOON", "GRACE", "STATUS_STALE_SOON", "CLOCK_BEHIND", "CLOCK_AHEAD"),
        "ENDS_SOON",
    }


def test_the_file_ends_with_grace_or_before() -> None:
    assert made().counts_until == START + 395 * DAY
    assert made(file_expires=spelt(START + timedelta(days=90))).counts_until == START + 90 * DAY
