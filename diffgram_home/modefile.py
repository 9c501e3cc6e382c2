"""The small file by which products learn the modes: words are overwritten in place, other kinds come by rename.

The layout is `audit.modes`'. A product maps the file read-only. When the kinds, or the fields that are switched off,
change, the words of the old file are
zeroed (`off`) before the new one takes its name, and only then is the old one marked `stale`, so that whoever maps it
reads off, and maps the new one as soon as it looks again. Killed in between, products read `off`.
"""

from __future__ import annotations

import os
from pathlib import Path

from audit import modes as audit_modes
from audit.modes import Modes
from diffgram_home import files

NAME = "modes"
MODE = 0o640
MAX_BYTES = 1024 * 1024


def write(path: Path, modes: Modes, off: frozenset[str] = frozenset()) -> bool:
    """Bring the file to `modes` and the fields that are `off`; True if it changed. Raises OSError.

    Kinds that `modes` lacks are set to off.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        _replace(path, audit_modes.pack(modes, off))
        return True
    try:
        data = os.pread(handle, MAX_BYTES, 0)
        places = _places(data)
        same = places is not None and places.keys() == modes.kinds.keys() and audit_modes.fields_off(data) == off
        if places is not None and (same or not modes.kinds):
            return _overwrite(handle, data, places, modes)
        for offset in (places or {}).values():
            os.pwrite(handle, bytes(4), offset)
        _replace(path, audit_modes.pack(modes, off))
        os.pwrite(handle, b"\x01", audit_modes.STALE_OFFSET)
    finally:
        os.close(handle)
    return True


def _places(data: bytes) -> dict[str, int] | None:
    try:
        places = audit_modes.slots(data)
        audit_modes.fields_off(data)
        return places
    except ValueError:
        return None


def _overwrite(handle: int, data: bytes, places: dict[str, int], modes: Modes) -> bool:
    changed = False
    for kind, offset in places.items():
        new = audit_modes.word(modes.of(kind)).to_bytes(4, "little")
        if data[offset : offset + 4] != new:
            os.pwrite(handle, new, offset)
            changed = True
    return changed


def _replace(path: Path, data: bytes) -> None:
    with files.whole(path, MODE) as file:
        os.fchmod(file.fileno(), MODE)  # products are another user: the umask must not take the group's right to read
        file.write(data)
