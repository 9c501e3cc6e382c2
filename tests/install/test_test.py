"""`install/test`: what it needs of the machine, and what it says when that is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import _test

from tests.install.places import DEBIAN_PYTHON, ROOT

LACKING = '{"chromium": "/nonexistent/chromium", "postgresql": "/nonexistent/*/postgres", "git": "/usr/bin/git"}'
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT / "install")!r})
import _test
from _say import Stop, fail
try:
    _test.require_programs({LACKING})
except Stop as stop:
    fail(stop)
"""
PLAIN = ["unshare", "--user"] if os.geteuid() == 0 else []
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]


def _ask(tmp_path: Path, become: list[str], apt: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "apt-get").write_text(apt)
    (tmp_path / "apt-get").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [*become, DEBIAN_PYTHON, "-B", "-c", PROGRAM]
    return subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_plain_user_gets_the_exact_command_and_a_failure(tmp_path: Path) -> None:
    done = _ask(tmp_path, PLAIN, f"#!/bin/sh\ntouch {tmp_path}/called\n")
    assert done.returncode == 1
    assert "the tests need chromium, postgresql, which this machine lacks; nothing was changed" in done.stderr
    assert (
        "sudo apt-get update && sudo apt-get install --yes --no-install-recommends chromium postgresql" in done.stderr
    )
    assert not (tmp_path / "called").exists()


def test_root_installs_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    done = _ask(tmp_path, AS_ROOT, f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    assert done.returncode == 0, done.stderr
    called = (tmp_path / "called").read_text().splitlines()
    assert called == ["-q update", "-q install --yes --no-install-recommends chromium postgresql"]


def test_a_package_that_cannot_be_installed_fails_with_apts_own_words(tmp_path: Path) -> None:
    done = _ask(tmp_path, AS_ROOT, '#!/bin/sh\necho "E: Unable to locate package $6"\nexit 100\n')
    assert done.returncode == 1
    assert "E: Unable to locate package" in done.stderr


def test_an_unknown_task_is_named_and_nothing_runs() -> None:
    done = subprocess.run([sys.executable, ROOT / "install/test", "lnit"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown task lnit; there are lint, types, docs, tests" in done.stderr


def test_ci_runs_the_same_program_and_no_more() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ['cd "$(dirname "$0")/.." && exec install/test']


def test_everything_the_tests_need_is_on_this_machine() -> None:
    _test.require_programs(_test.PROGRAMS)
