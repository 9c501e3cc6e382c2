"""Programs that are started together end together, however the one that started them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import _processes
import pytest
from _say import Stop

from tests.install.places import ROOT, free_ports, processes_with, until

STUBBORN = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(600)
"""


def _program(text: str, word: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text), word]


def test_stopping_ends_what_ignores_the_signal_and_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_processes, "STOP_S", 1)
    word = f"stubborn-{os.getpid()}"
    programs = _processes.Programs(tmp_path)
    programs.start("stubborn", _program(STUBBORN, word))
    until(lambda: len(processes_with(word)) == 2, 10, "the start of both")
    programs.stop(within_s=1)
    until(lambda: processes_with(word) == [], 5, "the end of both")


def test_a_killed_parent_leaves_no_program_behind(tmp_path: Path) -> None:
    word = f"orphan-{os.getpid()}"
    starter = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT / "install")!r})
        from pathlib import Path
        from _processes import Programs
        programs = Programs(Path({str(tmp_path)!r}))
        programs.start("child", [sys.executable, "-c", "import time; time.sleep(600)", {word!r}])
        print("started", flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(_program(starter, "starter"), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        until(lambda: len(processes_with(word)) >= 1, 10, "the start of the child")
        parent.send_signal(signal.SIGKILL)
    until(lambda: processes_with(word) == [], 10, "the end of the child")


def test_a_program_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    programs = _processes.Programs(tmp_path)
    programs.start("short", [sys.executable, "-c", "print('no such table: project'); raise SystemExit(3)"])
    programs.running["short"].wait(10)
    with pytest.raises(Stop, match=r"short ended by itself \(exit status 3\)[\s\S]*no such table: project"):
        programs.check()


def test_waiting_for_a_port_that_never_opens_ends_with_the_programs_death(tmp_path: Path) -> None:
    programs = _processes.Programs(tmp_path)
    programs.start("short", [sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(Stop, match="short ended by itself"):
        programs.wait_for("short", "127.0.0.1", free_ports(1)[0], pages=True)


def test_a_folder_that_is_in_use_names_the_process_that_holds_it(tmp_path: Path) -> None:
    with _processes.alone(tmp_path), pytest.raises(Stop, match=f"process {os.getpid()}"), _processes.alone(tmp_path):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with _processes.alone(tmp_path):
            pass
