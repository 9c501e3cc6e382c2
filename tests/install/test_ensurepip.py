"""A Python without ensurepip: told before any file is changed, or mended with apt by root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.install.places import DEBIAN_PYTHON, copy_tree, free_ports, snapshot

HIDE = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "ensurepip":
            raise ModuleNotFoundError("No module named 'ensurepip'", name=name)

if Path(__file__).with_name("hidden").exists():
    sys.meta_path.insert(0, Hidden())
"""
APT_THAT_MENDS = '#!/bin/sh\necho "$@" >> "$(dirname "$0")/called"\ncase "$*" in *install*) rm -f {hidden};; esac\n'
APT_THAT_DOES_NOTHING = '#!/bin/sh\necho "$@" >> "$(dirname "$0")/called"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a fresh copy of the tree."""
    return copy_tree(tmp_path / "clone")


def _hidden(tmp_path: Path, apt: str | None) -> dict[str, str]:
    """Return an environment in which Python has no ensurepip, and apt-get is `apt`."""
    site, programs = tmp_path / "site", tmp_path / "bin"
    site.mkdir()
    programs.mkdir()
    (site / "sitecustomize.py").write_text(HIDE)
    (site / "hidden").touch()
    if apt is not None:
        (programs / "apt-get").write_text(apt.format(hidden=site / "hidden"))
        (programs / "apt-get").chmod(0o755)
    environ = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def _run(clone: Path, command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _ports() -> list[str]:
    one, two, three, four = free_ports(4)
    return [f"--port={one}", f"--corporate-port={two}", f"--wire-port={three}", f"--annotator-port={four}"]


@pytest.mark.parametrize("program", ["run", "test"])
def test_a_plain_user_gets_the_exact_command_before_any_file_is_changed(
    clone: Path, tmp_path: Path, program: str
) -> None:
    environ = _hidden(tmp_path, APT_THAT_DOES_NOTHING)
    before = snapshot(clone)
    options = _ports() if program == "run" else ["lint"]
    done = _run(clone, _as_plain_user([DEBIAN_PYTHON, f"install/{program}", *options]), environ)
    assert done.returncode == 1
    assert "has no ensurepip" in done.stderr
    assert "nothing was changed" in done.stderr
    wanted = "sudo apt-get update && sudo apt-get install --yes --no-install-recommends python3.11-venv"
    assert wanted in done.stderr
    assert snapshot(clone) == before
    assert not (tmp_path / "bin/called").exists()


def test_root_gets_it_installed_and_the_set_up_goes_on(clone: Path, tmp_path: Path) -> None:
    environ = _hidden(tmp_path, APT_THAT_MENDS)
    done = _run(clone, _as_root(_require(clone)), environ)
    assert done.returncode == 0, done.stderr
    called = (tmp_path / "bin/called").read_text().splitlines()
    assert called == ["-q update", "-q install --yes --no-install-recommends python3.11-venv"]


def test_root_is_told_when_the_package_does_not_help_this_python(clone: Path, tmp_path: Path) -> None:
    environ = _hidden(tmp_path, APT_THAT_DOES_NOTHING)
    before = snapshot(clone)
    done = _run(clone, _as_root([DEBIAN_PYTHON, "install/run", *_ports()]), environ)
    assert done.returncode == 1
    assert "still has no ensurepip" in done.stderr
    assert "/usr/bin/python3 install/run" in done.stderr
    assert snapshot(clone) == before


def test_a_machine_without_apt_is_told_what_to_install(clone: Path, tmp_path: Path) -> None:
    environ = {**_hidden(tmp_path, None), "PATH": str(tmp_path / "bin")}
    before = snapshot(clone)
    done = _run(clone, [DEBIAN_PYTHON, "install/run", *_ports()], environ)
    assert done.returncode == 1
    assert "install your system's package with Python's ensurepip" in done.stderr
    assert snapshot(clone) == before


def _require(clone: Path) -> list[str]:
    program = f"import sys; sys.path.insert(0, {str(clone / 'install')!r}); "
    return [DEBIAN_PYTHON, "-c", program + "from _environment import require_ensurepip; require_ensurepip()"]


def _as_root(command: list[str]) -> list[str]:
    """Become root of a user namespace of our own where we are not root."""
    return command if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", *command]


def _as_plain_user(command: list[str]) -> list[str]:
    """Drop root by a user namespace that maps us to nobody in particular; files keep the owner that they had."""
    return ["unshare", "--user", *command] if os.geteuid() == 0 else command
