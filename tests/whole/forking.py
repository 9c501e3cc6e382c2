"""A loaded program that forks the real processes of both sides, so that a round of `kill -9` need not wait for imports.

`python -m tests.whole.forking` reads one JSON job a line and answers with the process id of the child that does it; a
job `reap` waits for a child that somebody has killed. A child runs what its program runs, with its signals as they are
at a start: the scheduler, `send`, gunicorn with the pages, corporate with both listeners, a product that records for
ever. All children are killed when the input ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
KIND = "annotator/task-completed"


class Forking:
    """The other end: starts children, kills them, and knows which are alive."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        command = [sys.executable, "-m", "tests.whole.forking"]
        environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environ, text=True, **pipes)  # type: ignore[call-overload]

    def start(self, what: str, **more: Any) -> int:
        """Start a child; its process id."""
        return self._ask({"do": what, **more})

    def kill(self, pid: int) -> None:
        """`kill -9` to a child alone, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def wait(self, pid: int) -> int:
        """Wait until a child has ended; its exit code, or the number of its signal below 0."""
        return self._ask({"do": "reap", "pid": pid})

    def kill_all(self, pid: int) -> None:
        """`kill -9` to a child and everything below it at once, as when a machine loses its power."""
        below = descendants(pid)
        for one in (pid, *below):
            with_no_error(lambda one=one: os.kill(one, signal.SIGKILL))
        self.wait(pid)
        for one in below:
            while is_alive(one):
                time.sleep(0.001)

    def close(self) -> None:
        """End it, and with it all that still runs."""
        self._process.communicate(timeout=60)
        self._log.close()

    def _ask(self, job: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def with_no_error(act: Any) -> None:
    """Do it; a process that is gone already is no error."""
    with contextlib.suppress(ProcessLookupError):
        act()


def descendants(pid: int) -> list[int]:
    """The processes below `pid`; none if it is gone."""
    try:
        children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [below for child in children for below in descendants(child)]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run_scheduler(config: str) -> None:
    """`python -m diffgram_home.scheduler`."""
    from diffgram_home import scheduler  # noqa: PLC0415  loaded before the fork by `load`

    sys.exit(scheduler.main(["--config", config]))


def run_pages(config: str, port: int) -> None:
    """`gunicorn diffgram_home.app:from_file(...)` with two workers."""
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415  loaded before the fork by `load`

    sys.argv = [
        *("gunicorn", "--no-control-socket", "--preload", "-k", "gthread", "--threads", "4", "-w", "2"),
        *("--log-level", "warning", "-b", f"127.0.0.1:{port}", f"diffgram_home.app:from_file({config!r})"),
    ]
    run()


def run_corporate(config: str) -> None:
    """`diffgram-corporate run`."""
    from corporate import serving, settings  # noqa: PLC0415  loaded before the fork by `load`

    serving.run(settings.read(Path(config), {}), lambda _: None)


def run_product(spool: str, acknowledged: str, incarnation: int, seed: int) -> None:
    """Record until something is dropped; a byte is appended to the file `acknowledged` after each call that returned.

    `input_id` says which life of which product it is, `task_id` counts from 0 in it.
    """
    import event  # noqa: PLC0415  loaded before the fork by `load`
    from tests.door.places import ANNOTATOR  # noqa: PLC0415

    chance = random.Random(seed)
    files = ([ANNOTATOR / "outbound_fields.toml"], ANNOTATOR / "index.json")
    event.start(Path(spool), *files, strict=True, limits=event.Limits(segment_bytes=20_000, segment_age_s=1.0))
    journal = os.open(acknowledged, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    number = 0
    while True:
        for _ in range(chance.randrange(1, 12)):
            event.new(KIND, input_id=incarnation, task_id=number, member_id=number % 40)
            if event.counts():
                sys.exit(f"dropped: {dict(event.counts())}")
            os.write(journal, b".")
            number += 1
        time.sleep(chance.uniform(0.02, 0.08))


def run_sender(config: str) -> None:
    """What `diffgram-home send` does, again and again: somebody is impatient, beside the scheduler."""
    from diffgram_home import intake, sealing, sending, settings, switching  # noqa: PLC0415
    from diffgram_home.errors import HomeError  # noqa: PLC0415
    from diffgram_home.home import open_home  # noqa: PLC0415

    home = open_home(settings.read(Path(config), os.environ))
    door = sending.open_door(home)
    while True:
        with contextlib.suppress(HomeError):
            switching.apply(home, datetime.now(UTC))
            intake.take(home, datetime.now(UTC))
            sealing.seal_waiting(home, datetime.now(UTC))
            sending.send_due(home, door, datetime.now(UTC), force=True)
        time.sleep(0.05)


JOBS = {
    "sender": run_sender,
    "scheduler": run_scheduler,
    "pages": run_pages,
    "corporate": run_corporate,
    "product": run_product,
}


def load() -> None:
    """Do all imports once. Nothing is opened."""
    import gunicorn.app.wsgiapp  # noqa: PLC0415
    import gunicorn.workers.gthread  # noqa: F401, PLC0415

    import tests.door.places  # noqa: F401, PLC0415


def child(job: dict[str, Any], parent: int) -> NoReturn:
    """Become the process that the job names."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        if os.getppid() == parent:
            JOBS[job.pop("do")](**job)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer jobs until the input ends, then kill what is left."""
    load()
    me, children = os.getpid(), set[int]()
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "reap":
            _, status = os.waitpid(job["pid"], 0)
            children.discard(job["pid"])
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            child(job, me)
        children.add(pid)
        print(pid, flush=True)
    for pid in [one for first in children for one in (first, *descendants(first))]:
        with_no_error(lambda pid=pid: os.kill(pid, signal.SIGKILL))


if __name__ == "__main__":
    serve()
