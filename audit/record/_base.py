"""What every leaf shares: the base record, the types of members, and what several records want checked (`record`)."""

import re
from binascii import unhexlify
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from audit.canonical import MAX_INTEGER

Case = Literal["event", "browser", "support", "licensing"]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
Hex64 = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
Time = Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
Actor = Annotated[
    str, msgspec.Meta(pattern=r"^(home|corporate|(os|person):[0-9]{1,10}|account:[^\s\x00-\x1f\x7f]{1,100})\Z")
]
Account = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,100}\Z")]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,60}\Z")]
Words = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}\Z")]
Destination = Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
FieldName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+\Z", max_length=200)]
KindName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*\Z", max_length=200)]
Role = Literal["admin", "security", "operator", "viewer", "support"]
Path = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}\Z")]
TransformWord = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,12}(-[a-z]{1,12})?:[0-9a-z,]{1,600}\Z")]
Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Note = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f][^\x00-\x09\x0b-\x1f\x7f]*\Z", max_length=65_536)]
Document = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z", max_length=65_536)]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_DESTINATION = re.compile(r"[a-z0-9.\[\]:_-]+:[0-9]{1,5}\Z")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What all records share. `at` is UTC to the second, `2026-11-21T14:01:05Z`; see `instant`."""

    hexes: ClassVar[tuple[str, ...]] = ()
    at: Time


def instant(now: datetime) -> str:
    """Return an aware time as records write it: UTC, to the second. Raises ValueError for a naive one."""
    if now.tzinfo is None:
        raise ValueError("a time without a zone has no place in a record")
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def is_instant(text: str) -> bool:
    """Whether `text` is a time as records write it; it is nearly always the one that was asked before."""
    try:
        return bool(_TIME.match(text)) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_hex(text: str) -> bool:
    """Whether `text` is lower-case hexadecimal of whole bytes; "" is."""
    try:
        unhexlify(text)
    except ValueError:
        return False
    return text == text.lower()


def is_destination(record: Any) -> bool:
    """Whether the record's destination is a host and a port."""
    return _is_host_and_port(record.destination)


@lru_cache(maxsize=64)
def _is_host_and_port(text: str) -> bool:
    return bool(_DESTINATION.match(text))


Types = dict[str, type[Record]]
"""The name that ends a leaf, and the record that it stands for."""
Checks = dict[type[Record], Callable[[Any], bool]]
"""What the types of a record's members cannot say: False when members contradict each other."""
