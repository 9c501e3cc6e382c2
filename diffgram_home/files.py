"""Writing a file so that there is the old one or the new one, whole, whatever ends the process in between."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` when the block ends, durable then; nothing is left if it fails.

    `mode` is for the new file, less the umask. Raises OSError, also where `path` is a device or a pipe: the rename
    would put a plain file in its place, and that of /dev/null is missed by the whole machine.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def reserved(path: Path, data: bytes, mode: int) -> Iterator[Callable[[], int]]:
    """Room for `data` at `path`; what this gives writes it there. Otherwise as `whole`.

    A disk that is full and a folder that cannot be written are told before the block begins. Raises OSError.
    """
    with whole(path, mode) as file:
        os.posix_fallocate(file.fileno(), 0, len(data))
        yield lambda: file.write(data)


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write `data`, whole or not at all, durable when this returns. Raises OSError."""
    with whole(path, mode) as file:
        file.write(data)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
