"""The published list: every catalogue that corporate ever gave out, in one append-only, signed Merkle list.

Corporate shows the same list to everybody (docs/formats/published.md). An installation keeps all of it that it saw, so
that an entry taken back or changed shows at once; two customers who compare their checkpoints find out whether they
were shown the same list, and if they were not, the two signed notes prove it without our word.

Rules: a leaf is the canonical JSON of one entry; the tree is that of RFC 9162, the checkpoint a C2SP signed note under
a name made of corporate's root, signed by the key of purpose `catalogues`. Fetching and storing are left to others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import checkpoint, tree
from audit.checkpoint import Checkpoint
from audit.errors import SignatureRefused

FORMAT: Final = "diffgram-published/1"
_ORIGIN = "catalogues."
_ROOT = "sha256:"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published catalogue by its hash, the `release` as its vendor calls it, and when (UTC, to the second)."""

    at: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z\Z")]
    catalogue: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    format: Literal["diffgram-published/1"] = FORMAT
    release: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


_decode = msgspec.json.Decoder(Entry, strict=True).decode
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Comparison:
    """What somebody else's checkpoint says beside our list: `verdict` is `same`, `behind`, `ahead` or `fork`.

    `behind`: theirs is an earlier state of ours; `ahead`: theirs is longer than ours, so nothing can be said yet.
    """

    verdict: Literal["same", "behind", "ahead", "fork"]
    theirs: Checkpoint


def leaf(entry: Entry) -> bytes:
    """Return the bytes of an entry's leaf. Raises SignatureRefused for an entry that `parse` would refuse."""
    data = _encode(entry)
    parse(data)
    return data


def parse(data: bytes) -> Entry:
    """Return the entry of a leaf. Raises SignatureRefused (`list-malformed`)."""
    try:
        entry = _decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise _refused("list-malformed", "an entry of the published list has wrong members") from None
    if _encode(entry) != data:
        raise _refused("list-malformed", "an entry of the published list is not in canonical form")
    return entry


def origin(root: str) -> str:
    """Return the list's name: made of the fingerprint (`sha256:` and 64 hex digits) of corporate's root."""
    return _ORIGIN + root.removeprefix(_ROOT)


def is_of_list(note: str) -> bool:
    """Say whether a note is of a published list, and not of an installation's ledger; nothing is verified."""
    return note.startswith(_ORIGIN)


def sign(leaves: Iterable[bytes], root: str, key: Ed25519PrivateKey) -> str:
    """Return the checkpoint of the list with these leaves, signed by corporate's key of purpose `catalogues`."""
    held = list(leaves)
    return checkpoint.sign(origin(root), len(held), _root(held), key)


def read(note: str, root: str, keys: Mapping[str, Ed25519PublicKey]) -> Checkpoint:
    """Return what a checkpoint of corporate's list says, signed by one of `keys` (thumbprint: key).

    Raises SignatureRefused: what `checkpoint.verify` says, `list-elsewhere` for another corporate's list, and
    `key-unknown` when no key signed it.
    """
    name = origin(root)
    _, signatures = checkpoint.parts(note)
    signers = {raw[:4] for signer, raw in signatures if signer == name}
    for key in keys.values():
        if checkpoint.key_id(name, key) in signers:
            found = checkpoint.verify(note, name, key)
            if found.origin != name:
                raise _refused("list-elsewhere", "this is the list of another corporate")
            return found
    if not signers:
        raise _refused("list-elsewhere", "this is the list of another corporate")
    raise _refused("key-unknown", "no key of the manifest signed this list")


def grown(known: Sequence[bytes], fresh: Sequence[bytes], stated: Checkpoint) -> None:
    """Accept `fresh` leaves behind those that are `known`, if together they are the list that `stated` signs.

    Raises SignatureRefused: `list-shorter` if the list lost entries, `list-forked` if it is not the one known before,
    `list-malformed` for an entry that is none, or for another number of entries than stated.
    """
    if stated.size < len(known):
        raise _refused("list-shorter", f"the list has {stated.size} entries, and had {len(known)}")
    if len(known) + len(fresh) != stated.size:
        raise _refused("list-malformed", f"{len(fresh)} entries came, {stated.size - len(known)} are new")
    for data in fresh:
        parse(data)
    if _root([*known, *fresh]) != stated.root:
        raise _refused("list-forked", "the signed list is not the one that was shown here before")


def compare(known: Sequence[bytes], theirs: Checkpoint) -> Comparison:
    """Compare the list known here with a checkpoint, already read, that somebody else was shown."""
    if theirs.size > len(known):
        return Comparison("ahead", theirs)
    if _root(known[: theirs.size]) != theirs.root:
        return Comparison("fork", theirs)
    return Comparison("same" if theirs.size == len(known) else "behind", theirs)


def _root(leaves: Sequence[bytes]) -> bytes:
    return tree.root_of(map(tree.leaf_hash, leaves))


def _refused(code: str, message: str) -> SignatureRefused:
    hint = "keep both checkpoints: they are signed, and prove it; ask corporate, and compare with another customer"
    return SignatureRefused(code, message, hint)
