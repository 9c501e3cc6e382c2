"""`python -m diffgram_home.proving.inside SETTINGS FOLDER [--json]`, in a namespace of its own: the run, the report.

It makes the installation by the real commands, runs the real processes, and reads the ledger afterwards. Rules: every
wait has a limit, and what did not happen in time is a finding; every process that it starts ends with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import event
from audit import record
from audit.catalogue import Kind
from diffgram_home import attempts, bodies, egress, home, settings
from diffgram_home.cli import text
from diffgram_home.cli.base import say, tell
from diffgram_home.cli.exits import Exit
from diffgram_home.errors import HomeError
from diffgram_home.models import Attempt, Leaf
from diffgram_home.proving import comparing
from diffgram_home.proving.comparing import NOT_PROVED, Found, Places, Recorded
from diffgram_home.proving.standin import TOKEN, StandIn
from diffgram_home.proving.wire import Corporate, Recorder, serve_names
from diffgram_home.settings import Settings

ROUNDS = 3
"""How often each kind of message is made, so that there is more than one batch."""
OFF_S = 6
"""How long it is used with every case off: more ticks than one."""
LIMIT_S = 120
_ANSWER, _NAMES = "192.0.2.1", ("192.0.2.53", 53)
_CASES = ("event", "browser")  # the collection cases; the access cases have no processes of their own yet
_SECRET = "DIFFGRAM_HOME_"  # noqa: S105  the beginning of the names of the live installation's secrets


@dataclass(frozen=True, slots=True)
class Report:
    """What `prove` says."""

    holds: bool
    installation: str
    kinds: Mapping[str, int]
    not_used: Mapping[str, str]
    found: Found
    off_packets: int
    not_proved: tuple[str, ...]


def main(config: str, folder: str, *options: str) -> int:
    """Prove, report, and give the exit code."""
    try:
        live = settings.read(Path(config), {})
        report = prove(live, Path(folder))
    except HomeError as error:
        return tell(error)
    except (OSError, subprocess.SubprocessError, TimeoutError) as error:
        say(f"nothing was proved: {error}", "to do: run it again; tell the vendor if it lasts")
        return Exit.FINDING
    if "--json" in options:
        print(json.dumps(asdict(report)))
    else:
        print("\n".join(told(report)))
    return Exit.DONE if report.holds else Exit.FINDING


def prove(live: Settings, folder: Path) -> Report:
    """The whole run. Raises OSError, SubprocessError, TimeoutError, HomeError."""
    with text.Progress("proving", sys.stderr) as progress:
        places = _places(live)
        _network(folder, places)
        asked: list[str] = []
        recorder = Recorder()
        serve_names(_NAMES[0], places.host, _ANSWER, asked)
        standin = StandIn(places.host, folder, datetime.now(UTC))
        corporate = Corporate(places.corporate[1], standin)
        progress(1, 5)
        site = _Site(_configure(live, folder, standin.root, places), places)
        site.set_up(folder)
        progress(2, 5)
        with site.running():
            kinds, not_used = site.use()
            site.until_sent()
            progress(3, 5)
            for case in site.cases():
                site.command("off", case, "--yes")
            quiet = len(recorder.packets)
            site.use_while_off()
        progress(4, 5)
        _until(lambda: all(one.ended for one in corporate.connections), "the end of the connections")
        packets = list(recorder.packets)
        off_packets = comparing.beyond_the_pages(packets[quiet:], places)
        found = comparing.compare(packets, corporate.connections, asked, site.recorded(), places, lost=recorder.lost())
        progress(5, 5)
    holds = found.holds and not off_packets and found.same_batches > 0
    what = "a fresh one in a temporary folder; the live one was not opened and not changed"
    return Report(holds, what, kinds, not_used, found, off_packets, NOT_PROVED)


def told(report: Report) -> Iterator[str]:
    """The report for a person."""
    found = report.found
    yield from (f"fault: {finding}" for finding in found.findings)
    if report.off_packets:
        yield f"fault: {report.off_packets} packets left with every case off"
    yield "what left is what the ledger has" if report.holds else "what left is NOT what the ledger has"
    requests = ", ".join(f"{count} {line}" for line, count in found.requests.items()) or "none"
    yield text.facts(
        (
            ("installation", report.installation),
            ("used", ", ".join(f"{kind} {count}" for kind, count in report.kinds.items()) or "nothing"),
            *((f"not used: {kind}", why) for kind, why in report.not_used.items()),
            ("packets", f"{found.packets} recorded, each of them accounted for" if found.holds else found.packets),
            ("to corporate", f"{found.connections} connections, {text.size(found.wire_bytes)} of TLS: {requests}"),
            ("the same, byte for byte", f"{found.same_batches} batches, in the order of the ledger"),
            ("with every case off", f"{report.off_packets} packets in {OFF_S} s of use"),
        )
    )
    yield "this does not prove:"
    yield from (f"  - {limit}" for limit in report.not_proved)


@dataclass(frozen=True, slots=True)
class _Site:
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
            _until(self._answers, "an answer of the pages")
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
            event.start(opened.settings.spool.folder, opened.catalogue, opened.index, strict=True)
            for _ in range(ROUNDS):
                for kind in (kind for case in _CASES for kind in opened.catalogue.live_kinds(case)):
                    try:
                        _say(kind, opened.catalogue.of_kind(kind.name))
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
            _until(lambda: _settled(opened) and not self._waiting(), "what was said, at corporate,")
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


def _say(kind: Kind, fields: Mapping[str, Any]) -> None:
    """One message of the kind, with the examples of its fields."""
    values = {key: _example(one) for key, one in fields.items() if key != "at"}
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
    return datetime.now(UTC) if one.type == "instant" else one.example


def _settled(opened: home.Home) -> bool:
    with opened.store.read() as session:
        outcomes = [row.outcome for row in session.query(Attempt)]
        return bool(outcomes) and set(outcomes) == {"accepted"} and not attempts.count_waiting(session)


def _environ() -> dict[str, str]:
    """Without the live installation's secrets, such as the address of its database."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}


def _until(is_true: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + LIMIT_S
    while not is_true():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come within {LIMIT_S} s")
        time.sleep(0.1)


def _places(live: Settings) -> Places:
    corporate = egress.registry(live)[0]
    host, port = corporate.host, corporate.port
    numeric = host.replace(".", "").isdigit() or ":" in host
    pages = live.web.port if live.web.port != port else live.web.port % 65535 + 1
    address = "127.0.0.1" if host == "localhost" else host if numeric else _ANSWER
    return Places(("127.0.0.1", pages), (address, port), _NAMES, host)


def _network(folder: Path, places: Places) -> None:
    """Every address of the world leads here; names are asked of our own server, whatever this machine's files say."""
    commands = [
        ["ip", "link", "set", "lo", "up"],
        ["ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo"],
    ]
    files = {
        "/etc/resolv.conf": f"nameserver {places.names[0]}\noptions timeout:2 attempts:2\n",
        "/etc/nsswitch.conf": "hosts: files dns\npasswd: files\ngroup: files\n",
        "/etc/hosts": "127.0.0.1 localhost\n",
    }
    for path, content in files.items():
        if os.path.exists(path):
            ours = folder / Path(path).name
            ours.write_text(content)
            commands.append(["mount", "--bind", str(ours), os.path.realpath(path)])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"`{' '.join(command[:3])}` failed: {done.stderr.strip()}")
    ipv6 = ["ip", "-6", "route", "add", "local", "::/0", "dev", "lo"]
    subprocess.run(ipv6, capture_output=True, check=False)  # a kernel without IPv6 sends none


def _configure(live: Settings, folder: Path, root: str, places: Places) -> Path:
    """The fresh installation's settings: of the live one its name, corporate's address, and the product's files."""
    path = folder / "diffgram-home.toml"
    pins = [_pin(one) for one in live.product.catalogue]
    index = f"index = {_pin(live.product.index)}\n" if live.product.index else ""
    path.write_text(
        f'name = {json.dumps(live.name)}\nfolder = "data"\n'
        f"[web]\nport = {places.pages[1]}\nworkers = 1\n"
        f'[corporate]\nurl = {json.dumps(live.corporate.url)}\nroot = "{root}"\n'
        f"[product]\ncatalogue = [{', '.join(pins)}]\n{index}"
        f"[sending]\nevery_s = 1\nbatch_messages = 5\n"
        '[cases]\nevent = "on"\n'
    )
    return path


def _pin(pinned: settings.Pinned | None) -> str:
    if pinned is None:
        raise ValueError("nothing is pinned")
    sha256 = hashlib.sha256(pinned.file.read_bytes()).hexdigest()
    return f'{{ file = {json.dumps(str(pinned.file))}, sha256 = "{sha256}" }}'


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
