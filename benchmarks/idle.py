"""Memory and processor time of an installation that has nothing to do: `diffgram-home run`, over a minute.

Memory is the proportional set size of all its processes (shared pages are divided among those who share them), from
/proc/<pid>/smaps_rollup; beside it what the same processes count as resident, each for itself. Processor time is that
of all of them between two looks. The case `event` is on, its fields are approved and something was sealed already, so
that every stage of a tick has something to look at. Its pages are asked for once before.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._messages import spool
from benchmarks._timing import Goals, arguments, cpu_s, machine, table, tree
from diffgram_home import intake, sealing
from tests.door.places import found

GOAL_MB, GOAL_CPU_PERCENT = 200, 0.5
ROOT = Path(__file__).parents[1]
NOWHERE = "https://127.0.0.1:9"
READY_S, SETTLE_S = 60, 10


def main() -> int:
    """Print the table; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    seconds = 2 if goals.quick else 60
    print(machine("flask", "gunicorn", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as name, _running(Path(name)) as (pid, port):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in").read()
        time.sleep(0 if goals.quick else SETTLE_S)
        pids = tree(pid)
        begin, before = time.monotonic(), cpu_s(pids)
        time.sleep(seconds)
        used_s, passed_s = cpu_s(pids) - before, time.monotonic() - begin
        memory = {one: (_words(one), _mb(one, "Pss"), _mb(one, "Rss")) for one in pids}
    percent = used_s / passed_s * 100
    _print(memory)
    whole = sum(pss for _, pss, _ in memory.values())
    goals.hold("proportional set size of all processes", whole, GOAL_MB, " MB", at_most=True)
    goals.hold(f"processor over {passed_s:.0f} s", percent, GOAL_CPU_PERCENT, " % of a core", at_most=True)
    return goals.end()


@contextmanager
def _running(folder: Path) -> Iterator[tuple[int, int]]:
    """An installation that runs: process id and port. It is asked to end, and must."""
    port = _free_port()
    config = _set_up(folder, port)
    log = folder / "log"
    command = [sys.executable, "-m", "diffgram_home.cli", "--config", str(config), "run"]
    with log.open("wb") as file:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + READY_S
        while b"pages on " not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _set_up(folder: Path, port: int) -> Path:
    more = f"[web]\nport = {port}\n"
    place = found(folder, NOWHERE, "sha256:" + "0" * 64)
    home, now = place.home, datetime.now(UTC)
    spool(home.settings.spool.folder, 2_000, 1)
    intake.take(home, now)
    sealing.seal_waiting(home, now)
    home.close()
    text = place.config.read_text()
    place.config.write_text(re.sub(r"every_s = \d+", "every_s = 5", text) + more)
    return place.config


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _mb(pid: int, what: str) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{what}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _words(pid: int) -> str:
    text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    parent = re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return f"{pid} (of {parent[1] if parent else '?'}) {' '.join(text.split()[1:4])[:60]}"


def _print(memory: dict[int, tuple[str, float, float]]) -> None:
    lines = [(words, f"{pss:.1f}", f"{rss:.1f}") for words, pss, rss in memory.values()]
    lines.append(("all", *(f"{sum(row[n] for row in memory.values()):.1f}" for n in (1, 2))))
    print(table("Memory of an idle installation", ("process", "PSS, MB", "RSS, MB"), lines))


if __name__ == "__main__":
    sys.exit(main())
