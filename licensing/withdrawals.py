"""The list of withdrawn licences: suspended, revoked, superseded or transferred, signed (docs/formats/licence.md).

`issue` is called by the authority, `read` by `judging`. Rules: each account has a list of its own, so that nobody
learns of others; `version` rises with each list of an account, and the highest counts; who is not in it is not
withdrawn, so that reinstating is a list without the entry; an entry counts from its `from` on, so that an end can be
announced.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from licensing import _claims
from licensing._claims import At, Identifier, Label, Number
from licensing.errors import LicenceRefused

FORMAT: Final = "diffgram-withdrawals"
State = Literal["suspended", "revoked", "superseded", "transferred"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begins": "from"}):
    """How a licence was withdrawn, and from when on that counts."""

    begins: At
    state: State


class Withdrawals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list of one account, whole; licence → entry."""

    account: Identifier
    authority: Label
    entries: Annotated[dict[Identifier, Entry], msgspec.Meta(max_length=400)]
    format: Literal["diffgram-withdrawals/1"] = "diffgram-withdrawals/1"
    issued_at: At
    version: Number

    @property
    def at(self) -> datetime:
        """When it was issued."""
        return _claims.moment(self.issued_at)


def begins(entry: Entry) -> datetime:
    """When the entry begins to count."""
    return _claims.moment(entry.begins)


def issue(withdrawals: Withdrawals, key: Ed25519PrivateKey) -> str:
    """Return the list as a compact JWS. Raises LicenceRefused for one that `read` would refuse."""
    return _claims.issue(withdrawals, key, signed.WITHDRAWALS, FORMAT, _check)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Withdrawals:
    """Return the list in `token`, verified and complete. Raises LicenceRefused."""
    return _claims.read(token, keys, signed.WITHDRAWALS, Withdrawals, FORMAT, _check)


def _check(one: Withdrawals) -> None:
    try:
        for text in (one.issued_at, *(entry.begins for entry in one.entries.values())):
            _claims.moment(text)
    except ValueError:
        raise LicenceRefused("MALFORMED", "a time of the list is not in UTC to the second") from None
