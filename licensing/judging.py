"""The one function that says what holds: `judge`. Files, clocks and switches are left to others; it never raises.

It takes all that was ever loaded, in any order, and says what they come to at a time: signature, key, type, form,
product, environment, binding, sequence, dates, what was withdrawn and how fresh the news is are looked at together or
nothing is said. Whatever is not in force is named by its code (`codes`). Rules:

  - Of one licence the highest sequence counts. Of several licences the one that grants now, then the latest issued.
  - Of an account's lists the highest version counts. A list that is not the vendor's counts for nothing.
  - Only dates that the documents bear end anything; only a document that is loaded brings anything back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing import keygen, withdrawals
from licensing import licence as licences
from licensing.clock import Believed
from licensing.codes import CODES, Code
from licensing.entitlements import Value, values
from licensing.errors import LicenceRefused
from licensing.licence import Licence
from licensing.withdrawals import Withdrawals

_SOON: Final = timedelta(days=30)
"""From so long before its end a file's own end is told."""
_Keys = Mapping[str, Ed25519PublicKey]
_Document = TypeVar("_Document")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is judged: product, environment (`production`, `test`), thumbprint of the installation's key."""

    product: str
    environment: str
    installation: str


@dataclass(frozen=True, slots=True)
class Held:
    """All that was loaded: tokens of licences and of lists, and the keys that may sign each.

    `keygen_files` are files of Keygen's, and `keygen_issuer` what has to be known to read them.
    """

    licences: Sequence[str]
    withdrawals: Sequence[str]
    licence_keys: _Keys
    withdrawal_keys: _Keys
    keygen_files: Sequence[str] = ()
    keygen_issuer: keygen.Issuer | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What holds. `valid`: all of the licence is granted; otherwise `entitled` has what is left of it.

    `code` says why, `warnings` what else is to be told, the most pressing first. `until` is when it will next change by
    itself, None if never. `refused` counts tokens that are nothing, by code.
    """

    code: Code
    warnings: tuple[Code, ...]
    licence: Licence | None
    entitled: Mapping[str, Value]
    until: datetime | None
    refused: Mapping[str, int]

    @property
    def valid(self) -> bool:
        """Whether all of the licence is granted."""
        return self.code.valid


@dataclass(frozen=True, slots=True)
class _Found:
    """What one licence comes to: its code, warnings, and the times at which that changes."""

    one: Licence
    code: Code
    warnings: tuple[Code, ...]
    changes: tuple[datetime, ...]


def judge(held: Held, place: Place, time: Believed) -> Verdict:
    """Say what holds at `place` at the believed `time`. Never raises for anything that a document says."""
    refused: dict[str, int] = {}
    known = _highest(_granted(held, refused))
    lists = _newest(_read(held.withdrawals, held.withdrawal_keys, withdrawals.read, refused))
    about_clock = (CODES[time.code],) if time.code else ()
    if not known:
        return Verdict(_why(held), about_clock, None, {}, None, refused)
    best = max((_look(one, lists.get(one.account), place, time.at) for one in known), key=_preference)
    entitled = {} if _elsewhere(best.code) else values(best.one.entitlements, limited=not best.code.valid)
    until = min((at for at in best.changes if at > time.at), default=None)
    return Verdict(best.code, best.warnings + about_clock, best.one, entitled, until, refused)


def _why(held: Held) -> Code:
    """The code where no licence can be read: why the last that was loaded could not, if any was."""
    try:
        for token in reversed(held.licences):
            licences.read(token, held.licence_keys)
        for text in reversed(held.keygen_files if held.keygen_issuer else ()):
            keygen.licence_of(text, held.keygen_issuer)  # type: ignore[arg-type]  # it is there, or there are no files
    except LicenceRefused as no:
        return CODES[no.code]
    return CODES["NOT_FOUND"]


def signed_times(held: Held) -> list[datetime]:
    """Return the times that the vendor's documents bear, for `clock.advance`. Never raises."""
    known = _granted(held, {})
    lists = _read(held.withdrawals, held.withdrawal_keys, withdrawals.read, {})
    return [*(one.at("issued_at") for one in known), *(one.at for one in lists)]


def _granted(held: Held, refused: dict[str, int]) -> list[Licence]:
    theirs = _read(held.keygen_files, held.keygen_issuer, keygen.licence_of, refused) if held.keygen_issuer else []
    return _read(held.licences, held.licence_keys, licences.read, refused) + theirs


def _read(
    tokens: Iterable[str], keys: _Key, read: Callable[[str, _Key], _Document], refused: dict[str, int]
) -> list[_Document]:
    found = []
    for token in tokens:
        try:
            found.append(read(token, keys))
        except LicenceRefused as no:
            refused[no.code] = refused.get(no.code, 0) + 1
    return found


def _highest(known: Sequence[Licence]) -> list[Licence]:
    """Of each licence its highest sequence; of two that differ under one, which is a fault, always the same."""
    best: dict[str, Licence] = {}
    for one in sorted(known, key=lambda one: (one.sequence, one.issued_at, msgspec.json.encode(one))):
        best[one.licence] = one
    return list(best.values())


def _newest(lists: Sequence[Withdrawals]) -> dict[str, Withdrawals]:
    """Account → its list of the highest version."""
    ordered = sorted(lists, key=lambda one: (one.version, one.issued_at, msgspec.json.encode(one)))
    return {one.account: one for one in ordered}


def _preference(found: _Found) -> tuple[bool, bool, str, str]:
    return found.code.valid, not _elsewhere(found.code), found.one.issued_at, found.one.licence


def _elsewhere(code: Code) -> bool:
    return code.name.endswith("_SCOPE_MISMATCH")


def _look(one: Licence, news: Withdrawals | None, place: Place, at: datetime) -> _Found:
    """Say what one licence comes to, whatever else is held."""
    entry = news.entries.get(one.licence) if news else None
    withdrawn_at = withdrawals.begins(entry) if entry else None
    heard_at = max(news.at, one.at("issued_at")) if news else one.at("issued_at")
    dates = _Dates(one, heard_at)
    changes = tuple(date for date in (*dates.all, withdrawn_at) if date is not None)
    code = _mismatch(one, place)
    if code is None and entry and withdrawn_at and at >= withdrawn_at:
        code = entry.state.upper()
    if code is None:
        code = dates.code(at)
    warnings = [*(["ENDS_SOON"] if withdrawn_at and at < withdrawn_at else []), *dates.warnings(at)]
    told = tuple(CODES[name] for name in warnings if name != code) if CODES[code].valid else ()
    return _Found(one, CODES[code], told, changes)


def _mismatch(one: Licence, place: Place) -> str | None:
    if one.product != place.product:
        return "PRODUCT_SCOPE_MISMATCH"
    if one.environment != place.environment:
        return "ENVIRONMENT_SCOPE_MISMATCH"
    if one.installations and place.installation not in one.installations:
        return "FINGERPRINT_SCOPE_MISMATCH"
    return None


class _Dates:
    """The times at which a licence changes by itself; `heard_at` is that of the last news of withdrawn ones."""

    def __init__(self, one: Licence, heard_at: datetime) -> None:
        self.begins, self.term, self.grace = one.at("nbf"), one.at("license_expires"), one.at("exp")
        self.file_ends = one.counts_until if one.file_expires else None
        self.soon = self.term - timedelta(days=max(one.warn_days, default=0))
        self.file_soon = self.file_ends - _SOON if self.file_ends else None
        fresh = one.freshness
        self.stale_soon = heard_at + timedelta(days=fresh.warn_days) if fresh else None
        self.stale = heard_at + timedelta(days=fresh.limit_days) if fresh else None

    @property
    def all(self) -> tuple[datetime | None, ...]:
        """Each of them; None where the licence has no such time."""
        whole = (self.begins, self.soon, self.term, self.grace)
        return (*whole, self.file_soon, self.file_ends, self.stale_soon, self.stale)

    def code(self, at: datetime) -> str:
        """The code that the dates alone come to."""
        if at < self.begins:
            return "NOT_YET_VALID"
        if at >= self.grace:
            return "EXPIRED"
        if self.file_ends and at >= self.file_ends:
            return "FILE_EXPIRED"
        if self.stale and at >= self.stale:
            return "STATUS_STALE"
        return next(iter(self.warnings(at)), "VALID")

    def warnings(self, at: datetime) -> list[str]:
        """What is to be told while all is granted, the most pressing first."""
        due = (
            ("GRACE", self.term),
            ("EXPIRES_SOON", self.soon),
            ("FILE_EXPIRES_SOON", self.file_soon),
            ("STATUS_STALE_SOON", self.stale_soon),
        )
        found = [name for name, begins in due if begins is not None and at >= begins]
        return [name for name in found if name != "EXPIRES_SOON" or "GRACE" not in found]
