"""What a value looks like, as a word of a closed grammar (`audit.types.SHAPE`); never any part of the value itself.

"We observe that something looks like an email address, not the address." Only exact built-in types are looked into,
so no code of the value's own ever runs; every pattern is linear, and a text over 1,023 characters is not searched at
all.
"""

import re
from typing import Any

from audit.types import size_class

_LOOK_LIMIT = 1024
_LENGTHS = (32, 64, 256, 1024)
_LOG10_OF_2 = 0.30103
_LOOKS = re.compile(
    r"""
    (?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})
    |(?P<date>\d{4}-\d\d-\d\d(?:[T\x20]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?)
    |(?P<ip>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})
    |(?P<integer>[+-]?\d+)
    |(?P<number>[+-]?\d+[.,]\d*(?:e[+-]?\d+)?|[+-]?\d+e[+-]?\d+)
    |(?P<hex>(?:0x)?(?=[a-f]*\d)[0-9a-f]{8,})
    |(?P<url>[a-z][a-z0-9+.-]{1,15}://\S+)
    |(?P<email>[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+)
    |(?P<path>(?:[a-z]:\\|~|\.{0,2}/)[^\n]*|[^\s/]+(?:/[^\s/]+)+)
    |(?P<word>[^\W\d_]+)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def shape(value: Any) -> str:
    """Return the class of `value`: `email`, `integer(6)`, `text(<64)` … or `object` for what is not built in."""
    look = _BY_TYPE.get(type(value))
    return look(value) if look is not None else "object"


def _text(value: str) -> str:
    length = len(value)
    if not length:
        return "empty"
    if length >= _LOOK_LIMIT:
        return f"text({_at_least(length)})"
    found = _LOOKS.fullmatch(value)
    if found is None:
        return _prose(value)
    name = str(found.lastgroup)
    if name == "integer":
        return f"integer({size_class(length - (value[0] in '+-'))})"
    if name == "hex":
        return f"hex({size_class(length - 2 * (value[1] in 'xX'))})"
    return name


def _prose(value: str) -> str:
    """Return `word`, `words(n)`, or a length: letters in the scripts of the world, with the marks that end a phrase."""
    parts = value.split()
    if not parts or not all(part.strip(".,;:!?'\"()").isalpha() for part in parts):
        return f"text({_at_least(len(value))})"
    return "word" if len(parts) == 1 else f"words({size_class(len(parts))})"


def _at_least(length: int) -> str:
    return next((f"<{bound}" for bound in _LENGTHS if length < bound), f">={_LENGTHS[-1]}")


def _integer(value: int) -> str:
    bits = value.bit_length()
    if bits <= 64:
        return f"integer({size_class(len(str(abs(value))))})"
    return f"integer({size_class(int(bits * _LOG10_OF_2) + 1)})"  # str() of a huge number is quadratic, and refused


def _bytes(value: bytes | bytearray) -> str:
    return f"bytes({_at_least(len(value))})"


def _list(value: Any) -> str:
    return f"list({size_class(len(value))})"


_BY_TYPE: dict[type, Any] = {
    type(None): lambda _value: "none",
    bool: lambda _value: "flag",
    int: _integer,
    float: lambda _value: "number",
    complex: lambda _value: "number",
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    list: _list,
    tuple: _list,
    set: _list,
    frozenset: _list,
    dict: lambda value: f"map({size_class(len(value))})",
}
