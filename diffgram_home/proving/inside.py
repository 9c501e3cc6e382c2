"""`python -m diffgram_home.proving.inside SETTINGS FOLDER [--json]`, in a namespace of its own: the run, the report.

It makes the installation by the real commands, runs the real processes, and reads the ledger afterwards. Rules: every
wait has a limit, and what did not happen in time is a finding; every process that it starts ends with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from diffgram_home import egress, settings
from diffgram_home.cli import text
from diffgram_home.cli.base import say, tell
from diffgram_home.cli.exits import Exit
from diffgram_home.errors import HomeError
from diffgram_home.proving import comparing
from diffgram_home.proving.comparing import NOT_PROVED, Found, Places
from diffgram_home.proving.site import OFF_S, Site, until
from diffgram_home.proving.standin import StandIn
from diffgram_home.proving.wire import Corporate, Recorder, serve_names
from diffgram_home.settings import Settings

_ANSWER, _NAMES = "192.0.2.1", ("192.0.2.53", 53)


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
        site = Site(_configure(live, folder, standin.root, places), places)
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
        until(lambda: all(one.ended for one in corporate.connections), "the end of the connections")
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
