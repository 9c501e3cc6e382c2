"""The switches of every kind, read from the memory-mapped file that the installation writes (`audit.modes`).

Looking at a switch costs a memory read: a kind that is off costs no I/O at all. Unreadable, missing, stale, or a kind
that is absent: off. A file that was replaced is marked stale and has all its words zeroed, so it is mapped again when
something is off; as a second line, `verify` compares the path with the mapping about once a second of collecting, in
case the installation was killed between the rename and the mark.

Only the installation can write the file (0640, its own user), in place or by rename, never by truncating: a shorter
file under the mapping would end the product with SIGBUS, so nothing but the installation may ever write it.
"""

import mmap
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from audit.modes import STALE_OFFSET, fields_off, slots

NAME = "modes"
RETRY_S = 1.0
COLLECTED = (1, 2)  # local, on; 0 is off, and 3 is read as off
_MAX_BYTES = 4 * 1024 * 1024


class Switch(Protocol):
    """The word of one kind: `switch[0]` reads it from the file as it is now."""

    def __getitem__(self, index: int, /) -> int: ...


OFF: Switch = (0,)


class _Swapped:
    """Reads a little-endian word on a big-endian machine."""

    def __init__(self, view: memoryview) -> None:
        self._view = view

    def __getitem__(self, index: int, /) -> int:
        return int.from_bytes(self._view[:4], "little")


class ModeFile:
    """`switches` is kind → switch for every kind that was asked for; it is only ever replaced as a whole.

    `told` is called with the names of the fields that are switched off, before the switches of their file hold.
    """

    def __init__(self, spool: Path, kinds: Iterable[str], told: Callable[[frozenset[str]], None] | None = None) -> None:
        self._path = spool / NAME
        self._kinds = tuple(kinds)
        self._identity: tuple[int, int] | None = None
        self._data: mmap.mmap | None = None
        self._next_try_s = 0.0
        self._told = told
        self.switches: Mapping[str, Switch] = {}
        self._map()

    def again(self) -> bool:
        """Map again if what is mapped is stale, or once a second if it is missing; say whether there are new switches.

        Called where a kind is off. With a good mapping it reads one byte of memory. The mark `stale` is set when the
        next file has its name already, so that waiting would only miss messages.
        """
        data = self._data
        if data is not None and not data[STALE_OFFSET]:
            return False
        if data is None and time.monotonic() < self._next_try_s:
            return False
        return self._map()

    def verify(self) -> None:
        """Make sure that the path still names what is mapped; one `stat`."""
        try:
            found = os.stat(self._path)
        except OSError:
            self._forget()
            return
        if (found.st_dev, found.st_ino) != self._identity:
            self._map()

    def _map(self) -> bool:
        self._next_try_s = time.monotonic() + RETRY_S
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._forget()
            return False
        try:
            self._take(descriptor)
        except (OSError, ValueError):  # not a mode file: off
            self._forget()
            return False
        finally:
            os.close(descriptor)
        return True

    def _take(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= _MAX_BYTES:
            raise ValueError("no mode file")
        mapped = mmap.mmap(descriptor, found.st_size, access=mmap.ACCESS_READ)
        data = mapped[:]
        offsets, off = slots(data), fields_off(data)
        if self._told is not None:
            self._told(off)
        self.switches = {kind: _switch(mapped, offsets[kind]) if kind in offsets else OFF for kind in self._kinds}
        self._identity, self._data = (found.st_dev, found.st_ino), mapped

    def _forget(self) -> None:
        self._identity, self._data = None, None
        self.switches = dict.fromkeys(self._kinds, OFF)


def _switch(mapped: mmap.mmap, offset: int) -> Switch:
    word = memoryview(mapped)[offset : offset + 4]
    return word.cast("I") if sys.byteorder == "little" else _Swapped(word)
