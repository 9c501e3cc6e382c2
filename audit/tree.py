"""The Merkle tree of RFC 9162 section 2.1 (the hashing of RFC 6962): roots, and proofs that others' tools accept.

A tree grows by leaf hashes. `Frontier` holds what is needed to append and to compute the root: one hash for each
complete subtree at the right edge, at most 64. Proofs need older nodes, which the caller fetches from where it keeps
them. Nothing here reads a clock, a file or a database; storage and signing are left to others.

Rules:
  - A node is named (level, position): the hash over the 2^level leaves that start at position * 2^level. Only complete
    subtrees have names; they never change once written, so they can be stored by `Frontier.append(..., completed)`.
  - The empty tree has the SHA-256 of nothing as its root (RFC 9162 2.1.1).
  - Verification raises `ProofRefused`; nothing is returned that could be overlooked.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from audit.errors import ProofRefused

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_SIZE = 2**53 - 1
"""Most leaves a tree may have: a size must survive JSON as a number."""

Fetch = Callable[[int, int], bytes]
"""Return the hash of the complete subtree (level, position)."""
Completed = Callable[[int, int, bytes], None]
"""Called with (level, position, hash) for each subtree that an append completes; level 0 is the leaf itself."""

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """Return the 32 bytes of the leaf `data`: SHA-256(0x00 || data), RFC 9162 2.1.1."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32 bytes of an inner node: SHA-256(0x01 || left || right), RFC 9162 2.1.1."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: `size` leaves, and the hash of each complete subtree, largest first."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # each with the 0x01 before it, as it goes into the hash of its parent

    def append(self, leaf: bytes, completed: Completed | None = None) -> int:
        """Add one leaf hash and return its index, from 0. Cost: one node hash on average.

        Raises ValueError for a hash that is not 32 bytes, or a tree of `MAX_SIZE` leaves.
        """
        index = self.size
        if len(leaf) != HASH_BYTES or index >= MAX_SIZE:
            raise ValueError("a leaf hash has 32 bytes, and a tree at most 2^53-1 leaves")
        if completed is not None:
            completed(0, index, leaf)
        level, rest, peaks = 0, index, self._peaks
        while rest & 1:
            leaf = _sha256(peaks.pop() + leaf).digest()
            rest >>= 1
            level += 1
            if completed is not None:
                completed(level, rest, leaf)
        peaks.append(b"\x01" + leaf)
        self.size = index + 1
        return index

    def root(self) -> bytes:
        """Return the root of the tree as it stands, 32 bytes."""
        peaks = self._peaks
        if not peaks:
            return EMPTY_ROOT
        root = peaks[-1][1:]
        for peak in peaks[-2::-1]:
            root = _sha256(peak + root).digest()
        return root

    def peaks(self) -> list[bytes]:
        """Return the hash of each complete subtree, largest first, with the 0x01 that goes before it in its parent."""
        return self._peaks.copy()

    def copy(self) -> "Frontier":
        """Return an independent frontier at the same size."""
        other = Frontier()
        other.size, other._peaks = self.size, self._peaks.copy()
        return other

    def to_bytes(self) -> bytes:
        """Return the frontier as bytes: the size as eight big-endian bytes, then the hashes, largest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join([peak[1:] for peak in self._peaks])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """Return the frontier that `to_bytes` wrote. Raises ValueError when size and number of hashes do not agree."""
        size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + HASH_BYTES * size.bit_count() or size > MAX_SIZE:
            raise ValueError(f"a frontier of {len(data)} bytes does not fit its own size")
        frontier = cls()
        frontier.size = size
        frontier._peaks = [b"\x01" + data[start : start + HASH_BYTES] for start in range(8, len(data), HASH_BYTES)]
        return frontier


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes, in bounded memory."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Return the hashes from the leaf's sibling up to the root's child, RFC 9162 2.1.3.1: PATH(index, D[size]).

    Raises ValueError when the tree of `size` leaves has no leaf `index`.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_span(middle, high, fetch))
            high = middle
        else:
            proof.append(_span(low, middle, fetch))
            low = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, fetch: Fetch) -> list[bytes]:
    """Return the proof that the first `old` leaves of `new` are unchanged, RFC 9162 2.1.4.1: PROOF(old, D[new]).

    Empty when the sizes are equal. Raises ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof leads from size {old} to size {new}")
    proof: list[bytes] = []
    low, high, known = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_span(middle, high, fetch))
            high = middle
        else:
            proof.append(_span(low, middle, fetch))
            low, known = middle, False
    return proof[::-1] if known else [_span(low, high, fetch), *proof[::-1]]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if `proof` shows that `leaf` (a leaf hash) stands at `index` under `root`, RFC 9162 2.1.3.2.

    Raises ProofRefused otherwise.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise _refused(f"a tree of {size} leaves has no leaf {index}")
    _check_lengths([leaf, root, *proof])
    fn, sn, result = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            raise _refused("the proof is longer than the path to the root")
        if fn & 1 or fn == sn:
            result = node_hash(step, result)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, step)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise _refused("the proof is shorter than the path to the root")
    if result != root:
        raise _refused("the proof leads to another root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if `proof` shows that the tree `old_root` is a prefix of the tree `new_root`, RFC 9162 2.1.4.2.

    Every tree grows from the empty one: with `old` 0 the proof must be empty and `old_root` the empty root.
    Raises ProofRefused otherwise.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise _refused(f"no consistency proof leads from size {old} to size {new}")
    _check_lengths([old_root, new_root, *proof])
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected:
            raise _refused("the two roots are not of the same tree")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise _refused("the proof is empty")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            raise _refused("the proof is longer than the path to the root")
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or first != old_root or second != new_root:
        raise _refused("the proof leads to other roots")


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _span(low: int, high: int, fetch: Fetch) -> bytes:
    """Return the hash over leaves low..high-1, which start at a boundary of their own size rounded up."""
    parts: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(fetch(level, low >> level))
        low += 1 << level
    result = parts.pop()
    while parts:
        result = node_hash(parts.pop(), result)
    return result


def _check_lengths(hashes: Iterable[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise _refused("a hash has 32 bytes")


def _refused(message: str) -> ProofRefused:
    return ProofRefused("proof-differs", message, "compare with a checkpoint kept elsewhere; the ledger was changed")
