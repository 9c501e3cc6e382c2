"""What is installed from a wheel is what stands in the tree: no page, style or migration is left behind."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.install.places import copy_tree

PACKAGES = ("audit", "event", "licensing", "support_routes", "diffgram_home", "corporate")


def test_a_wheel_holds_every_file_of_the_packages_and_no_other(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")  # a build leaves files in the tree
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    subprocess.run([*pip, "--wheel-dir", tmp_path, tree], check=True, stdin=subprocess.DEVNULL, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(tree))
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == ours
