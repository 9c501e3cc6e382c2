"""The kernel's address list: the unit's score, and the nft rules as they really hold in a network namespace.

That systemd enforces `IPAddressDeny=` is not tested here: no systemd runs where the tests do. The nft rules are loaded,
and refuse; they need root and nftables.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.door.places import Place, found
from tests.install.places import ROOT
from tests.whole.hosts import Host, two_hosts

MOST_EXPOSED = 2.0
DECLARED, OTHER = 8091, 9999
NO_ROOT = "sha256:" + "0" * 64
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LISTENER = """
import socket, sys, threading
def serve(port):
    with socket.create_server((sys.argv[1], port)) as server:
        ready.release()
        while True:
            server.accept()[0].close()
ready = threading.Semaphore(0)
for port in sys.argv[2:]:
    threading.Thread(target=serve, args=(int(port),)).start()
    ready.acquire()
print("listening", flush=True)
"""


def fence(place: Place, *arguments: str, code: int = 0) -> str:
    """What `diffgram-home fence` prints."""
    program = [sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config), "fence", *arguments]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An installation whose corporate is a name."""
    made = found(tmp_path / "home", f"https://corporate.test:{DECLARED}", NO_ROOT)
    yield made
    made.home.close()


@pytest.mark.parametrize("part", ["all", "pages", "scheduler"])
def test_the_unit_is_hardened_and_lists_the_addresses_of_its_part(place: Place, part: str, tmp_path: Path) -> None:
    assert shutil.which("systemd-analyze"), "apt-get install systemd"
    text = fence(place, "systemd", "--part", part, "--address", "corporate.test=192.0.2.2")
    unit = tmp_path / "diffgram-home.service"
    unit.write_text(text)
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    score = re.search(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert score is not None, said
    assert float(score[1]) <= MOST_EXPOSED, said
    assert "IPAddressDeny=any" in text
    assert ("IPAddressAllow=192.0.2.2" in text) == (part != "pages"), "the pages have no way to corporate at all"
    assert ("IPAddressAllow=127.0.0.0/8" in text) == (part != "scheduler")
    assert (" --only " in text) == (part != "all")


def test_the_score_would_tell(place: Place, tmp_path: Path) -> None:
    """The control: without the address list and the filter of system calls the same unit is more exposed."""
    text = fence(place, "systemd", "--address", "corporate.test=192.0.2.2")
    unit = tmp_path / "diffgram-home.service"
    kept = [line for line in text.splitlines() if not line.startswith(("IPAddr", "SystemCall", "Cap"))]
    unit.write_text("\n".join(kept))
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", str(unit)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_a_name_needs_an_address_and_the_command_says_so(place: Place) -> None:
    assert "--address NAME=ADDRESS" in fence(place, "nft", code=1)


@dataclass(frozen=True)
class Network:
    """Two hosts: the fenced one, and one that listens on a declared port and on another."""

    near: Host
    far: Host

    def connects(self, address: str, port: int, *before: str, protocol: str = "tcp") -> bool:
        """Whether bash, which no tripwire sees, gets a connection or a packet out."""
        script = f"exec 3<>/dev/{protocol}/{address}/{port} && echo x >&3"
        command = self.near.inside("timeout", "10", *before, "bash", "-c", script)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def counted(self, name: str) -> int:
        """How many packets a counter of the rules has seen."""
        listed = json.loads(self.near.run("nft", "-j", "list", "counters").stdout)["nftables"]
        return next(one["counter"]["packets"] for one in listed if one.get("counter", {}).get("name") == name)


@pytest.fixture
def network() -> Iterator[Network]:
    """The two hosts, listening."""
    assert shutil.which("nft"), "apt-get install nftables"
    with two_hosts() as (near, far), ExitStack() as stack:
        stack.enter_context(listening(far, far.address))
        stack.enter_context(listening(near, "127.0.0.1"))
        yield Network(near, far)


@contextmanager
def listening(host: Host, address: str) -> Iterator[None]:
    """A listener on both ports of one address of a host."""
    command = host.inside(sys.executable, "-c", LISTENER, address, str(DECLARED), str(OTHER))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield
        process.kill()


def test_the_kernel_refuses_what_is_not_declared_whoever_asks(place: Place, network: Network, tmp_path: Path) -> None:
    far = network.far.address
    ways = [(far, DECLARED), (far, OTHER), ("127.0.0.1", OTHER)]
    assert [network.connects(*way) for way in ways] == [True, True, True], "the control: without rules all lead out"
    rules = tmp_path / "fence.nft"
    rules.write_text(fence(place, "nft", "--user", "root", "--address", f"corporate.test={far}"))
    for _ in range(2):  # loading it again replaces it
        network.near.run("nft", "-f", str(rules))

    assert network.connects(far, DECLARED)
    assert network.counted("declared") > 0
    assert network.counted("refused") == 0
    planted = [network.connects(*way) for way in ways[1:]]
    planted += [network.connects(far, OTHER, protocol="udp"), network.connects(far, 53, protocol="udp")]
    assert planted == [False] * 4
    assert network.counted("refused") >= 4
    assert network.connects(far, OTHER, *NOBODY), "the control: it is this user's fence, not the network that fails"
    assert network.near.run("nft", "delete", "table", "inet", "diffgram_home").returncode == 0
    assert network.connects(far, OTHER), "the control: gone with the rules"
