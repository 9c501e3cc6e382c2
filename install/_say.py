"""What the set-up says: steps, progress, and the one error that stops it.

Rules: standard library only; a step that may take over two seconds shows how far it is; on a terminal the progress
stays on one line, elsewhere it is a line now and then; an error says what to do next.
"""

from __future__ import annotations

import sys
from typing import NoReturn


class Stop(Exception):
    """The set-up cannot go on. `hint` says what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def step(text: str) -> None:
    """Say what is being done now."""
    print(f"· {text}", flush=True)


def progress(text: str, done: int, total: int) -> None:
    """Say how far a long step is; one line that is written over on a terminal, every tenth part elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\033[K· {text}: {done} of {total}", end="\n" if done >= total else "", flush=True)
    elif total < 10 or done in {0, total} or done % (total // 5) == 0:
        print(f"· {text}: {done} of {total}", flush=True)


def fail(stop: Stop) -> NoReturn:
    """Print the error and what to do next, and leave with exit status 1."""
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    print(f"error: {stop.message}\n  {stop.hint}", file=sys.stderr, flush=True)
    raise SystemExit(1)
