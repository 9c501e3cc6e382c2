"""In which spellings somebody's data could stand in what left, and whether it does: as it is, encoded, in digits.

`ENCODINGS` are the ways in which a case writes a value before it fails with it; `spellings` are those that are looked
for, more than these: base64 at each of its three offsets, UTF-16 as bytes, backwards, taken apart and put together
again. Digits are looked for without what stands between them too, so that a telephone number that poses as a version
is one.
"""

import base64
import html
import json
import re
import unicodedata
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

SHORTEST = 4
MOST_DIGITS = 6
"""So many digits can stand in what leaves by chance, or as a version; one more of somebody's is a leak."""
ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "lower": str.lower,
    "upper": str.upper,
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "twice percent": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe="")),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "utf-16": lambda text: text.encode("utf-16-le").hex(),
    "json": lambda text: json.dumps(text)[1:-1],
    "repr": lambda text: ascii(text)[1:-1],
    "html": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
}
_DIGITS = re.compile(rb"[0-9](?:[ ./()+-]{0,3}[0-9])+")
_BETWEEN = re.compile(rb"[^0-9]+")


@lru_cache(maxsize=256)
def spellings(secret: str) -> frozenset[bytes]:
    """Return a secret and its parts in every spelling, ASCII in small letters; parts of under four letters are none."""
    parts = {secret, *(part for part in re.split(r"[\s@.,]+", secret) if len(part) >= SHORTEST)}
    return frozenset(s.lower() for part in parts if len(part) >= SHORTEST or not part.isascii() for s in _spelled(part))


def _spelled(part: str) -> Iterator[bytes]:
    raw = part.encode()
    for encode_as in ENCODINGS.values():
        text = encode_as(part)
        yield from (text.encode(), json.dumps(text)[1:-1].encode())
    for offset in (1, 2, 3):
        whole = base64.b64encode(b"\0" * offset + raw)[4:]
        whole = whole[: len(whole) // 4 * 4 - 4] if len(raw) > 6 else b""  # the last group holds what follows, too
        if len(whole) >= 2 * SHORTEST:
            yield from (whole, base64.b64encode(base64.b64decode(whole), b"-_"))
    if len(raw) >= SHORTEST:
        yield from (part.encode("utf-16-le"), part.encode("utf-16-be"), part[::-1].encode())
        yield from (unicodedata.normalize(form, part).encode() for form in ("NFD", "NFKD"))


def found_in(data: bytes, secrets: Iterable[str]) -> Counter[bytes]:
    """Return how often each spelling of each secret stands in `data`."""
    lower = data.lower()
    found = Counter({s: lower.count(s) for secret in secrets for s in spellings(secret) if len(s) >= 2 and s in lower})
    runs = [_BETWEEN.sub(b"", run) for run in _DIGITS.findall(lower)]
    for run in (run for run in runs if len(run) > MOST_DIGITS):
        found.update(piece for secret in secrets for piece in _pieces(secret) if piece in run)
    return found


@lru_cache(maxsize=256)
def _pieces(secret: str) -> frozenset[bytes]:
    """Return every seven digits in a row of a secret that is a number of seven digits or more."""
    digits = _BETWEEN.sub(b"", secret.encode())
    size = MOST_DIGITS + 1
    return frozenset(digits[at : at + size] for at in range(len(digits) - MOST_DIGITS))
