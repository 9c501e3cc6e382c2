"""A writer of the spool whose records can be waited for until the disk has them: for what others were told "taken".

A product's own records need not be: who calls `event.new` is gone with the machine. Over HTTP somebody was answered,
and will not tell it again; so the answer waits for `settle`.

One flush serves everybody who waits. A thread that comes while another flushes waits for its turn, and finds then that
its record went with the next flush, which was begun by whoever came first. Here records are written one at a time, so
that none is under way while the segment changes: the old one is flushed before the descriptor becomes the new one's, so
`settle` has to look after the present one only.
"""

import os
import threading
from pathlib import Path

from event._counts import Counts
from event._spool import Limits, Writer
from event.errors import Reason


class Settling(Writer):
    """A writer with `settle`. Any thread may use it."""

    _written: int
    _settled: int
    _unkept: int

    def __init__(self, folder: Path, limits: Limits, counts: Counts) -> None:
        self._begin()
        super().__init__(folder, limits, counts)

    def append(self, payload: bytes) -> Reason | None:
        """Write one record, as every writer does."""
        with self._writing:
            trouble = super().append(payload)
            self._written += trouble is None
        return trouble

    def settle(self) -> Reason | None:
        """Wait until the disk has every record that was written before; return why it has not, or None."""
        wanted = self._written
        with self._flushing:
            if wanted > self._settled:
                self._flush(self._written)
            return Reason.SPOOL_UNUSABLE if wanted <= self._unkept else None

    def after_fork(self) -> None:
        """In a child: no thread of the parent's is here to give a lock back."""
        self._begin()
        super().after_fork()

    def _begin(self) -> None:
        self._writing, self._flushing = threading.Lock(), threading.Lock()
        self._written = self._settled = 0
        self._unkept = -1

    def _flush(self, reached: int) -> None:
        """Flush `reached` records. After a failure the kernel may say that all is well: it has to be remembered."""
        try:
            os.fdatasync(self.descriptor)
        except OSError:
            self._unkept, self._left = reached, -1
        self._settled = reached

    def _adopt(self, descriptor: int, path: Path) -> None:
        """Change to a new segment, of which the folder knows for good, when the old one is on the disk."""
        if self.descriptor >= 0:
            with self._flushing:
                self._flush(self._written)
        super()._adopt(descriptor, path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
