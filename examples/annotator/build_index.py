"""Build the index of the annotator's release: `python examples/annotator/build_index.py` after a change of its source.

It is run where the release is made, with the libraries of install/requirements-annotator.txt; its result goes with
the release: the customer's machine is never scanned. `--check` writes nothing, and exits with 1 when it is stale.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "annotator"
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from annotator import VERSION  # noqa: E402

from audit.index import encode  # noqa: E402 (found by the path above)
from event.index import build  # noqa: E402

LOCK = HERE.parents[1] / "install/requirements-annotator.txt"
TOOLS = ("cffi", "gunicorn", "pycparser", "setuptools")
"""Of the lock file, what serves or was needed to install: the product imports none of it."""


def built() -> bytes:
    """Return the index of the source as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANNOTATOR_DATA"] = folder
        made = build(
            [SOURCE],
            f"annotator {VERSION}",
            ["flask", "sqlalchemy"],
            ["annotator.app:create_app()"],
            lock=LOCK,
            without=TOOLS,
            models=["annotator.models:Base"],
            bundles=[SOURCE / "static/annotator.js"],
            told=lambda line: print(line, file=sys.stderr),
        )
        return encode(made)


if __name__ == "__main__":
    file = SOURCE / "index.json"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if file.exists() and file.read_bytes() == built() else f"{file} is stale: run {__file__}")
    file.write_bytes(built())
