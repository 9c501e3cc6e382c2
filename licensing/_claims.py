"""What the claims of licences and of lists of withdrawn ones have in common: forms, times, reading them strictly."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import MAX_INTEGER, canonical, read_canonical
from audit.errors import SignatureRefused
from licensing.errors import LicenceRefused

At = Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Number = Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
Identifier = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Label = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,120}\Z")]
Thumbprint = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
_TIME = "%Y-%m-%dT%H:%M:%SZ"
Claims = TypeVar("Claims", bound=msgspec.Struct)
Check = Callable[[Claims], None]
Keys = Mapping[str, Ed25519PublicKey]


def spelt(at: datetime) -> str:
    """Return an instant as documents have it: UTC, to the second."""
    return at.astimezone(UTC).strftime(_TIME)


def moment(text: str) -> datetime:
    """Return the instant that a document names. Raises ValueError for any other spelling."""
    at = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    if spelt(at) != text:
        raise ValueError("another spelling of a time")
    return at


def issue(one: Claims, key: Ed25519PrivateKey, typ: str, name: str, check: Check[Claims]) -> str:
    """Return a document as a compact JWS. Raises LicenceRefused for one that `read` would refuse."""
    payload = canonical(msgspec.to_builtins(one))
    check(claims(payload, type(one), name))
    return signed.sign(payload, key, typ)


def read(token: str, keys: Keys, typ: str, form: type[Claims], name: str, check: Check[Claims]) -> Claims:
    """Return the claims of a token whose signature, key, type and form hold, and which do not contradict each other.

    `name` is the document's format without its number; `check` compares its members. Raises LicenceRefused with the
    code that says which did not hold.
    """
    try:
        payload = signed.verify(token, keys, typ)
    except SignatureRefused as no:
        code = "KEY_UNKNOWN" if no.code == "key-unknown" else "SIGNATURE_INVALID"
        raise LicenceRefused(code, f"the document is not the vendor's: {no}") from None
    found = claims(payload, form, name)
    check(found)
    return found


def claims(payload: bytes, form: type[Claims], name: str) -> Claims:
    """Return what a well signed payload says. Raises LicenceRefused with FORMAT_UNSUPPORTED or MALFORMED."""
    try:
        found = read_canonical(payload)
        if found.get("format") != f"{name}/1":
            raise _another_format(str(found.get("format")).startswith(f"{name}/"))
        return msgspec.convert(found, form)
    except (ValueError, msgspec.ValidationError):  # what it says may be a secret of the vendor's
        raise LicenceRefused("MALFORMED", "the document does not have exactly the members of its format") from None


def _another_format(newer: bool) -> LicenceRefused:
    if newer:
        return LicenceRefused("FORMAT_UNSUPPORTED", "the document is of a format that this release does not know")
    return LicenceRefused("MALFORMED", "the document names another format")
