"""Cosignatures of witnesses on a checkpoint: c2sp.org/tlog-cosignature, Ed25519, type 0x04.

A witness says with one that at its time this was the largest ledger of this origin that it had seen, and that it only
grew. Asking a witness, and remembering what it said, is left to others.

Rules: a line of another name or key is passed over; a wrong signature of the witness asked for refuses the note; the
signed text begins with `cosignature/v1` and the time, so no cosignature passes for a checkpoint.
"""

import base64
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import checkpoint
from audit.errors import SignatureRefused

TYPE = b"\x04"
_RAW_BYTES = 4 + 8 + 64


def cosign(note: str, name: str, key: Ed25519PrivateKey, now: datetime) -> str:
    """Return the line of a witness under `note`, which it has verified before. Raises SignatureRefused for no note."""
    text, _ = checkpoint.parts(note)
    seconds = int(now.timestamp())
    raw = (
        checkpoint.key_id(name, key.public_key(), TYPE) + seconds.to_bytes(8, "big") + key.sign(_signed(text, seconds))
    )
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def verify(note: str, name: str, public: Ed25519PublicKey) -> datetime:
    """Return when the witness `name` cosigned `note`. Raises SignatureRefused: `key-unknown` if it did not."""
    text, signatures = checkpoint.parts(note)
    identity = checkpoint.key_id(name, public, TYPE)
    for signer, raw in signatures:
        if signer != name or raw[:4] != identity:
            continue
        seconds = int.from_bytes(raw[4:12], "big")
        try:
            public.verify(raw[12:], _signed(text, seconds))
            return datetime.fromtimestamp(seconds, UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise _refused("signature-wrong", "the cosignature does not fit the checkpoint") from None
    raise _refused("key-unknown", f"the note has no cosignature of {name!r}")


def lines_of(answer: str, note: str, name: str, public: Ed25519PublicKey) -> str:
    """Return those lines of a witness's `answer` that are its cosignature of `note`. Raises SignatureRefused."""
    identity = checkpoint.key_id(name, public, TYPE)
    lines = answer.splitlines(keepends=True)
    if "\n" in lines:
        raise _refused("note-malformed", "the answer has an empty line between its signatures")
    signatures = checkpoint.parts(note + answer)[1]
    new = signatures[len(signatures) - len(lines) :]
    ours = [line for line, (signer, raw) in zip(lines, new, strict=True) if _is_ours(signer, raw, name, identity)][:1]
    verify(note + "".join(ours), name, public)
    return "".join(ours)


def _is_ours(signer: str, raw: bytes, name: str, identity: bytes) -> bool:
    return signer == name and raw[:4] == identity and len(raw) == _RAW_BYTES


def _signed(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "compare the witness's key line with the one that its owner published")
