"""The tree of one range of a ledger whose every leaf is at hand: its nodes, and the roots at many sizes (for `_range`).

What `tree.Frontier` does leaf after leaf is done here for all leaves of a range at once, with the same hashes (RFC 9162
2.1.1). A root at one size shares no hash with a root at another: each fold begins with the newest leaf. They are only
made together, level by level, which spares most of what calling costs. Sizes are counted from the range's first leaf.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import add

from audit._past import Past
from audit.tree import Frontier, node_hash

_sha256 = hashlib.sha256
_digest = type(_sha256()).digest
_FEW = 4
"""Below this level a subtree has too few sizes to be worth a slice of its own."""


def _hash_all(parts: Iterable[bytes]) -> list[bytes]:
    return list(map(_digest, map(_sha256, parts)))


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Return `tree.leaf_hash` of each."""
    return _hash_all(map(b"\x00".__add__, leaves))


class Nodes:
    """Every node that a root may need: the left ones, each with the 0x01 before it, by level; a power of two leaves."""

    def __init__(self, hashes: list[bytes]) -> None:
        self.size, self._lefts, row = len(hashes), list[list[bytes]](), hashes
        while len(row) > 1:
            lefts = list(map(b"\x01".__add__, row[::2]))
            row = _hash_all(map(add, lefts, row[1::2]))
            self._lefts.append(lefts)
        self.root = row[0]

    def peaks(self, size: int) -> list[bytes]:
        """Return the peaks at `size` leaves, less than all, largest first, each with the 0x01 before it."""
        return [row[size >> level + 1] for level, row in reversed(list(enumerate(self._lefts))) if size >> level & 1]

    def roots(self, sizes: Sequence[int], outside: Sequence[bytes]) -> list[bytes]:
        """Return the roots at these sizes, rising, each above 0 and less than all; `outside`: the peaks before."""
        roots: list[bytes] = [b""] * len(sizes)
        for level, lefts in enumerate(self._lefts):
            if level < _FEW:
                roots = list(_folded_each(level, lefts, sizes, roots))
            else:
                _fold(level, lefts, sizes, roots)
        for peak in reversed(outside):
            roots = _hash_all(map(peak.__add__, roots))
        return roots


def _folded_each(level: int, lefts: list[bytes], sizes: Sequence[int], roots: list[bytes]) -> Iterator[bytes]:
    for size, root in zip(sizes, roots, strict=True):
        if not size >> level & 1:
            yield root
        elif root:
            yield _sha256(lefts[size >> level + 1] + root).digest()
        else:
            yield lefts[size >> level + 1][1:]


def _fold(level: int, lefts: list[bytes], sizes: Sequence[int], roots: list[bytes]) -> None:
    """All sizes that end in one subtree of this level stand beside the same left node."""
    for number, left in enumerate(lefts):
        half = (2 * number + 1) << level
        first, last = bisect_left(sizes, half), bisect_left(sizes, half + (1 << level))
        if first < last and sizes[first] == half:
            roots[first] = left[1:]
            first += 1
        roots[first:last] = _hash_all(map(left.__add__, roots[first:last]))


class _Grown(Frontier):
    """A frontier somewhere in a range whose every node is known; `made` are roots that were made beforehand."""

    __slots__ = ("_before", "_first", "_made", "_nodes")

    def __init__(self, before: Frontier, nodes: Nodes, made: dict[int, bytes]) -> None:
        self.size = self._first = before.size
        self._before, self._nodes, self._made = before.peaks(), nodes, made

    def root(self) -> bytes:
        """Return the root of the tree as it stands, 32 bytes."""
        return self._made.get(self.size) or self.at(self.size).root()

    def copy(self) -> Frontier:
        """Return an independent frontier at the same size."""
        return self.at(self.size)

    def at(self, size: int) -> Frontier:
        """Return the frontier at any size from the range's first leaf to behind its last."""
        done, nodes = size - self._first, self._nodes
        peaks = [*self._before, *nodes.peaks(done)] if done < nodes.size else _joined(self._before, self._first, nodes)
        return Frontier.from_bytes(size.to_bytes(8, "big") + b"".join(peak[1:] for peak in peaks))


def _joined(before: list[bytes], first: int, nodes: Nodes) -> list[bytes]:
    """The peaks behind a whole range: its root takes in those before it that it completes."""
    peaks, root, rest = before.copy(), nodes.root, first // nodes.size
    while rest & 1:
        root = node_hash(peaks.pop()[1:], root)
        rest >>= 1
    return [*peaks, b"\x01" + root]


class Within(Past):
    """The past of one range, where nothing has to be hashed any more; `before` is the past of its first leaf.

    `sizes`, rising, are those within at which roots will be asked for, as far as one can know.
    """

    __slots__ = ("_earlier", "_first", "_grown")

    def __init__(self, before: Past, nodes: Nodes, sizes: Sequence[int]) -> None:
        super().__init__(before.block)
        self._earlier, self._first = before, before.frontier.size
        inside = [size - self._first for size in sizes if size > self._first]
        roots = nodes.roots(inside, before.frontier.peaks())
        made = dict(zip((size + self._first for size in inside), roots, strict=True))
        self.frontier = self._grown = _Grown(before.frontier, nodes, made)

    def append(self, leaf: bytes) -> None:  # noqa: ARG002  # it is known
        """Move over the next leaf."""
        self._grown.size += 1

    def extend(self, leaves: list[bytes]) -> None:
        """Move over the next leaves."""
        self._grown.size += len(leaves)

    def _compute(self, size: int) -> bytes | None:
        now = self._grown.size
        if not (now // self.block - 1) * self.block <= size < now:
            return None
        return self._earlier.root_at(size) if size <= self._first else self._grown.at(size).root()
