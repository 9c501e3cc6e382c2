"""The process behind `diffgram-home run`, which becomes this one: `python -m diffgram_home.cli.serve SETTINGS`.

A program of its own, so that no other command has to load the pages, gunicorn and the scheduler.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from diffgram_home import serving, settings, tripwire
from diffgram_home.cli.base import say, tell
from diffgram_home.cli.exits import Exit
from diffgram_home.errors import HomeError


def main(path: Path, only: str | None = None) -> Exit:
    """Serve until told to end; the exit code of `run`."""
    tripwire.arm("run")
    try:
        wanted = settings.read(path, os.environ)
        tripwire.know(wanted)
        asked = serving.run(wanted, path, say, only)
    except (HomeError, OSError) as error:
        return tell(error)
    return Exit.DONE if asked else Exit.FINDING


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
