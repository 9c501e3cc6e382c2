"""A loaded `diffgram-home` that forks once for each command, so that a test need not wait for the imports each time.

Reads one JSON job a line (arguments, folder, environment, files for input, output and errors, and perhaps a file in
which to note every socket that the command makes), runs it in a child, and answers with its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

from diffgram_home.cli import main
from diffgram_home.cli.base import PROGRAM


def watch(path: str) -> None:
    """Write the name of every audit event about sockets into `path`, from now on and for good."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def note(name: str, _: Any) -> None:
        if name.startswith("socket."):
            os.write(handle, f"{name}\n".encode())

    sys.addaudithook(note)


def child(job: dict[str, Any]) -> NoReturn:
    """Become the command."""
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
        os.dup2(os.open(job[name], flags), number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    if job["watch"]:
        watch(job["watch"])
    code = 1
    try:
        main(args=job["arguments"], prog_name=PROGRAM)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer jobs until the input ends."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
