"""`install/test`: what the checks need of the machine, and the checks.

Tasks, in this order: lint, types, docs, tests. All by default; named ones only otherwise.

Rules: standard library only; nothing is skipped silently, so a missing server, browser or kernel feature stops here
with what to do about it; a task that fails does not keep the others from running; pytest comes last, so that its
closing lines are the last that is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from glob import glob

import _browser
from _environment import Environment, apt, ready, require_ensurepip
from _locks import ROOT, TEST
from _processes import dying_with
from _say import Stop, fail, step

ENVIRONMENT = Environment(ROOT / ".venv-test", TEST, editable=True)
TASKS = ("lint", "types", "docs", "tests")
PROGRAMS = {  # Debian's package -> a file that shows it is there
    "chromium": "/usr/bin/chromium",
    "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "iproute2": "/usr/sbin/ip /sbin/ip /usr/bin/ip /bin/ip",
    "nftables": "/usr/sbin/nft /sbin/nft",
    "systemd": "/usr/bin/systemd-analyze /bin/systemd-analyze",
    "nginx-light": "/usr/sbin/nginx",
    "caddy": "/usr/bin/caddy",
    "tcpdump": "/usr/bin/tcpdump /usr/sbin/tcpdump",
    "util-linux": "/usr/sbin/runuser /sbin/runuser",
    "python3-venv": "/usr/lib/python3*/ensurepip",  # the set-up is tested with Debian's own Python, too
    "git": "/usr/bin/git",
    "jq": "/usr/bin/jq",  # docs/auditing.md is run as it stands
    "openssl": "/usr/bin/openssl",
    "nodejs": "/usr/bin/node /usr/local/bin/node",
    "npm": "/usr/bin/npm /usr/local/bin/npm",
}
NODE = {name: PROGRAMS[name] for name in ("nodejs", "npm")}
DOCUMENTS = (  # each ends with an error when what is committed is not what it would write now
    ("python", "-m", "audit", "document", "--check"),
    ("python", "-m", "event.document", "--check"),
    ("python", "-m", "diffgram_home.cli.document", "--check"),
    ("python", "-m", "corporate.cli.api", "--check"),
    ("python", "examples/annotator/build_index.py", "--check"),
)
PARALLEL = ("-q", "--numprocesses=2", "--dist=loadfile")
NEEDED_FOR = {"types": NODE, "tests": PROGRAMS}


def main() -> None:
    """Set up, run the named tasks, and leave with 0 when all passed, 1 otherwise."""
    options = _options()
    try:
        for task in set(options.task) & set(NEEDED_FOR):
            require_programs(NEEDED_FOR[task])
        ready(ENVIRONMENT)
        if set(options.task) & set(NEEDED_FOR):
            _browser.ready()
    except Stop as stop:
        fail(stop)
    failed = [task for task in TASKS if task in options.task and not run_task(task, options.pytest)]
    raise SystemExit(1 if failed else 0)


def require_programs(programs: Mapping[str, str]) -> None:
    """Install with apt what the tests need of the machine; without root, raise Stop with the exact command."""
    missing = [name for name, files in programs.items() if not any(glob(file) for file in files.split())]
    if not missing:
        return
    command = f"apt-get install --yes --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Stop(
            f"the tests need {', '.join(missing)}, which this machine lacks; nothing was changed",
            f"run this, then try again: sudo apt-get update && sudo {command}",
        )
    require_ensurepip()
    apt(*missing)


def run_task(task: str, pytest_arguments: Sequence[str]) -> bool:
    """Run one task to its end; tell whether it passed."""
    commands = {
        "lint": [["ruff", "check", "."], ["ruff", "format", "--check", "."]],
        "types": [["mypy"], _browser.CHECK],
        "docs": [*DOCUMENTS, ["python", "-m", "pytest", "-q", "tests/docs"]],
        "tests": [["python", "-m", "pytest", *(pytest_arguments or PARALLEL)]],
    }[task]
    began = time.monotonic()
    step(task)
    passed = sum(_run(command) for command in commands) == len(commands)  # each runs, also after a failure
    if task != "tests":
        step(f"{task}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return passed


def _run(command: Sequence[str]) -> bool:
    own = ENVIRONMENT.folder / "bin" / command[0]
    program = own if own.exists() else command[0]  # npm is the machine's
    environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    environ["PATH"] = f"{ENVIRONMENT.folder / 'bin'}:{environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, preexec_fn=dying_with(os.getpid())
    )
    return done.returncode == 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="install/test", description=__doc__.split("\n\n")[0])
    parser.add_argument("task", nargs="*", metavar="|".join(TASKS), help="the tasks to run (default: all)")
    parser.add_argument(
        "--pytest",
        action="append",
        default=[],
        metavar="ARGUMENT",
        help="an argument for pytest instead of the usual ones, such as --pytest=-x --pytest=tests/audit",
    )
    options = parser.parse_args()
    unknown = set(options.task) - set(TASKS)
    if unknown:
        parser.error(f"unknown task {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}")
    options.task = options.task or list(TASKS)
    return options
