"""Uses an installation for so many seconds: events, errors, and pages, as fast as a busy day. Prints how many of each.

`python use.py SPOOL CATALOGUE INDEX PAGES_URL SECONDS`.
"""

import json
import sys
import time
import urllib.request
from pathlib import Path

import event


def main(spool: str, catalogue: str, index: str, pages: str, seconds: str) -> None:
    """Use it until the time is over."""
    event.start(Path(spool), [Path(catalogue)], Path(index), strict=True)
    done = {"events": 0, "errors": 0, "pages": 0}
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for _ in range(20):
            event.new("annotator/task-completed", member_id=318, project_id=42)
            done["events"] += 1
        try:
            raise ValueError("project %d of %s is full", 42, "somebody@example.org")
        except ValueError as fault:
            event.error(fault, member_id=318)
            done["errors"] += 1
        with urllib.request.urlopen(f"{pages}/sign-in", timeout=20) as answer:  # noqa: S310 - loopback, given by the test
            answer.read()
            done["pages"] += 1
    print(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
