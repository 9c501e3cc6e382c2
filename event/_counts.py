"""Counts of what was dropped, by reason, kind and key: in memory, and in a small file beside the segment.

The file `<stem>.counts` has 256 slots of 128 bytes: u64 count, u8 length, then `reason|kind|key`, all little-endian
and UTF-8. It is preallocated, so that counting goes on when the disk is full, and written in place with `pwrite`: a
mapping would end the product with SIGBUS on a file system that cannot keep its promise of space. A slot's text is
written before its first count, so a reader never sees a count without its meaning. The first slots are kept for the
bare reasons, which take over when the others are used up: a count may lose its detail but never itself.

What could not be written yet waits in memory for the next segment. Names in here come from the catalogue; whatever is
not in it is written as `<undeclared>`.
"""

import os
import struct
import threading
from collections.abc import Mapping
from pathlib import Path

from event.errors import Reason

SUFFIX = ".counts"
UNDECLARED = "<undeclared>"
SLOTS, SLOT_BYTES = 256, 128
COUNTS_BYTES = SLOTS * SLOT_BYTES
_HEAD = struct.Struct("<QB")
_COUNT = struct.Struct("<Q")
_TEXT_BYTES = SLOT_BYTES - _HEAD.size
_RESERVED = {f"{reason}||": slot for slot, reason in enumerate(Reason)}


class Counts:
    """The counts of one process. Every method may be called from any thread and from signal handlers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._totals: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._written: dict[str, tuple[int, int]] = {}
        self._descriptor = -1

    def __del__(self) -> None:
        self.detach()

    def add(self, reason: Reason, kind: str = "", key: str = "", count: int = 1) -> None:
        """Count `count` more. `kind` and `key` must be declared names, words of ours, `<undeclared>`, or empty."""
        text = _text(reason, kind, key)
        with self.lock:
            self._totals[text] = self._totals.get(text, 0) + count
            if not self._write(text, count):
                self._waiting[text] = self._waiting.get(text, 0) + count

    def totals(self) -> Mapping[str, int]:
        """Return `reason|kind|key` → count since the start of this process."""
        with self.lock:
            return dict(self._totals)

    def attach(self, segment: Path) -> None:
        """Write from now on beside `segment`, and write there what waited. Without room it keeps waiting."""
        with self.lock:
            self.detach()
            self._descriptor = _preallocated(segment.with_suffix(SUFFIX))
            waiting, self._waiting = self._waiting, {}
            for text, count in waiting.items():
                if not self._write(text, count):
                    self._waiting[text] = count

    def detach(self) -> None:
        """Write nowhere until the next `attach`."""
        descriptor, self._descriptor = self._descriptor, -1
        self._written = {}
        if descriptor >= 0:
            os.close(descriptor)

    def after_fork(self) -> None:
        """In a child: nothing of the parent's counts is ours, and the lock may have been held by a thread we lack."""
        self.lock = threading.RLock()
        self.detach()
        self._totals, self._waiting = {}, {}

    def _write(self, text: str, more: int) -> bool:
        if self._descriptor < 0:
            return False
        known = self._written.get(text)
        if known is None:
            text = text if len(self._written) < SLOTS - len(_RESERVED) else _bare(text)
            known = self._written.get(text)
        try:
            slot, count = known or self._label(text)
            os.pwrite(self._descriptor, _COUNT.pack(count + more), slot * SLOT_BYTES)
        except OSError:
            return False
        self._written[text] = (slot, count + more)
        return True

    def _label(self, text: str) -> tuple[int, int]:
        """Give `text` a slot and write its name there, with no count yet."""
        slot = _RESERVED.get(text)
        if slot is None:
            slot = len(_RESERVED) + sum(1 for known in self._written if known not in _RESERVED)
        name = text.encode()
        os.pwrite(self._descriptor, _HEAD.pack(0, len(name)) + name, slot * SLOT_BYTES)
        return slot, 0


def _text(reason: Reason, kind: str, key: str) -> str:
    full = f"{reason}|{kind}|{key}"
    return full if len(full.encode()) <= _TEXT_BYTES else f"{reason}||"


def _bare(text: str) -> str:
    return f"{text.partition('|')[0]}||"


def _preallocated(path: Path) -> int:
    """Return a descriptor of a new file with all its room, or -1 where there is none."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o640)
    except OSError:
        return -1
    try:
        os.posix_fallocate(descriptor, 0, COUNTS_BYTES)
        os.fchmod(descriptor, 0o640)
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        return -1
    return descriptor
