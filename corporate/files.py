"""Write a file so that it is either the old one or the new one, and private when it must be."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, data: bytes | Iterable[bytes], mode: int = 0o644) -> None:
    """Write to a temporary file beside `path`, flush it to the disk, rename it (rename is the crash point).

    Parts are written as they come, so that a large file is never whole in memory.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as f:
            f.writelines((data,) if isinstance(data, bytes) else data)
            f.flush()
            os.fsync(f.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
