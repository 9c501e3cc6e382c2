"""Roots at sizes that the tree has passed, for as far back as bounded memory reaches.

Records quote the checkpoint of a moment shortly before their own leaf. Nearly always that is the size just reached,
which costs one fold of the frontier; else leaves are appended again to a copy of the frontier at a block's start.
"""

from audit.tree import Frontier

BLOCK = 1024
"""At least so many leaves back a root can be found again; at most twice as many."""
_REMEMBERED = 64


class Past:
    """A frontier that remembers the leaf hashes of the last one to two blocks of `block` leaves.

    It may begin in the middle of a ledger: `begin` with the frontier at a block's end, then the leaves of one block.
    """

    __slots__ = ("_bases", "_leaves", "_roots", "block", "frontier")

    def __init__(self, block: int = BLOCK) -> None:
        self.block = block
        self.begin(Frontier())

    def begin(self, frontier: Frontier) -> None:
        """Forget everything, and go on from `frontier`, whose size is a multiple of a block's."""
        self.frontier = frontier
        self._bases = [frontier.copy()]
        self._leaves: list[bytes] = []
        self._roots: dict[int, bytes] = {}

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        index = self.frontier.append(leaf)
        self._leaves.append(leaf)
        if (index + 1) % self.block == 0:
            self._turn()

    def extend(self, leaves: list[bytes]) -> None:
        """Add leaf hashes."""
        for leaf in leaves:
            self.append(leaf)

    def root_at(self, size: int) -> bytes | None:
        """Return the root at `size` leaves, or None when that is ahead or too far back."""
        if size == self.frontier.size:
            return self.frontier.root()
        root = self._roots.get(size)
        if root is None:
            root = self._compute(size)
            if root is not None:
                self._remember(size, root)
        return root

    def _compute(self, size: int) -> bytes | None:
        first = self._bases[0].size
        if not first <= size < self.frontier.size:
            return None
        base = next(base for base in reversed(self._bases) if base.size <= size).copy()
        for leaf in self._leaves[base.size - first : size - first]:
            base.append(leaf)
        return base.root()

    def _remember(self, size: int, root: bytes) -> None:
        if len(self._roots) >= _REMEMBERED:
            self._roots.pop(next(iter(self._roots)))
        self._roots[size] = root

    def _turn(self) -> None:
        self._bases.append(self.frontier.copy())
        if len(self._bases) > 2:
            self._leaves = self._leaves[self._bases[1].size - self._bases[0].size :]
            self._bases.pop(0)
