"""Is a customer's secret in these bytes, as it is or encoded? With a positive control of its own in each encoding."""

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import zstandard

SECRET = "Zuzanna Quillfeather-8841"


def spellings(secret: str = SECRET) -> Iterator[bytes]:
    """Yield how a secret could be written, lower case: as it is, its parts, escaped, percent, base64, hex, reversed."""
    for part in (secret, *secret.replace("-", " ").split()):
        raw = part.encode()
        yield from (raw, quote(part).encode(), quote_plus(part).encode(), raw.hex().encode(), raw[::-1])
        yield from (part.encode("utf-16-le"), part.encode("utf-16-be"))
        for shift in range(3):  # base64 depends on where in a text the secret begins
            whole = base64.b64encode(b"\0" * shift + raw)
            yield whole[4 if shift else 0 : -4]
            yield base64.urlsafe_b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]


def found_in(data: bytes, secret: str = SECRET) -> list[bytes]:
    """Return the spellings that stand in `data`; short ones, such as a number alone, are not looked for."""
    lower = data.lower()
    return [spelled for spelled in spellings(secret) if len(spelled) > 5 and spelled.lower() in lower]


def found_under(folder: Path, secret: str = SECRET) -> dict[str, list[bytes]]:
    """Return file → spellings for every file under a folder; what zstd or zlib packed is unpacked and searched, too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (said := found_in(unpacked(path.read_bytes()), secret)):
            found[str(path.relative_to(folder))] = said
    return found


def unpacked(data: bytes) -> bytes:
    """Return `data` with all that is packed in it behind it."""
    out = [data]
    for at in _at(data, b"\x28\xb5\x2f\xfd"):
        try:
            out.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[at:]))
        except zstandard.ZstdError:
            continue
    for at in _at(data, b"\x1f\x8b\x08"):
        try:
            out.append(zlib.decompressobj(31).decompress(data[at:]))
        except zlib.error:
            continue
    return b"\n".join(out)


def _at(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)
