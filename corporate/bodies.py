"""Read the body of a request within its limits.

Leaves to others: what the bytes say. Rules: a declared length over the limit is refused before one byte of it is
read; nothing is ever read or unpacked beyond the limit, whatever a length or a zstd frame claims; a request whose time
is over ends as 408 (`serving` ends the reading, see `DeadlineSocket`).
"""

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import zstandard

from corporate.errors import Answer
from corporate.settings import Limits

MEDIA_TYPE = "application/x-ndjson"
_WINDOW_BYTES = 8 * 1024 * 1024
_STEP_BYTES = 65_536
_DRAINED_BYTES = 32 * 1024 * 1024


def read(environ: Mapping[str, Any], limits: Limits) -> bytes:
    """The body before its Content-Encoding. Raises Answer 400, 408, 411, 413, 415."""
    _check_media_type(environ)
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in ("identity", "zstd"):
        raise Answer(415, "encoding", f"Content-Encoding {encoding[:20]!r} is not accepted", "use zstd or identity")
    limit = limits.compressed_bytes if encoding == "zstd" else limits.body_bytes
    raw = _receive(environ, limit)
    return raw if encoding == "identity" else _unpack(raw, limits.body_bytes)


def _check_media_type(environ: Mapping[str, Any]) -> None:
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise Answer(415, "media-type", f"Content-Type {media_type[:40]!r} is not accepted", f"use {MEDIA_TYPE}")


def _receive(environ: Mapping[str, Any], limit: int) -> bytes:
    stream = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH") or ""
    length = int(declared) if declared.isdigit() else None
    if length is None and environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        raise Answer(411, "length", "the request has no Content-Length", "send one")
    if length is not None and length > limit:
        _drain(stream, length)
        raise _too_large(limit)
    received = _read_up_to(stream, limit + 1, environ)
    if len(received) > limit:
        raise _too_large(limit)
    if length is not None and len(received) < length:
        _raise_if_late(environ)
        raise Answer(400, "malformed", "the body ended before its Content-Length", "send it again", retry=True)
    return received


def _read_up_to(stream: Any, limit: int, environ: Mapping[str, Any]) -> bytes:
    """Read until the end or `limit` bytes."""
    parts: list[bytes] = []
    left = limit
    while left > 0:
        try:
            part = stream.read(min(left, _STEP_BYTES))
        except Exception as e:  # gunicorn's parse errors have no common base, and none may become a 500
            _raise_if_late(environ)
            raise Answer(400, "malformed", "the body could not be read to its end", "send it again", retry=True) from e
        if not part:
            break
        parts.append(part)
        left -= len(part)
    _raise_if_late(environ)
    return b"".join(parts)


def _drain(stream: Any, length: int) -> None:
    """Throw away a body that is only somewhat too large, so that its sender reads the answer instead of a reset."""
    if length > _DRAINED_BYTES:
        return
    with suppress(Exception):  # the answer is 413 in any case, and gunicorn closes a connection that it cannot read
        while stream.read(_STEP_BYTES):
            pass


def _raise_if_late(environ: Mapping[str, Any]) -> None:
    """`gunicorn.socket` is our DeadlineSocket on the wire; other servers have no deadline of ours."""
    if getattr(environ.get("gunicorn.socket"), "expired", False):
        raise Answer(408, "too-slow", "the request took too long", "send it again", retry=True)


def _unpack(raw: bytes, limit: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    try:
        with unpacker.stream_reader(io.BytesIO(raw), read_across_frames=True) as reader:
            body = reader.read(limit + 1)
    except zstandard.ZstdError as e:
        raise Answer(400, "malformed", "the body is not a zstd frame", "pack it again") from e
    if len(body) > limit:
        raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> Answer:
    return Answer(413, "too-large", f"the body is larger than {limit} bytes", "send fewer messages in a batch")
