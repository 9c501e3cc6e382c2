"""`install/run`: one command from a fresh machine to a running installation, corporate server and annotator.

In order, and each only where it is not done yet: free ports, environments, corporate and its keys, the product's
index, the installation and its administrator, enrolment; then everything is started and watched until Ctrl-C.

Rules: standard library only; nothing is changed before it is clear that it can be done; every step can be cut off at
any moment and is finished by the next run; a password is shown once and kept nowhere but where no terminal is.
"""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path
from typing import NoReturn

import _setup
from _environment import Environment, ready
from _locks import ANNOTATOR, HOME, ROOT
from _ports import require_free
from _processes import Programs, alone
from _say import Stop, fail, step

HOST = "127.0.0.1"
WATCH_S = 0.5
HOME_ENVIRONMENT = Environment(ROOT / ".venv", HOME, editable=True)
PRODUCT_ENVIRONMENT = Environment(ROOT / ".venv-annotator", ANNOTATOR, editable=False)


PORTS = {
    "port": (8080, "pages of the installation"),
    "corporate_port": (8090, "pages of corporate"),
    "wire_port": (8091, "corporate's listener for installations"),
    "annotator_port": (8070, "the annotator"),
}


class Ended(Exception):
    """Someone asked to stop: Ctrl-C, SIGTERM, or the terminal is gone."""


def main() -> None:
    """Set up, start, and wait. Leaves with 0 after Ctrl-C or SIGTERM, with 1 when something could not be done."""
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        _all(options)
    except Stop as stop:
        fail(stop)
    except Ended:
        step("stopped")


def _all(options: argparse.Namespace) -> None:
    require_free(HOST, {getattr(options, name): what for name, (_, what) in PORTS.items()})
    with alone(ROOT):
        ready(HOME_ENVIRONMENT, PRODUCT_ENVIRONMENT)
    places = _setup.make_places(options, HOME_ENVIRONMENT.folder, PRODUCT_ENVIRONMENT.folder)
    with alone(places.data):
        _serve(places)


def _serve(places: _setup.Places) -> None:
    programs = Programs(places.logs)
    try:
        _start(places, programs)
        _setup.say_what_next(places)
        while True:
            programs.check()
            time.sleep(WATCH_S)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        if programs.running:
            step("stopping")
        programs.stop()


def _start(places: _setup.Places, programs: Programs) -> None:
    """Make what is missing and start all: corporate first, since the installation enrols there."""
    options = places.options
    _setup.make_corporate(places)
    step("starting corporate")
    programs.start("corporate", places.corporate_command("run"))
    _setup.make_home(places)
    programs.wait_for("corporate", HOST, options.corporate_port, pages=True)
    programs.wait_for("corporate", HOST, options.wire_port, pages=False)
    _setup.give_release(places)
    _setup.enrol(places)
    step("starting the installation and the annotator")
    programs.start("home", places.home_command("run"))
    programs.start("annotator", places.annotator_command(HOST), places.annotator_environ())
    programs.wait_for("home", HOST, options.port, pages=True)
    programs.wait_for("annotator", HOST, options.annotator_port, pages=True)


def _end(number: int, _frame: object) -> NoReturn:
    raise Ended(signal.Signals(number).name)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="install/run",
        description="Set up and start an installation, a corporate server and the annotator on this machine.",
        epilog="Ctrl-C stops all of it. Run it again to start it again: what it made is kept in the data folder.",
    )
    parser.add_argument("--data", type=Path, default=ROOT / "data", metavar="FOLDER", help="default: ./data")
    for name, (default, what) in PORTS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=_port, default=default, metavar="PORT", help=f"{what} (default: {default})")
    options = parser.parse_args()
    options.data = options.data.absolute()
    ports = [getattr(options, name) for name in PORTS]
    if len(set(ports)) < len(ports):
        parser.error("each of the four needs a port of its own")
    return options


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError
    return port
