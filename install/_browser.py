"""What building and checking `browser/` needs: Node, and the packages of its lock file.

Only a developer and CI need it: what is built is committed, so that an installation never asks for npm.

Rules: standard library only; packages come from the lock alone, by hash, and run no scripts of their own; a stamp with
the lock's hash says that they are there already.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess

from _locks import ROOT
from _say import Stop, step

FOLDER = ROOT / "browser"
STAMP = FOLDER / "node_modules/made-from.sha256"
CHECK = ("npm", "--prefix", str(FOLDER), "run", "--silent", "check")
LOWEST = (20, 19)


def ready() -> None:
    """Install the packages of the lock file unless they are there; raise Stop where this machine cannot."""
    require_node()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == _source_hash():
        return
    step("browser: the packages of its lock file")
    done = subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Stop("npm could not install the packages of browser/package-lock.json", "do what it says, and try again")
    STAMP.write_text(_source_hash(), encoding="ascii")


def require_node() -> None:
    """Raise Stop unless there is a Node that the packages run on."""
    node = shutil.which("node")
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else ""
    found = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())
    if found < LOWEST:
        wanted = ".".join(map(str, LOWEST))
        raise Stop(
            f"building browser/ needs Node {wanted} or later, and this machine has {said.strip() or 'none'}",
            "install a newer one, so that `node --version` says so, and try again",
        )


def _source_hash() -> str:
    return hashlib.sha256(b"".join((FOLDER / n).read_bytes() for n in ("package-lock.json", ".npmrc"))).hexdigest()
