"""Usage: what was counted in each period, as records that can be lost, repeated and reordered (docs/formats/usage.md).

`issue` is called by the installation, `read` by the authority; `merged` by both, so that the customer sees the very
numbers that a bill is made of. Storing, sending and receipts are left to others. Rules:

  - A record states the whole count of each period that it names, not what was added: nothing is ever summed twice.
  - It names every period for which there is no receipt yet, so that a later record says what a lost one said.
  - Of one counter and period the highest sequence counts. So counts may be mended, by a newer record.
  - `previous` is the SHA-256 of the record before: who holds all can show that none was left out or slipped in.
  - Two records of one sequence that differ are a fault (`Forked`): two machines use one identity.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from licensing import _claims
from licensing._claims import At, Count, Identifier, Number
from licensing.entitlements import Name
from licensing.errors import LicenceRefused
from licensing.licence import Threshold

FORMAT: Final = "diffgram-usage"
MOST_PERIODS: Final = 400

_Hex64 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Period = Annotated[str, msgspec.Meta(pattern=r"^(term|[0-9]{4}-[0-9]{2}(-[0-9]{2})?)\Z")]
_Periods = Annotated[dict[_Period, Count], msgspec.Meta(min_length=1, max_length=MOST_PERIODS)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One record of one installation for one licence: counter → period → its whole count."""

    counts: Annotated[dict[Name, _Periods], msgspec.Meta(max_length=100)]
    format: Literal["diffgram-usage/1"] = "diffgram-usage/1"
    installation: Identifier
    licence: Identifier
    previous: _Hex64 | None
    recorded_at: At
    sequence: Number


class Forked(Exception):
    """Two records of one installation and licence have the same `sequence` and say different things."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"two records number {sequence} differ: two machines use one identity; renew that of the copy")
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class Standing:
    """How use stands beside a threshold.

    `percent` of what is included, rounded down; `warned` the highest share reached at which somebody is told; `over` so
    many beyond; `grace_until` when `limits` would begin; `limited` the entitlements that are limited now.
    """

    used: int
    included: int
    percent: int
    warned: int | None
    over: int
    grace_until: datetime | None
    limited: tuple[str, ...]


def issue(record: Record, key: Ed25519PrivateKey) -> str:
    """Return the record as a compact JWS of the installation. Raises LicenceRefused for one `read` would refuse."""
    return _claims.issue(record, key, signed.USAGE, FORMAT, _check)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Record:
    """Return the record in `token`, verified and complete; `keys` are the installation's. Raises LicenceRefused."""
    return _claims.read(token, keys, signed.USAGE, Record, FORMAT, _check)


def digest(token: str) -> str:
    """Return what the next record calls `previous`."""
    return hashlib.sha256(token.encode()).hexdigest()


def merged(records: Iterable[Record]) -> dict[tuple[str, str], int]:
    """Return (counter, period) → count, of records of one installation and licence in any order, any number of times.

    Raises Forked.
    """
    by_sequence: dict[int, Record] = {}
    for record in records:
        known = by_sequence.setdefault(record.sequence, record)
        if known != record:
            raise Forked(record.sequence)
    sums: dict[tuple[str, str], int] = {}
    for _, record in sorted(by_sequence.items()):
        sums.update(
            ((counter, period), count)
            for counter, periods in record.counts.items()
            for period, count in periods.items()
        )
    return sums


def gaps(records: Iterable[tuple[Record, str]]) -> list[int]:
    """Return the sequences that are missing below the highest, or whose `previous` is not the one before.

    `records` come with their digests.
    """
    known = {record.sequence: (record, sha256) for record, sha256 in records}
    wrong = [
        sequence
        for sequence, (record, _) in known.items()
        if record.previous != (known[sequence - 1][1] if sequence - 1 in known else record.previous)
    ]
    missing = [sequence for sequence in range(1, max(known, default=0)) if sequence not in known]
    return sorted({*wrong, *missing})


def stands(threshold: Threshold, used: int, over_since: datetime | None, at: datetime) -> Standing:
    """Say how `used` stands; `over_since` is when it last rose above what is included, None while it is not above."""
    percent = used * 100 // threshold.included if threshold.included else (100 if not used else 10_000)
    over = max(0, used - threshold.included)
    ends = over_since + timedelta(days=threshold.grace_days) if over and over_since and threshold.limits else None
    return Standing(
        used=used,
        included=threshold.included,
        percent=percent,
        warned=max((share for share in threshold.warn_percent if percent >= share), default=None),
        over=over,
        grace_until=ends,
        limited=tuple(threshold.limits) if ends and at >= ends else (),
    )


def period_of(at: datetime, per: str) -> str:
    """Return the period that an instant lies in: `2026-11-22` of a day, `2026-11` of a month, or `term`."""
    return {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}"}.get(per, "term")


def _check(one: Record) -> None:
    try:
        _claims.moment(one.recorded_at)
        for period in {period for periods in one.counts.values() for period in periods} - {"term"}:
            date.fromisoformat(period if len(period) == len("2026-11-22") else f"{period}-01")
    except ValueError:
        raise LicenceRefused("MALFORMED", "a time or period of the record is none") from None
    if (one.previous is None) != (one.sequence == 1):
        raise LicenceRefused("MALFORMED", "only the first record has none before it")
