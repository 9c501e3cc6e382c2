"""Locks between processes on this machine: one leader, one sender. They end with their process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from diffgram_home.errors import StoreError


@contextlib.contextmanager
def alone(
    path: Path, wait_s: float = 0, give_up: threading.Event | None = None, every_s: float = 0.1
) -> Iterator[bool]:
    """Whether this is the one holder of the lock `path` until the end of the block.

    Waits up to `wait_s` seconds for another holder to end, or until `give_up` is set; looks every `every_s`. Raises
    StoreError where there can be no lock.
    """
    give_up = give_up or threading.Event()
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = f"let the user {os.geteuid()} write in '{path.parent}'"
        raise StoreError("folder-unusable", f"cannot lock '{path}': {error.strerror}", hint) from error
    try:
        ends = time.monotonic() + wait_s
        while not (held := _lock(handle)) and time.monotonic() < ends and not give_up.wait(every_s):
            pass
        yield held
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
