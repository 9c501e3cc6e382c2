"""Unpacks a body, never further than its bound: a bomb costs the bound and no more."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Request

from diffgram_home.sentry._words import ENCODING, FORM, SIZE, Refused

MOST_PACKED: Final = 4 * 1024 * 1024
MOST_BYTES: Final = 16 * 1024 * 1024
_LARGEST_WINDOW: Final = 8 * 1024 * 1024
_GZIP, _ZLIB, _RAW = 31, 15, -15


def received(asked: Request) -> bytes:
    """Return a request's body, unpacked. Raises Refused where it is too large, damaged, or ends before its length."""
    asked.max_content_length = MOST_PACKED
    try:
        data = asked.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Refused(SIZE) from None
    except BadRequest:  # the client went away
        raise Refused(FORM) from None
    return unpacked(data, asked.headers.get("Content-Encoding", ""))


def unpacked(data: bytes, encoding: str) -> bytes:
    """Return what `data` packs by the name in Content-Encoding. Raises Refused for another name, damage, or a bomb."""
    unpack = _BY_NAME.get(encoding.strip().lower())
    if unpack is None:
        raise Refused(ENCODING)
    try:
        found = unpack(data)
    except (zlib.error, brotli.error, zstandard.ZstdError):
        raise Refused(ENCODING) from None
    if len(found) > MOST_BYTES:
        raise Refused(SIZE)
    return found


def _gzip(data: bytes) -> bytes:
    return _inflated(data, _GZIP)


def _deflate(data: bytes) -> bytes:
    """RFC 9110 means zlib's format by `deflate`; some clients send the bare stream."""
    try:
        return _inflated(data, _ZLIB)
    except zlib.error:
        return _inflated(data, _RAW)


def _inflated(data: bytes, form: int) -> bytes:
    stream = zlib.decompressobj(form)
    found = stream.decompress(data, MOST_BYTES + 1)
    if not stream.eof and len(found) <= MOST_BYTES:
        raise Refused(ENCODING)  # it ends too early
    return found


def _brotli(data: bytes) -> bytes:
    stream = brotli.Decompressor()
    found = stream.process(data, output_buffer_limit=MOST_BYTES + 1)
    if not stream.is_finished() and len(found) <= MOST_BYTES:
        raise Refused(ENCODING)
    return bytes(found)


def _zstd(data: bytes) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    with unpacker.stream_reader(data, read_across_frames=False) as stream:
        return stream.read(MOST_BYTES + 1)


def _as_it_is(data: bytes) -> bytes:
    return data


_BY_NAME: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": _as_it_is,
    "identity": _as_it_is,
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
