"""Requests, grants and endings of support: what they can say, and that no grant is wider than what was asked."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import signed, support
from audit.errors import SignatureRefused

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
INSTALLATION = "3f" * 16
ROUTES = ["issues", "queues", "versions"]
CORPORATE, HOME, ENGINEER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
KEYS = signed.ring(CORPORATE.public_key())


def _request(**more) -> support.Request:
    members = {
        "asked_at": support.text(NOW),
        "expires_at": support.text(NOW + timedelta(days=4)),
        "extends": None,
        "id": "1a" * 16,
        "installation": INSTALLATION,
        "name": None,
        "reason": "customer-asked",
        "requester": signed.thumbprint(ENGINEER.public_key()),
        "role": "support",
        "routes": ROUTES,
        "seconds": 14_400,
        "ticket": "DG-4711",
    }
    return support.Request(**(members | more))


TOKEN = support.ask(_request(), CORPORATE)


def _granted(**more) -> support.Grant:
    allowed = support.Allowed(**({"id": "2b" * 16, "routes": ("versions",), "lasts": timedelta(hours=1)} | more))
    return support.grant(TOKEN, _request(), allowed, support.USUAL, NOW)


def test_what_was_asked_is_read_again():
    assert support.hear(TOKEN, KEYS, INSTALLATION, NOW) == _request()


@pytest.mark.parametrize(
    "wrong",
    [
        {"routes": []},
        {"routes": ["versions", "issues"]},
        {"routes": ["*"]},
        {"reason": "because"},
        {"role": "root"},
        {"ticket": "please be quick"},
        {"seconds": 299},
        {"requester": "anna"},
        {"name": "<b>Anna</b>"},
        {"expires_at": support.text(NOW)},
        {"expires_at": support.text(NOW + timedelta(days=15))},
        {"extends": "1a" * 16},
        {"asked_at": "2026-11-22 13:00:00Z"},
    ],
)
def test_what_nobody_may_ask_cannot_be_signed(wrong):
    with pytest.raises(ValueError):
        support.ask(_request(**wrong), CORPORATE)


def test_a_request_of_another_key_is_no_request():
    with pytest.raises(SignatureRefused) as no:
        support.hear(support.ask(_request(), HOME), KEYS, INSTALLATION, NOW)
    assert no.value.code == "key-unknown"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW + timedelta(days=4), "support-expired"),
        (NOW - timedelta(hours=1, seconds=1), "support-future"),
    ],
)
def test_a_request_has_its_time(now, code):
    with pytest.raises(SignatureRefused) as no:
        support.hear(TOKEN, KEYS, INSTALLATION, now)
    assert no.value.code == code


def test_a_grant_starts_when_it_is_approved_and_is_for_one_key_and_one_text():
    granted = _granted()
    assert (granted.starts_at, granted.ends_at) == ("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z")
    assert granted.sha256 == support.digest(TOKEN)
    mine, other = granted.requester, signed.thumbprint(HOME.public_key())
    assert granted.covers("versions", mine, NOW)
    assert not granted.covers("versions", other, NOW)
    assert not granted.covers("queues", mine, NOW)
    assert not granted.covers("versions", mine, NOW + timedelta(hours=1))
    assert not granted.covers("versions", mine, NOW - timedelta(seconds=1))


@given(
    st.lists(st.sampled_from([*ROUTES, "configuration", "shop/orders"]), max_size=4),
    st.integers(-3600, 700_000),
    st.integers(300, 86_400),
)
def test_no_grant_is_wider_than_the_request_or_the_policy(routes, seconds, longest):
    allowed = support.Allowed("2b" * 16, tuple(routes), timedelta(seconds=seconds))
    try:
        granted = support.grant(TOKEN, _request(), allowed, timedelta(seconds=longest), NOW)
    except ValueError:
        return
    support.fits(granted, TOKEN, _request())
    assert set(granted.routes) <= set(ROUTES)
    assert support.moment(granted.ends_at) - NOW <= timedelta(seconds=min(longest, 14_400))


def test_a_request_that_is_over_cannot_be_granted():
    allowed = support.Allowed("2b" * 16, ("versions",), timedelta(hours=1))
    with pytest.raises(ValueError, match="ended"):
        support.grant(TOKEN, _request(), allowed, support.USUAL, NOW + timedelta(days=4))


def test_a_request_that_was_widened_afterwards_does_not_fit_its_grant():
    wider = _request(routes=["configuration", *ROUTES])
    with pytest.raises(SignatureRefused) as no:
        support.fits(_granted(), support.ask(wider, CORPORATE), wider)
    assert no.value.code == "support-wider"


def test_grant_and_ending_are_signed_and_read_again():
    granted, keys = _granted(), signed.ring(HOME.public_key())
    assert support.read_grant(support.sign_grant(granted, HOME), keys) == granted
    ending = support.Ending(ended_at=support.text(NOW), grant=granted.id, installation=INSTALLATION, why="revoked")
    assert support.read_ending(support.end(ending, HOME), keys) == ending


def test_no_document_passes_for_another():
    ending = support.Ending(ended_at=support.text(NOW), grant="2b" * 16, installation=INSTALLATION, why="revoked")
    with pytest.raises(SignatureRefused) as no:
        support.read_grant(support.end(ending, HOME), signed.ring(HOME.public_key()))
    assert no.value.code == "type-refused"
