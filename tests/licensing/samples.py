"""Licences and lists of the tests, and the keys that sign them."""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signed
from licensing import licence, withdrawals
from licensing.entitlements import Choice, Entitlement, Flag, Limit, Rate
from licensing.judging import Held, Place
from licensing.licence import Freshness, Licence, Threshold
from licensing.withdrawals import Entry, State, Withdrawals

START = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT, LICENCE = "a" * 32, "b" * 32


def key(word: str) -> Ed25519PrivateKey:
    """The key whose seed is the SHA-256 of a word."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())


KEY, LIST_KEY = key("licences"), key("withdrawals")
HERE = signed.thumbprint(key("installation").public_key())
ELSEWHERE = signed.thumbprint(key("another installation").public_key())
PLACE = Place("annotator", "production", HERE)
ENTITLEMENTS: dict[str, Entitlement] = {
    "seats": Limit(value=50, limited=50),
    "sso": Flag(value=True, limited=False),
    "edition": Choice(of=["free", "silver", "gold"], value="gold", limited="free"),
    "requests": Rate(value=1000, limited=10, per="minute"),
}


def spelt(at: datetime) -> str:
    """An instant as documents have it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def made(**changed: object) -> Licence:
    """A licence of a year from START, a month of grace, and what is changed."""
    usual = {
        "account": ACCOUNT,
        "authority": "Shop Software",
        "customer": "St Mary Hospital",
        "entitlements": ENTITLEMENTS,
        "environment": "production",
        "exp": spelt(START + 395 * DAY),
        "file_expires": None,
        "freshness": None,
        "installations": [HERE],
        "installations_most": 2,
        "issued_at": spelt(START),
        "licence": LICENCE,
        "license_expires": spelt(START + 365 * DAY),
        "nbf": spelt(START),
        "plan": "enterprise",
        "product": "annotator",
        "sequence": 1,
        "support": "gold",
        "thresholds": {
            "annotations": Threshold(
                included=100_000, per="month", warn_percent=[80, 100], grace_days=14, limits=["requests"]
            )
        },
        "warn_days": [30, 14, 7, 1],
    }
    return Licence(**(usual | changed))  # type: ignore[arg-type]


def issued(**changed: object) -> str:
    """Such a licence, signed."""
    return licence.issue(made(**changed), KEY)


def listed(version: int = 1, at: datetime = START, gone: tuple[State, datetime] | None = None) -> str:
    """A list, signed: how LICENCE was withdrawn and from when on, or nothing."""
    entries = {LICENCE: Entry(begins=spelt(gone[1]), state=gone[0])} if gone else {}
    one = Withdrawals(account=ACCOUNT, authority="Shop Software", entries=entries, issued_at=spelt(at), version=version)
    return withdrawals.issue(one, LIST_KEY)


def held(*licences: str, lists: tuple[str, ...] = ()) -> Held:
    """All of these, with the keys for each."""
    return Held(licences, lists, signed.ring(KEY.public_key()), signed.ring(LIST_KEY.public_key()))


def claims(one: msgspec.Struct) -> dict[str, object]:
    """Its members, to be spoilt."""
    return dict(msgspec.to_builtins(one))


FRESH = Freshness(warn_days=30, limit_days=90)
