"""RFC 8785 canonical JSON, for everything that is hashed, with the standard library alone.

Numbers are whole numbers within ±(2^53−1); a float is refused, since no type of the catalogue has one and its canonical
form is the one difficult part of the RFC. Keys are sorted by UTF-16 code units as the RFC demands.
"""

import hashlib
import json
from typing import Any

MAX_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of `value`: None, bool, int, str, and lists and dicts of these.

    Raises ValueError for any other type, for a number beyond 2^53−1, and for text with a lone surrogate.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def read_canonical(data: bytes) -> dict[str, Any]:
    """Return the JSON object that `data` spells in canonical form; there is then only one way to read it.

    Raises ValueError for anything else: another spelling, duplicate keys, another JSON value, no JSON.
    """
    try:
        value = json.loads(data)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not isinstance(value, dict) or canonical(value) != data:
        raise ValueError("not one JSON object in canonical form")
    return value


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _ordered(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError("a number beyond 2^53-1 has no canonical form")
        return value
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key that is not text has no canonical form")
        return {key: _ordered(value[key]) for key in sorted(value, key=_utf16)}
    raise ValueError(f"a value of type {type(value).__name__!r} has no canonical form")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
