"""Virtual environments from the lock files: made once, quick afterwards.

What it does: makes sure that this Python can make an environment (before any file is changed), makes it, installs
the locked requirements by hash, then this distribution without its dependencies.

Rules: standard library only. A stamp in the environment holds the hash of all that went into it; while it is the
same, nothing is done. A changed or half-made environment is made again from nothing, so that it never holds more than
its lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from _locks import ROOT, Lock
from _processes import child
from _say import Stop, progress, step

STAMP = "made-from.sha256"


@dataclass(frozen=True)
class Environment:
    """One virtual environment: its folder, its lock, and whether our packages are linked (editable) or copied in."""

    folder: Path
    lock: Lock
    editable: bool

    @property
    def python(self) -> Path:
        """Return the interpreter of the environment."""
        return self.folder / "bin/python"

    def is_ready(self) -> bool:
        """Tell whether the environment is complete and made from what is in the tree now."""
        stamp = self.folder / STAMP
        return stamp.is_file() and self.python.exists() and stamp.read_text(encoding="ascii") == self._source_hash()

    def make(self) -> None:
        """Make the environment again from nothing, and stamp it."""
        step(f"making {self.folder.name} ({len(_pins(self.lock))} packages, pinned by hash)")
        _run([sys.executable, "-m", "venv", "--clear", str(self.folder)], f"make {self.folder}")
        _install_locked(self)
        _run(
            [*_pip(self), "--no-deps", "--no-build-isolation", *(["--editable"] if self.editable else []), str(ROOT)],
            "install the packages of this folder",
        )
        _remove_leftovers()
        (self.folder / STAMP).write_text(self._source_hash(), encoding="ascii")

    def _source_hash(self) -> str:
        """Hash the lock, the interpreter, and what of the tree is copied into the environment."""
        files = [self.lock.path, ROOT / "setup.cfg", ROOT / "pyproject.toml"]
        if not self.editable:
            files += sorted(p for name in ("audit", "event") for p in (ROOT / name).rglob("*") if _is_source(p))
        digest = hashlib.sha256(f"{sys.version} {sys.executable} {self.editable}".encode())
        for path in files:
            digest.update(f"\n{path.relative_to(ROOT)} ".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def ready(*environments: Environment) -> None:
    """Make whichever of the environments is not ready; check first that all of them can be made."""
    missing = [e for e in environments if not e.is_ready()]
    if not missing:
        return
    require_ensurepip()
    for environment in missing:
        if not os.access(environment.folder if environment.folder.exists() else environment.folder.parent, os.W_OK):
            raise Stop(
                f"{str(environment.folder)!r} cannot be written by this user",
                f"run as its owner, or copy the folder {str(ROOT)!r} to one of your own",
            )
        environment.make()


def require_ensurepip() -> None:
    """Make sure that this Python has ensurepip: as root install Debian's package, else raise Stop with the command.

    Comes before any file is changed: without it `python -m venv` leaves half an environment behind.
    """
    if _has_ensurepip():
        return
    package = f"python3.{sys.version_info.minor}-venv"
    commands = ["apt-get update", f"apt-get install --yes --no-install-recommends {package}"]
    if shutil.which("apt-get") is None:
        raise Stop(
            f"{sys.executable} has no ensurepip, so it cannot make a virtual environment",
            "install your system's package with Python's ensurepip, then run this again",
        )
    if os.geteuid() != 0:
        raise Stop(
            f"{sys.executable} has no ensurepip, so it cannot make a virtual environment; nothing was changed",
            f"run this, then try again: sudo {' && sudo '.join(commands)}",
        )
    apt(package)
    if not _has_ensurepip():
        raise Stop(
            f"{package} is installed, but {sys.executable} still has no ensurepip",
            "run install/run with Debian's own Python: /usr/bin/python3 install/run",
        )


def apt(*packages: str) -> None:
    """Install packages of Debian as root, without questions; apt's own words are the progress."""
    step(f"apt-get install {' '.join(packages)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", *packages]
    _run(["apt-get", "-q", "update"], "read the list of Debian's packages", quiet, echo=True)
    _run(command, f"install {' '.join(packages)}", quiet, echo=True)


def _has_ensurepip() -> bool:
    """Ask a fresh interpreter, since this one would remember an earlier no."""
    return subprocess.run([sys.executable, "-B", "-c", "import ensurepip"], capture_output=True).returncode == 0


def _install_locked(environment: Environment) -> None:
    names = _pins(environment.lock)
    command = [*_pip(environment), "--no-deps", "--require-hashes", "--requirement", str(environment.lock.path)]
    text, seen, tail = f"installing into {environment.folder.name}", 0, []
    progress(text, 0, len(names))
    with child(command, _clean()) as pip:
        for line in pip.stdout or ():
            tail = [*tail[-12:], line.rstrip()]
            if line.startswith("Collecting "):
                seen += 1
                progress(text, min(seen, len(names) - 1), len(names))
    if pip.returncode:
        raise _failed("install the locked requirements", tail)
    progress(text, len(names), len(names))


def _pip(environment: Environment) -> list[str]:
    return [
        str(environment.python),
        "-m",
        "pip",
        "install",
        "--progress-bar=off",
        "--disable-pip-version-check",
        "--no-input",
    ]


def _pins(lock: Lock) -> list[str]:
    return [line.split("==")[0] for line in lock.path.read_text(encoding="utf-8").splitlines() if "==" in line]


def _run(command: list[str], what: str, environ: dict[str, str] | None = None, *, echo: bool = False) -> None:
    lines = []
    with child(command, environ or _clean()) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if echo:
                print(f"    {lines[-1]}", flush=True)
    if process.returncode:
        raise _failed(what, lines[-12:])


def _failed(what: str, lines: list[str]) -> Stop:
    said = "\n    ".join(lines)
    return Stop(
        f"could not {what}; the program said:\n    {said}",
        "is the package registry reachable from here (`pip config list` shows which)? Then run this again: "
        "a half-made environment is made anew",
    )


def _clean() -> dict[str, str]:
    """The environment without what would lead pip to another Python's packages."""
    return {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _remove_leftovers() -> None:
    """A build in place leaves build/ behind, from which the next build would copy files that are gone from the tree."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
