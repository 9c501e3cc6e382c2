"""The licence: what a vendor grants to a customer, signed (docs/formats/licence.md).

`issue` is called by the authority at corporate, `read` wherever a licence is looked at. Which keys may sign licences
is the manifest's matter. What it means today, with a clock and what the vendor has withdrawn, is said by `judging`
alone. Rules:

  - `sequence` rises with every document of the same licence: the highest counts, in whatever order they arrive.
  - `account` is the customer's, and names the list of withdrawn licences that can end this one (`withdrawals`).
  - The term ends at `license_expires`, grace at `exp`; until then all is granted. `file_expires` ends this file only.
  - `installations` are thumbprints of the keys of those that may use it; an empty list binds it to none.
  - `freshness` says for how many days it counts without news of withdrawn licences; none: it never needs any.
  - Every entitlement says what is left of it when the licence is limited (`entitlements`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import canonical
from licensing import _claims
from licensing._claims import At, Count, Identifier, Label, Number, Thumbprint
from licensing.entitlements import Entitlement, Name, fault
from licensing.errors import LicenceRefused

FORMAT: Final = "diffgram-licence"
WARNED_DAYS: Final = 14
"""For so long it is told that news are missing, before anything is limited (issue 6: for weeks)."""

_Days = Annotated[int, msgspec.Meta(ge=1, le=3_660)]
_Percent = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
_WarnDays = Annotated[list[_Days], msgspec.Meta(max_length=10)]


class Freshness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long a licence counts without news: warned of after so many days, limited after so many."""

    limit_days: _Days
    warn_days: _Days


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much use is included in each period, and what happens beyond it.

    `warn_percent` are the shares of it at which somebody is told; `grace_days` is how long use may stay above it
    before `limits`, names of entitlements, are limited; with none, use beyond it is billed and nothing is limited.
    """

    grace_days: _Days
    included: Count
    limits: Annotated[list[Name], msgspec.Meta(max_length=100)]
    per: Literal["day", "month", "term"]
    warn_percent: Annotated[list[_Percent], msgspec.Meta(min_length=1, max_length=10)]


class Licence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One licence, member by member, as docs/formats/licence.md has them. Times are texts, UTC, to the second."""

    account: Identifier
    authority: Label
    customer: Label
    entitlements: Annotated[dict[Name, Entitlement], msgspec.Meta(max_length=500)]
    environment: Literal["production", "test"]
    exp: At
    file_expires: At | None
    format: Literal["diffgram-licence/1"] = "diffgram-licence/1"
    freshness: Freshness | None
    installations: Annotated[list[Thumbprint], msgspec.Meta(max_length=1_000)]
    installations_most: Number
    issued_at: At
    licence: Identifier
    license_expires: At
    nbf: At
    plan: Name
    product: Name
    sequence: Number
    support: Name
    thresholds: Annotated[dict[Name, Threshold], msgspec.Meta(max_length=100)]
    warn_days: _WarnDays

    def at(self, name: str) -> datetime:
        """Return one of its times: `issued_at`, `nbf`, `license_expires`, `exp`."""
        return _claims.moment(getattr(self, name))

    @property
    def counts_until(self) -> datetime:
        """The end of grace, or of this file where that is earlier."""
        ends = self.at("exp")
        return min(ends, _claims.moment(self.file_expires)) if self.file_expires else ends


def issue(licence: Licence, key: Ed25519PrivateKey) -> str:
    """Return `licence` as a compact JWS. Raises LicenceRefused for one that `read` would refuse."""
    return _claims.issue(licence, key, signed.LICENCE, FORMAT, _check)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Licence:
    """Return the licence in `token`, verified and complete; `keys` are those for licences. Raises LicenceRefused."""
    return _claims.read(token, keys, signed.LICENCE, Licence, FORMAT, _check)


def checked(licence: Licence) -> Licence:
    """Return the licence if a document may say just this. Raises LicenceRefused with MALFORMED."""
    found = _claims.claims(canonical(msgspec.to_builtins(licence)), Licence, FORMAT)
    _check(found)
    return found


def _check(one: Licence) -> None:
    """Compare the members with each other. Raises LicenceRefused."""
    try:
        begins, ends, grace = one.at("nbf"), one.at("license_expires"), one.at("exp")
        one.at("issued_at")
        file_ends = one.counts_until
    except ValueError:
        raise _refused("a time is not in UTC to the second") from None
    if not begins < ends <= grace or file_ends <= begins:
        raise _refused("its dates are not in order: nbf, license_expires, exp, and file_expires behind nbf")
    if len(set(one.installations)) != len(one.installations) or len(one.installations) > one.installations_most:
        raise _refused("it names an installation twice, or more than it allows")
    if one.freshness and one.freshness.limit_days - one.freshness.warn_days < WARNED_DAYS:
        raise _refused(f"its freshness warns less than {WARNED_DAYS} days before it limits")
    if sorted(set(one.warn_days), reverse=True) != one.warn_days:
        raise _refused("its days of warning do not fall")
    for name, entitlement in one.entitlements.items():
        wrong = fault(name, entitlement)
        if wrong is not None:
            raise _refused(wrong)
    for threshold in one.thresholds.values():
        if not set(threshold.limits) <= set(one.entitlements):
            raise _refused("a threshold limits what the licence does not grant")
        if sorted(set(threshold.warn_percent)) != threshold.warn_percent:
            raise _refused("the shares at which a threshold warns do not rise")


def _refused(what: str) -> LicenceRefused:
    return LicenceRefused("MALFORMED", f"the licence contradicts itself: {what}")
