"""Checkpoints of the ledger: C2SP signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519, type 0x01.

Verifiers of other projects read them with nothing but the key line that `vkey` gives. Growing the tree and storing
notes is left to others.

Rules:
  - A checkpoint of ours has three lines of text: origin, size, root; extension lines are refused.
  - Signatures of unknown keys are ignored, as the note format demands (a witness may add its own), a wrong signature of
    the known key refuses the whole note.
  - The name of the key is the origin unless the caller says otherwise.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import SignatureRefused
from audit.tree import HASH_BYTES, MAX_SIZE

MAX_NOTE_CHARACTERS = 65_536
MAX_SIGNATURES = 64
"""The format demands that at least 16 are accepted."""

_ED25519 = b"\x01"
_DASH = "\u2014 "
_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})\Z")
_NAME = re.compile(r"[^\s+\x00-\x20\x7f]{1,255}\Z")
_NOTE = re.compile(r"^[^\n]+\n[0-9]+\n[^\n]+\n\n(?:\u2014 [^\n]+(?:\n|\Z))+", re.MULTILINE)
_IN_LOG = re.compile(r'\{"checkpoint": ?("(?:[^"\\\n]|\\[^\n])*")\}')
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


class Checkpoint(NamedTuple):
    """What a verified checkpoint says: whose tree, how many leaves, and the root's 32 bytes."""

    origin: str
    size: int
    root: bytes


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey, name: str = "") -> str:
    """Return the checkpoint of `origin` at `size` leaves as a signed note; `name` is the key's name, else the origin.

    Raises ValueError for an origin, size or root that has no place in a note.
    """
    if not _NAME.match(origin) or len(root) != HASH_BYTES or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no checkpoint can say origin {origin!r} at size {size}")
    text = f"{origin}\n{size}\n{_encode(root)}\n"
    name = name or origin
    identity = key_id(name, key.public_key())
    return f"{text}\n{_DASH}{name} {_encode(identity + key.sign(text.encode()))}\n"


def verify(note: str, name: str, public: Ed25519PublicKey) -> Checkpoint:
    """Return what the note says, after a signature of the key `name` has been checked.

    The caller compares the origin. Raises SignatureRefused for a note that is malformed, has no signature of that
    key, or a wrong one.
    """
    text, signatures = parts(note)
    identity = key_id(name, public)
    verified = False
    for signer, raw in signatures:
        if signer != name or raw[:4] != identity:
            continue
        _check(public, raw[4:], text)
        verified = True
    if not verified:
        raise _refused("key-unknown", f"the note has no signature of the key {name!r}")
    return _parse(text)


def parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the signed text of a note, and name, key id and signature of each line below it; nothing is verified.

    Raises SignatureRefused for what is no note.
    """
    text, lines = _split(note)
    return text, [_signature(line) for line in lines]


def notes(text: str) -> list[str]:
    """Return the checkpoints in a text that holds several, one after the other or in lines of a log; unverified.

    A text without any is returned as it is, for `verify` to refuse.
    """
    in_log = [json.loads(found) for found in _IN_LOG.findall(text)]
    return in_log or _NOTE.findall(text) or [text]


def key_id(name: str, public: Ed25519PublicKey, kind: bytes = _ED25519) -> bytes:
    """Return the four bytes by which a note names a key. Raises ValueError for a name that no note can hold."""
    if not _NAME.match(name):
        raise ValueError(f"a key name has no space and no '+': {name!r}")
    return hashlib.sha256(name.encode() + b"\n" + kind + public.public_bytes_raw()).digest()[:4]


def vkey(name: str, public: Ed25519PublicKey, kind: bytes = _ED25519) -> str:
    """Return the verifier's line for a key of a log, or with `kind` 0x04 of a witness, as sumdb/note writes it.

    That is `name+hex(key id)+base64(kind || key)`.
    """
    return f"{name}+{key_id(name, public, kind).hex()}+{_encode(kind + public.public_bytes_raw())}"


def read_vkey(line: str, kind: bytes = _ED25519) -> tuple[str, Ed25519PublicKey]:
    """Return name and key of a verifier's line. Raises SignatureRefused unless name, id and key agree."""
    name, _, rest = line.partition("+")
    identity, _, encoded = rest.partition("+")
    raw = _decode(encoded)
    if not _NAME.match(name) or len(raw) != 33 or raw[:1] != kind:
        raise _refused("key-malformed", "the line is not a verifier's key of type Ed25519")
    public = Ed25519PublicKey.from_public_bytes(raw[1:])
    if key_id(name, public, kind).hex() != identity:
        raise _refused("key-malformed", "the verifier's key does not fit its own id")
    return name, public


def _split(note: str) -> tuple[str, list[str]]:
    """Return the signed text, final newline included, and the signature lines."""
    if len(note) > MAX_NOTE_CHARACTERS or _FORBIDDEN.search(note):
        raise _refused("note-malformed", "a note is at most 64 Ki characters without control characters")
    head, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() != "" or not 0 < len(lines) <= MAX_SIGNATURES:
        raise _refused("note-malformed", "a note ends in an empty line and one to 64 signature lines")
    return head + "\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _decode(encoded)
    if not line.startswith(_DASH) or not _NAME.match(name) or len(raw) < 5:
        raise _refused("note-malformed", "a signature line is a dash, a key name, and base64")
    return name, raw


def _check(public: Ed25519PublicKey, signature: bytes, text: str) -> None:
    try:
        public.verify(signature, text.encode())
    except InvalidSignature:
        raise _refused("signature-wrong", "the signature does not fit the checkpoint") from None


def _parse(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or not lines[0] or not _SIZE.match(lines[1]) or int(lines[1]) > MAX_SIZE:
        raise _refused("checkpoint-malformed", "a checkpoint is three lines: origin, size, root")
    root = _decode(lines[2])
    if len(root) != HASH_BYTES:
        raise _refused("checkpoint-malformed", "the root of a checkpoint has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _encode(data) != text:
        raise _refused("note-malformed", "the text is not canonical base64")
    return data


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "fetch the checkpoint again, and compare with one kept elsewhere")
