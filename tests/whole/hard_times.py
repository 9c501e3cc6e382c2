"""What happens on a disk that is full, and in a folder that is read-only, while everything runs.

`python -m tests.whole.hard_times full|read-only FOLDER` is started in a mount namespace of its own, in which the data
folder is a file system of its own: FOLDER/home/data. It ends with 0 when all held.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Shell
from tests.install.places import until
from tests.whole.site import Site, assert_attempts_have_bytes, assert_each_event_once, assert_no_gap, drain, made

LIMIT_S = 90
STORE_CODE = 7


def accepted(site: Site) -> int:
    """How many attempts were accepted."""
    return sum(row.outcome == "accepted" for row in site.place.rows())


def said(site: Site) -> str:
    """What all processes have said."""
    return (site.folder / "log").read_text()


def work_again(site: Site) -> None:
    """A new life of a product: what it says arrives, and in the end all of it, once."""
    before = accepted(site)
    site.start("product 0")
    until(lambda: accepted(site) > before, LIMIT_S, "something accepted again")
    drain(site)
    assert assert_each_event_once(site) > 0
    assert_attempts_have_bytes(site)
    assert_no_gap(site)
    Shell(site.place.config.parent).ok("verify")


def full(site: Site, data: Path) -> None:
    """The disk fills up while all works: it is told, the product goes on, and nothing acknowledged is lost."""
    site.start_all()
    until(lambda: accepted(site) > 1, LIMIT_S, "something accepted, the control")
    with (data / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError as error:
            assert "No space" in str(error)  # noqa: PT017  the disk is to be full, not the test to fail
    until(lambda: "disk-full" in said(site), LIMIT_S, "the scheduler's line about the full disk")
    for name in [name for name in site.running if name.startswith("product")]:
        assert site.forking.wait(site.running.pop(name)) == 1, "the product told what was dropped"
    assert "dropped: {'disk-full|" in said(site) or "dropped: {'short-write|" in said(site), said(site)
    (data / "filler").unlink()
    work_again(site)


def read_only(site: Site, data: Path) -> None:
    """The folder is read-only at a start: the scheduler says so and ends, the product counts; mended, all goes on."""
    site.start_all()
    until(lambda: accepted(site) > 1, LIMIT_S, "something accepted, the control")
    for name in list(site.running):
        site.forking.kill_all(site.running.pop(name))
    site.place.home.close()
    mount = ["mount", "-o", "remount,ro", str(data)]
    subprocess.run(mount, check=True)
    site.start("scheduler")
    code = site.forking.wait(site.running.pop("scheduler"))
    assert (code, "read-only" in said(site)) == (STORE_CODE, True), said(site)
    site.start("product 0")
    assert site.forking.wait(site.running.pop("product 0")) == 1
    assert "dropped: {'spool-unusable|" in said(site), said(site)
    subprocess.run(["mount", "-o", "remount,rw", str(data)], check=True)
    for name in ("corporate", "scheduler"):
        site.start(name)
    work_again(site)


def main(what: str, folder: Path) -> None:
    """Make everything in `folder`, on a small file system for the data."""
    data = folder / "home/data"
    data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", str(data)], check=True)
    with made(folder, 1) as site:
        {"full": full, "read-only": read_only}[what](site, data)
        for name in list(site.running):
            site.forking.kill_all(site.running.pop(name))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
