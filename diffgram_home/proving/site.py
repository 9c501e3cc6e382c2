"""The fresh installation of a proof, as an administrator and a product use it: by the real commands and processes.

Rules: every wait has a limit; every process that it starts ends with it; nothing of the live installation's environment
that names its secrets is passed on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import event
from audit import record
from audit.catalogue import Kind
from diffgram_home import attempts, bodies, home, settings
from diffgram_home.cli.exits import Exit
from diffgram_home.models import Attempt, Leaf
from diffgram_home.proving import comparing
from diffgram_home.proving.comparing import Places, Recorded
from diffgram_home.proving.standin import TOKEN
from diffgram_home.settings import Settings
from event.scripts import Thrown
from event.ways import Way, into

ROUNDS = 3
"""How often each kind of message is made, so that there is more than one batch."""
OFF_S = 6
"""How long it is used with every case off: more ticks than one."""
LIMIT_S = 120
_CASES = ("event", "browser")  # the collection cases; the access cases have no processes of their own yet
_SECRET = "DIFFGRAM_HOME_"  # noqa: S105  the beginning of the names of the live installation's secrets


@dataclass(frozen=True, slots=True)
class Site:
    """The fresh installation by its settings file, as an administrator and a product use it."""

    config: Path
    places: Places

    def command(self, *words: str, program: str = "diffgram_home.cli") -> str:
        """The output of one of the real commands. Raises SubprocessError, with what it said."""
        command = [sys.executable, "-m", program, "--config", str(self.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=_environ())
        if done.returncode not in (Exit.DONE, Exit.DECISION):
            raise subprocess.SubprocessError(f"`{words[0]}` ended with {done.returncode}: {done.stderr.strip()[:500]}")
        return done.stdout

    def set_up(self, folder: Path) -> None:
        """Make, enrol, approve all, switch on."""
        token = folder / "token"
        token.write_text(TOKEN)
        self.command("init")
        self.command("enrol", "--token-file", str(token))
        self.command("approve", "--all", "--authority", "a proof", "--yes")

    @contextmanager
    def running(self) -> Iterator[None]:
        """`diffgram-home run`, until the block ends."""
        command = [sys.executable, "-m", "diffgram_home.cli", "--config", str(self.config), "run"]
        process = subprocess.Popen(command, env=_environ(), stderr=subprocess.DEVNULL)
        try:
            until(self._answers, "an answer of the pages")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT_S)

    def cases(self) -> list[str]:
        """The collection cases that have anything to say, and are on."""
        opened = home.open_home(self._settings())
        try:
            return [case for case in _CASES if list(opened.catalogue.live_kinds(case))]
        finally:
            opened.close()

    def use(self) -> tuple[dict[str, int], dict[str, str]]:
        """Each kind of message, several times, and the pages: how many of each; and why a kind could not be used."""
        opened = home.open_home(self._settings())
        used: dict[str, int] = {}
        refused: dict[str, str] = {}
        try:
            stated = opened.settings.spool.folder, opened.catalogue, opened.index
            event.start(*stated, strict=True)
            pages = into(*stated, case="browser")
            for _ in range(ROUNDS):
                for kind in (kind for case in _CASES for kind in opened.catalogue.live_kinds(case)):
                    try:
                        _say(kind, opened.catalogue.of_kind(kind.name), pages)
                        used[kind.name] = used.get(kind.name, 0) + 1
                    except event.EventError as error:
                        refused[kind.name] = str(error)
                self._answers()
        finally:
            opened.close()
        return used, refused

    def until_sent(self) -> None:
        """Wait until something was sent, and nothing waits. Raises TimeoutError."""
        opened = home.open_home(self._settings())
        try:
            until(lambda: _settled(opened) and not self._waiting(), "what was said, at corporate,")
        finally:
            opened.close()

    def _waiting(self) -> int:
        """Batches that wait, when all that was said is sealed."""
        return int(json.loads(self.command("pending", "--json"))["total_batches"])

    def use_while_off(self) -> None:
        """The same use, for so many seconds."""
        ends = time.monotonic() + OFF_S
        while time.monotonic() < ends:
            self.use()
            time.sleep(0.2)

    def recorded(self) -> Recorded:
        """Requests in the order of the ledger, with the bytes that it keeps of each batch."""
        opened = home.open_home(self._settings())
        try:
            with opened.store.read() as session:
                leaves = [record.parse(row.data) for row in session.query(Leaf).order_by(Leaf.position)]
                return Recorded([found for leaf in leaves if (found := _recorded(session, leaf))])
        finally:
            opened.close()

    def _settings(self) -> Settings:
        return settings.read(self.config, {})

    def _answers(self) -> bool:
        address, port = self.places.pages
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/sign-in", timeout=20) as answer:
                return bool(answer.read())
        except OSError:
            return False


def _recorded(session: Any, leaf: record.Record) -> tuple[str, bytes | None] | None:
    if isinstance(leaf, record.Attempt):
        return "POST /v1/batches", bodies.get(session, leaf.sha256)
    if isinstance(leaf, record.Contact) and leaf.step == "asked":
        return leaf.request, b""
    if isinstance(leaf, record.Enrolment) and leaf.step == "asked":
        return comparing.ENROLMENT, None  # the token stands nowhere, so its bytes cannot be compared
    return None


def _say(kind: Kind, fields: Mapping[str, Any], pages: Way) -> None:
    """One message of the kind, with the examples of its fields. Raises EventError where it is not taken."""
    values = {key: _example(one) for key, one in fields.items() if key != "at"}
    if kind.case == "browser":
        reason = pages.new(kind.name, values)
        if reason is not None:
            raise event.EventError(reason, f"the way in for pages did not take it: {reason}", "look under Pending")
        return None
    if any(one.type == "error_log" for one in fields.values()):
        del values["error_log"]
        try:
            raise ValueError("what an error says never leaves: somebody@example.org")
        except ValueError as fault:
            return event.error(fault, kind=kind.name, **values)
    return event.new(kind.name, **values)


def _example(one: Any) -> Any:
    """A value as a product hands it in; of a bucket, a number within."""
    if one.type == "bucket":
        number = int("".join(filter(str.isdigit, str(one.example))))
        return number - 1 if str(one.example).startswith("<") else number
    made = {"instant": datetime.now(UTC), "script_log": Thrown("TypeError", "what an error says never leaves")}
    return made.get(one.type, one.example)


def _settled(opened: home.Home) -> bool:
    with opened.store.read() as session:
        outcomes = [row.outcome for row in session.query(Attempt)]
        return bool(outcomes) and set(outcomes) == {"accepted"} and not attempts.count_waiting(session)


def _environ() -> dict[str, str]:
    """Without the live installation's secrets, such as the address of its database."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}


def until(is_true: Callable[[], bool], what: str) -> None:
    """Wait until something is true. Raises TimeoutError, which names it, after LIMIT_S seconds."""
    ends = time.monotonic() + LIMIT_S
    while not is_true():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come within {LIMIT_S} s")
        time.sleep(0.1)
