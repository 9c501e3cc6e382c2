"""The ledger as one file that anybody can verify elsewhere (docs/formats/ledger-export.md): write, read, verify.

    {"exported_at":…,"format":"diffgram-ledger-export/1","installation":…,"origin":…,"size":…,"vkey":…}
    {"index":0,"leaf":"…"}                     one line a leaf, in order
    {"body":"…","index":1,"leaf":"…"}          with the exact bytes of the batch where the leaf speaks of one
    {"checkpoint":"…"}                         the signed note over exactly these leaves

Opening files and asking the store are left to the caller: lines come in and go out as bytes, one at a time.

Rules:
  - `leaf` and `body` are the exact bytes as JSON text; bytes that are not UTF-8 stand as base64 in `leaf64`, `body64`.
  - A reader goes on after a damaged line and reports it with its number.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import checkpoint
from audit.errors import SignatureRefused
from audit.record import instant
from audit.verification import Finding, Head, Item, Known, Report
from audit.verification import verify as recompute

FORMAT = "diffgram-ledger-export/1"
MAX_LINE_BYTES = 64 * 1024 * 1024


class Stream(Protocol):
    """A binary file opened for reading."""

    def readline(self, limit: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf by its index, with the bytes of the batch that it speaks of unless there are none, or none any more."""

    index: int
    leaf: bytes
    body: bytes | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: whose ledger, under which name and key its checkpoints are signed, and how many leaves follow."""

    exported_at: str
    format: str
    installation: str
    origin: str
    size: int
    vkey: str


class _Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    body: str | None = None
    body64: str | None = None
    index: int
    leaf: str | None = None
    leaf64: str | None = None


class _End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checkpoint: str


_encode = msgspec.json.Encoder(order="sorted").encode
_START = msgspec.json.Decoder(Start)
_LEAF = msgspec.json.Decoder(_Leaf)
_END = msgspec.json.Decoder(_End)


def start(installation: str, size: int, origin: str, public: Ed25519PublicKey, now: datetime) -> Start:
    """Return the first line of an export of `size` leaves, whose checkpoints the key `origin` signs."""
    return Start(
        exported_at=instant(now),
        format=FORMAT,
        installation=installation,
        origin=origin,
        size=size,
        vkey=checkpoint.vkey(origin, public),
    )


def write(first: Start, entries: Iterable[Entry], note: str) -> Iterator[bytes]:
    """Yield the lines of an export, each with its line feed; `note` is the checkpoint over exactly `entries`."""
    yield _encode(first) + b"\n"
    for entry in entries:
        leaf, leaf64 = _texts(entry.leaf)
        body, body64 = (None, None) if entry.body is None else _texts(entry.body)
        yield _encode(_Leaf(index=entry.index, leaf=leaf, leaf64=leaf64, body=body, body64=body64)) + b"\n"
    yield _encode(_End(checkpoint=note)) + b"\n"


def read(stream: Stream) -> Iterator[Start | Entry | str | Finding]:
    """Yield what the lines hold: `Start`, each `Entry`, and the checkpoint's note as text.

    A line that is none of these, or stands where it may not, is yielded as a `Finding`, and reading goes on.
    """
    number, ended = 0, False
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        item = _item(line, number)
        if ended:
            yield _damage(number, "something follows after the checkpoint")
            return
        ended = isinstance(item, str)
        yield item
    if not ended:
        yield _damage(number, "the file ends without its checkpoint: it was cut off", "export-cut")


def verify(
    stream: Stream, known: Known | None = None, key: tuple[str, Ed25519PublicKey] | None = None
) -> Iterator[Finding | Report]:
    """Yield what `verification.verify` finds in an export, and what is wrong with the file itself.

    `key` is name and key of the ledger's checkpoints, known from elsewhere; without it the file's own is used, and the
    report says what then is not proved.
    """
    source = _Source(stream, known or Known(), key)
    for item in recompute(source.items(), source.body, source.known):
        if isinstance(item, Report) and key is None:
            limit = "that the key in this file is the installation's: compare it with one that you noted"
            item = replace(item, not_proved=(*item.not_proved, limit))
        yield item


class _Source:
    """Feeds a verification from a stream, holding no more than one line."""

    def __init__(self, stream: Stream, known: Known, key: tuple[str, Ed25519PublicKey] | None) -> None:
        self._rest = read(stream)
        self._first = next(self._rest)
        self._key = key
        self._body: bytes | None = None
        self._promise: tuple[str, int] | None = None
        self.known = known
        if isinstance(self._first, Start) and known.installation is None:
            self.known = replace(known, installation=self._first.installation)

    def body(self, _sha256: str) -> bytes | None:
        """Return the body beside the leaf in hand, whatever its hash: a changed one shall be found, not missed."""
        body, self._body = self._body, None
        return body

    def items(self) -> Iterator[Item]:
        if isinstance(self._first, Start):
            yield from self._begin(self._first)
        else:
            yield from self._item(self._first)
        for item in self._rest:
            yield from self._item(item)

    def _begin(self, first: Start) -> Iterator[Finding]:
        self._promise = first.origin, first.size
        try:
            name, public = checkpoint.read_vkey(first.vkey)
        except SignatureRefused as no:
            yield _damage(1, str(no))
            return
        if self._key is None:
            self._key = name, public
        elif checkpoint.vkey(*self._key) != first.vkey:
            yield _damage(1, "the file names another key for checkpoints than the one given")
        if self.known.installation != first.installation:
            yield _damage(1, "the file is of another installation than the one given")

    def _item(self, item: Entry | str | Finding | Start) -> Iterator[Item]:
        if isinstance(item, Entry):
            self._body = item.body
            yield item.index, item.leaf
            if self._body is not None:
                yield Finding(item.index, "body-stray", "a body stands beside a leaf that speaks of none")
                self._body = None
        elif isinstance(item, str):
            yield self._end(item)
        elif isinstance(item, Finding):
            yield item

    def _end(self, note: str) -> Head | Finding:
        if self._key is None:
            return Finding(None, "checkpoint-refused", "the file has no key to check its checkpoint with")
        try:
            origin, size, root = checkpoint.verify(note, *self._key)
        except SignatureRefused as no:
            return Finding(None, "checkpoint-refused", f"the checkpoint does not hold: {no} [{no.code}]")
        if self._promise not in (None, (origin, size)):
            return Finding(None, "head-differs", f"the header promises other leaves than {size} of {origin!r}")
        return Head(size, root)


def _texts(data: bytes) -> tuple[str | None, str | None]:
    """Return the bytes as text, or where that is impossible as base64."""
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(data).decode("ascii")


def _bytes(text: str | None, encoded: str | None) -> bytes | None:
    if text is not None and encoded is not None:
        raise ValueError("given twice")
    if encoded is not None:
        return base64.b64decode(encoded, validate=True)
    return None if text is None else text.encode()


def _item(line: bytes, number: int) -> Start | Entry | str | Finding:
    if not line.endswith(b"\n"):
        return _damage(number, "the line is cut, or longer than 64 MiB", "export-cut")
    try:
        if number == 1:
            first = _START.decode(line)
            return first if first.format == FORMAT else _damage(number, "the file is of another format")
        if line.startswith(b'{"checkpoint"'):
            return _END.decode(line).checkpoint
        read = _LEAF.decode(line)
        leaf = _bytes(read.leaf, read.leaf64)
        if leaf is None:
            return _damage(number, "the line has no leaf")
        return Entry(read.index, leaf, _bytes(read.body, read.body64))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _damage(number, "the line is not one of an export")


def _damage(number: int, message: str, code: str = "export-malformed") -> Finding:
    return Finding(None, code, f"line {number}: {message}")
