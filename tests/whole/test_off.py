"""Off means off: with every case off no packet leaves, not even a question to a name server (design 6).

Installation and corporate are two hosts. Every packet on every interface of the installation's host is recorded. The
positive control comes first: with the case on, the recorder must see the name looked up and the batch leave.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corporate import running as corporate
from tests.install.places import ROOT, until
from tests.whole.hosts import Host, two_hosts

NAME = "corporate.test"
PORTS = {"wire": 8091, "home": 8080}
ANNOTATOR = ROOT / "examples/annotator/annotator"
HERE = Path(__file__).parent
SECONDS_OF_USE = 60
DNS = 53


@dataclass(frozen=True)
class Home:
    """The installation on its own host, and the file in which its packets are recorded."""

    host: Host
    config: Path
    packets: Path

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run diffgram-home on the installation's host."""
        program = [sys.executable, "-m", "diffgram_home.cli", "--config", str(self.config), *arguments]
        return self.host.run(*program, code=code, cwd=ROOT).stdout

    def answers(self) -> bool:
        """Say whether the pages are being served."""
        probe = f"import socket; socket.create_connection(('127.0.0.1', {PORTS['home']}), 5)"
        command = self.host.inside(sys.executable, "-c", probe)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def use(self, seconds: float) -> dict[str, int]:
        """Let product and pages be used."""
        files = (self.config.parent / "data/spool", ANNOTATOR / "outbound_fields.toml", ANNOTATOR / "index.json")
        program = (sys.executable, "-m", "tests.whole.use", *map(str, files))
        pages = f"http://127.0.0.1:{PORTS['home']}"
        return json.loads(self.host.run(*program, pages, str(seconds), cwd=ROOT).stdout)

    def recorded(self) -> list[dict]:
        """Return every packet so far."""
        return [json.loads(line) for line in self.packets.read_text().splitlines()]

    def accepted(self) -> int:
        """Return how many attempts corporate accepted."""
        lines = self.command("sent", "--json").splitlines()
        return sum(json.loads(line)["outcome"] == "accepted" for line in lines)


@contextmanager
def started(command: list[str], word: str) -> Iterator[None]:
    """Run a program until the block ends, having waited for the word that it says first."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert word in said, said
        yield
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def set_up_corporate(far: Host, folder: Path) -> tuple[Path, str, str]:
    """Make a corporate for the far host; return its settings, its root, and an enrolment token."""
    folder.mkdir()
    config, root = corporate.found(folder, "")
    head, _, rest = config.read_text().partition("[wire]")
    wire = f'[wire]\naddress = "{far.address}"\nport = {PORTS["wire"]}\nnames = ["{NAME}"]\n'
    config.write_text(head + wire + rest[rest.index("\n[") :])
    files = ("--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json"))
    corporate.command(config, "release", "add", *files)
    token = json.loads(corporate.command(config, "enrolment-token", "--customer", "St Mary", "--json").stdout)["token"]
    return config, root, token


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation that runs on one host, enrolled with a corporate that runs on another."""
    with ExitStack() as stack:
        near, far = stack.enter_context(two_hosts())
        config, root, token = set_up_corporate(far, tmp_path / "corporate")
        stack.enter_context(
            started(far.inside(sys.executable, str(HERE / "resolver.py"), *(far.address, far.address)), "answering")
        )
        program = [*corporate.PROGRAM, "--config", str(config), "run", "--json"]
        stack.enter_context(started(far.inside(*program), "wire"))
        made = Home(near, tmp_path / "home" / "diffgram-home.toml", tmp_path / "packets")
        recorder = near.inside(sys.executable, str(HERE / "recorder.py"), str(made.packets))
        stack.enter_context(started(recorder, "recording"))
        set_up_home(made, root, token, tmp_path)
        running = [sys.executable, "-m", "diffgram_home.cli", "--config", str(made.config), "run"]
        process = stack.enter_context(subprocess.Popen(near.inside(*running), cwd=ROOT, stderr=subprocess.DEVNULL))
        stack.callback(process.terminate)
        until(made.answers, 60, "the answer of the pages")
        yield made


def set_up_home(home: Home, root: str, token: str, folder: Path) -> None:
    """Make and enrol the installation on its host, and approve its catalogue."""
    home.config.parent.mkdir()
    url = f"https://{NAME}:{PORTS['wire']}"
    product = (
        "--product-catalogue",
        str(ANNOTATOR / "outbound_fields.toml"),
        "--product-index",
        str(ANNOTATOR / "index.json"),
    )
    home.command("init", "--name", "st-mary", "--folder", "data", "--corporate-url", url, "--root", root, *product)
    (folder / "token").write_text(token)
    home.command("enrol", "--token-file", str(folder / "token"))
    home.command("approve", "--all", "--authority", "the board of the hospital", "--yes")


def test_with_every_case_off_no_packet_leaves_for_a_minute_of_use(home: Home) -> None:
    home.command("on", "event", "--yes")
    assert home.use(1)["events"] > 0
    until(lambda: home.accepted() > 0, 60, "an accepted batch, the positive control")
    leaving = [packet for packet in home.recorded() if packet["on"] != "lo"]
    assert any(DNS in packet.get("ports", ()) for packet in leaving), "the control: the name was looked up"
    assert any(PORTS["wire"] in packet.get("ports", ()) for packet in leaving), "the control: the batch left"

    home.command("off", "event", "--yes")
    home.command("off", "browser", "--yes")
    before = len(home.recorded())
    done = home.use(SECONDS_OF_USE)
    for command in ("pending", "sent", "egress", "cases", "send"):
        home.command(command)
    assert min(done.values()) > 20, "the control: it was really used"
    during = home.recorded()[before:]
    assert [packet for packet in during if packet["on"] != "lo"] == []
    assert [packet for packet in during if PORTS["home"] not in packet.get("ports", ())] == []
    assert len(during) > done["pages"], "the control: the recorder was still recording"
