"""Writing small files whole or not at all.

Rules: standard library only; a reader, or a run after a cut, sees the old file or the new one, never a part.
"""

from __future__ import annotations

import os
import re
from pathlib import Path


def replace(path: Path, pattern: str, new: str) -> None:
    """Replace what a pattern finds in a file."""
    write_whole(path, re.sub(pattern, new, path.read_text(encoding="utf-8")))


def set_port(path: Path, table: str, port: int) -> None:
    """Set `port` in a table of a TOML file; all else, comments too, stays as it is."""
    replace(path, rf"(?ms)^(\[{table}\]\n(?:(?!\[).)*?^port = )\d+$", rf"\g<1>{port}")


def write_whole(path: Path, text: str) -> None:
    """Change a file that exists, keeping who may read it; leave it alone when nothing changes."""
    if path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
