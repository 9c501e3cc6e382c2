"""Proofs as files that verifiers of other projects read (c2sp.org/tlog-proof), and consistency as a witness takes it.

    c2sp.org/tlog-proof@v1              old 1234
    extra <base64 of the leaf>          <base64 of a hash>        one line a hash, in the order of RFC 9162 2.1.4.1
    index 57
    <base64 of a hash>                  <the newer checkpoint, a signed note>
                                            (c2sp.org/tlog-witness, the body of add-checkpoint)
    <the checkpoint, a signed note>

The leaf's bytes stand in `extra`, so that such a file needs nothing beside it. Finding hashes is the caller's matter.
Rules: what is written is read back by `check_*` before anybody gets it; nothing in `extra` is trusted, it is hashed.
"""

import base64
import binascii
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import checkpoint, tree
from audit.checkpoint import Checkpoint
from audit.errors import ProofRefused

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_CHARACTERS = 2 * 1024 * 1024
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})\Z")
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})\Z")
_MOST_HASHES = 63


def inclusion(leaf: bytes, index: int, path: Sequence[bytes], note: str) -> str:
    """Return the `.tlog-proof` of `leaf` at `index`; `path` leads to the root of the checkpoint `note`."""
    return "\n".join([FIRST_LINE, f"extra {_encode(leaf)}", f"index {index}", *map(_encode, path), "", note])


def check_inclusion(text: str, name: str, public: Ed25519PublicKey) -> tuple[bytes, int, Checkpoint]:
    """Return leaf, index and checkpoint of a `.tlog-proof` that holds under the key `name`.

    Raises ProofRefused, and SignatureRefused for its checkpoint.
    """
    lines, note = _parts(text)
    if len(lines) < 3 or lines[0] != FIRST_LINE or not lines[1].startswith("extra "):
        raise _refused("the file is no tlog-proof with its leaf in 'extra'")
    found = _INDEX.match(lines[2])
    if found is None:
        raise _refused("the third line names no index")
    leaf, index, signed = _decode(lines[1][6:]), int(found[1]), checkpoint.verify(note, name, public)
    tree.verify_inclusion(tree.leaf_hash(leaf), index, signed.size, [_hash(line) for line in lines[3:]], signed.root)
    return leaf, index, signed


def consistency(old: int, path: Sequence[bytes], note: str) -> str:
    """Return the proof that the first `old` leaves of the checkpoint `note` are those of an older one, as text."""
    return "\n".join([f"old {old}", *map(_encode, path), "", note])


def check_consistency(text: str, old: Checkpoint, name: str, public: Ed25519PublicKey) -> Checkpoint:
    """Return the newer checkpoint, if the proof shows that the ledger of `old` only grew to it.

    Raises ProofRefused, and SignatureRefused for the newer checkpoint.
    """
    lines, note = _parts(text)
    found = _OLD.match(lines[0])
    new = checkpoint.verify(note, name, public)
    if found is None or int(found[1]) != old.size or new.origin != old.origin:
        raise _refused("the proof begins at another size, or is of another ledger")
    tree.verify_consistency(old.size, old.root, new.size, new.root, [_hash(line) for line in lines[1:]])
    return new


def _parts(text: str) -> tuple[list[str], str]:
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(text) > MAX_CHARACTERS or len(lines) > _MOST_HASHES + 3:
        raise _refused("a proof is a few lines, an empty one, and a checkpoint")
    return lines, note


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _hash(line: str) -> bytes:
    data = _decode(line)
    if len(data) != tree.HASH_BYTES:
        raise _refused("a hash has 32 bytes")
    return data


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("a line is no base64") from None
    if _encode(data) != text:
        raise _refused("a line is no canonical base64")
    return data


def _refused(message: str) -> ProofRefused:
    return ProofRefused("proof-malformed", message, "fetch the proof again from the installation")
