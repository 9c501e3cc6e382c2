"""A ledger in a file, which several processes read without sharing Python's memory (`audit.ranges.Source`)."""

import mmap
import tempfile
from array import array
from collections.abc import Iterable, Iterator

from audit.ranges import Begun
from audit.verification import Finding, Head, Known
from benchmarks._ledgers import Maker


class Filed:
    """Leaves, each with its body behind it; where a body lies is looked up by its hash."""

    def __init__(self, maker: Maker, entries: int) -> None:
        self.every, self.known = 3 if maker.whole else 1, Known(installation=maker.installation)
        self._file, self._ends = tempfile.TemporaryFile(), array("Q", [0])  # noqa: SIM115  # it lives as long as this
        self._bodies: dict[str, int] = {}
        for piece in maker.pieces(entries, min(entries, 5_000)):
            bodies = iter(piece.bodies.items())
            for index, data in piece.leaves:
                sha256, body = next(bodies) if index % self.every == 0 else ("", b"")
                if sha256:
                    self._bodies[sha256] = index
                for part in (data, body):
                    self._file.write(part)
                    self._ends.append(self._ends[-1] + len(part))
        self._file.flush()
        self.bytes = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
        self.head = Head(maker.frontier.size, maker.frontier.root())

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """Leaf and body of each entry in one."""
        for index in range(first, last):
            yield self.bytes[self._ends[2 * index] : self._ends[2 * index + 2]]

    def begin(self) -> Begun:
        """What it holds."""
        return Begun(self.head.size, self.known)

    def leaves(self, first: int, last: int | None) -> Iterator[tuple[int, bytes]]:
        """Each leaf with its position."""
        last = self.head.size if last is None else last
        ends = self._ends[2 * first : 2 * last]
        return zip(range(first, last), map(self.bytes.__getitem__, map(slice, ends[::2], ends[1::2])), strict=True)

    def announce(self, leaves: Iterable[bytes]) -> None:
        """Nothing to fetch beforehand."""

    def body(self, sha256: str) -> bytes | None:
        """The bytes under this hash."""
        index = self._bodies.get(sha256)
        return None if index is None else self.bytes[self._ends[2 * index + 1] : self._ends[2 * index + 2]]

    def beside(self, first: int, last: int | None) -> Iterable[Finding]:  # noqa: ARG002  # whichever they are
        """Nothing."""
        return ()
