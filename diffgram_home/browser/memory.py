"""Finds a folder on a memory file system, for what must be gone when its day or this machine's power is (design 11).

A file there is in no backup of the disk and in no copy of the data folder. Which file system a folder is on is read
from the kernel (`/proc/self/mountinfo`), never taken from its name. Rules: the folder is ours alone (our user, mode
0700, no link); one that somebody else made first is refused, not used. tmpfs pages can be swapped out: whoever has no
encrypted swap keeps the key in `ramfs`, or has none (docs/sessions.md).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from diffgram_home.errors import HomeError

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
PLACES = (Path("/dev/shm"), Path("/run/diffgram-home"))  # noqa: S108  where a memory file system usually is
_MOUNTS = Path("/proc/self/mountinfo")


class NoMemory(HomeError):
    """There is no memory file system that we may use, so sessions are not counted."""


def folder(installation: str, places: Sequence[Path] = PLACES) -> Path:
    """The folder of this installation on a memory file system, made if need be. Raises NoMemory, never uses a disk."""
    for place in places:
        if _writable(place) and kind_of(place) in IN_MEMORY:
            return _ours(place / _name(installation))
    looked = ", ".join(str(place) for place in places)
    hint = "mount a tmpfs that the installation's user may write, at one of these places; sessions are not counted"
    raise NoMemory("sessions-no-memory", f"no memory file system was found (looked at {looked})", hint)


def existing(installation: str, places: Sequence[Path] = PLACES) -> Path | None:
    """The folder of this installation if there is one that is ours; nothing is made."""
    for place in places:
        path = place / _name(installation)
        try:
            if kind_of(place) in IN_MEMORY and path.lstat() and _ours(path):
                return path
        except (OSError, NoMemory):
            continue
    return None


def available(places: Sequence[Path] = PLACES) -> bool:
    """Whether there is a memory file system that this user may write to."""
    return any(_writable(place) and kind_of(place) in IN_MEMORY for place in places)


def _name(installation: str) -> str:
    return f"diffgram-home-{installation[:16]}"


def kind_of(path: Path, mounts: str | None = None) -> str:
    """The kind of the file system that `path` is on, such as `tmpfs` or `ext4`; empty where that cannot be told.

    `mounts` is the text of /proc/self/mountinfo. A device number names one file system, whatever is mounted where.
    """
    try:
        device = path.stat().st_dev
        text = _MOUNTS.read_text(encoding="utf-8", errors="replace") if mounts is None else mounts
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [wanted] and after:
            return after.split()[0]
    return ""


def _writable(place: Path) -> bool:
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _ours(path: Path) -> Path:
    """Make the folder, or make sure that it is ours: /dev/shm is everybody's."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            hint = "remove it: nothing but the installation's own folder of mode 0700 may stand there"
            raise NoMemory("sessions-no-memory", f"'{path}' is not this installation's own", hint) from None
    except OSError as error:
        hint = "see that the memory file system has room; sessions are not counted meanwhile"
        raise NoMemory("sessions-no-memory", f"cannot make '{path}': {error.strerror}", hint) from error
    return path
