"""How a record becomes the bytes of a leaf and back, in one spelling only (`record`)."""

from operator import attrgetter
from typing import Any

import msgspec

from audit.errors import RecordRefused
from audit.record import (
    _approving,
    _asking,
    _carrying,
    _deciding,
    _identifying,
    _keeping,
    _keying,
    _mailing,
    _sending,
    _supporting,
    _telling,
)
from audit.record._base import Checks, Record, Types, is_hex, is_instant

MAX_LEAF_BYTES = 1_048_576
_SUBJECTS = (
    *(_sending, _carrying, _deciding, _identifying, _keeping, _asking),
    *(_telling, _mailing, _approving, _keying, _supporting),
)
TYPES: Types = {name: record for subject in _SUBJECTS for name, record in subject.TYPES.items()}
_CHECKS: Checks = {record: check for subject in _SUBJECTS for record, check in subject.CHECKS.items()}
_HEXES = {record: attrgetter(*record.hexes) for record in TYPES.values() if record.hexes}
_DECODERS: dict[bytes, Any] = {
    name.encode(): msgspec.json.Decoder(record, strict=True).decode for name, record in TYPES.items()
}
# All names are ASCII, so this order is the one of RFC 8785; a test compares with `canonical`.
_encode = msgspec.json.Encoder(order="sorted").encode


def encode(record: Record) -> bytes:
    """Return the bytes of the leaf. Raises RecordRefused for a record that `parse` would refuse."""
    data = _encode(record)
    parse(data)
    return data


def parse(data: bytes) -> Record:
    """Return the record of a leaf.

    Raises RecordRefused: "record-unknown" for a type this release does not know, "record-malformed" for all else.
    """
    if len(data) > MAX_LEAF_BYTES:
        raise _malformed("a leaf has at most 1 MiB")
    decode = _DECODERS.get(data[data.rfind(b':"') + 2 : -2])
    if decode is None:
        raise _unknown(data)
    try:
        record: Record = decode(data)
        spelt = _encode(record) == data
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise _malformed("the leaf has missing, unknown or wrong members") from None
    if not spelt:
        raise _malformed("the leaf is not in canonical form")
    _check(record)
    return record


def _check(record: Record) -> None:
    """Check what the types cannot say at a bearable cost; patterns for each hash cost three times the whole decode."""
    if not is_instant(record.at):
        raise _malformed("the time is not UTC to the second")
    hexes = _HEXES.get(type(record))
    if hexes is not None and not is_hex("".join(hexes(record))):
        raise _malformed("a hash is not lower-case hexadecimal")
    check = _CHECKS.get(type(record))
    if check is not None and not check(record):
        raise _malformed("members of the leaf contradict each other")


def _unknown(data: bytes) -> RecordRefused:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return _malformed("the leaf is not JSON")
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or name in TYPES:
        return _malformed("the leaf does not end with its type")
    return RecordRefused("record-unknown", "the leaf has a type that this release does not know", "use a newer release")


def _malformed(message: str) -> RecordRefused:
    return RecordRefused("record-malformed", message, "the ledger was changed or damaged: compare with an export")
