"""What the tests of the set-up share: a copy of the tree, free ports, waiting with a limit."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDS_ROOT = "only root can become another user: run install/test as root for this one"
DEBIAN_PYTHON = "/usr/bin/python3"  # a plain user cannot run a Python that lies in root's home


def copy_tree(target: Path) -> Path:
    """Copy what is (or will be) in version control, as a fresh clone would have it; return the copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def until(is_true: Callable[[], bool], limit_s: float, what: str) -> None:
    """Wait until something is true; fail, naming it, after `limit_s` seconds."""
    end = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < end, f"{what} did not happen within {limit_s} s"
        time.sleep(0.05)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return name -> size and time of change of everything below a folder."""
    found = {}
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(base, name))
            found[os.path.join(base, name)] = (status.st_size, status.st_mtime_ns)
    return found


def processes_with(word: str) -> list[int]:
    """Return the processes in whose command line or environment `word` stands."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if word.encode() in text:
                found.append(int(entry.name))
    return found
