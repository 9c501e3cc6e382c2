"""The command that tries the whole promise in a network of its own: prove."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from diffgram_home.cli import base
from diffgram_home.cli.base import command


@command("prove")
@base.json_option
def prove(as_json: bool) -> NoReturn:
    """Run a fresh installation where every packet is recorded, and compare the wire with the ledger, byte for byte.

    In a network namespace, in which every address of the world is the recorder's, the real processes of an installation
    of this program, with your settings' catalogue, index and corporate, are used in every case that is there, then with
    all off. Every packet must belong to what the ledger says, and the bytes be the same. The live installation is not
    opened, and nothing reaches the outside: a stand-in answers for corporate, with keys of its own.

    Needs Linux with `unshare`, `ip` and `mount`; root, or a kernel that allows user namespaces: else exit code 8, and
    how to allow it. Exit code 1 when anything does not fit. It ends by saying what it does not prove.
    """
    path = base.config_path()
    base.read_settings()
    more = ("--json",) if as_json else ()
    os.execv(sys.executable, [sys.executable, "-m", "diffgram_home.proving", str(path), *more])  # noqa: S606  no shell
