"""Two hosts on one machine: network namespaces joined by one cable, each with an address of the documentation's range.

Needs root and iproute2. Everything is made here and gone afterwards; nothing outside the two namespaces is reached.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CABLE = ("192.0.2.1", "192.0.2.2")
NEEDS = "two network namespaces need root and iproute2: apt-get install iproute2, and run install/test as root"


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace: its name, its address on the cable, and the name of its end of the cable."""

    name: str
    address: str
    end: str

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs `command` on this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, code: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command on this host to its end and expect the exit code."""
        done = subprocess.run(
            self.inside(*command), capture_output=True, text=True, check=False, timeout=120, **options
        )  # type: ignore[call-overload]
        assert done.returncode == code, f"{command}: {done.stdout}{done.stderr}"
        return done


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts; the first looks names up at the second."""
    assert os.geteuid() == 0, NEEDS
    assert shutil.which("ip"), NEEDS
    near, far = (Host(f"dh{os.getpid()}-{end}", CABLE[i], f"dh{end}{os.getpid()}"[:15]) for i, end in enumerate("ab"))
    names = Path("/etc/netns") / near.name
    try:
        for host in (near, far):
            _ip("netns", "add", host.name)
            host.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            host.run("ip", "link", "set", "lo", "up")
        _ip("link", "add", near.end, "netns", near.name, "type", "veth", "peer", "name", far.end, "netns", far.name)
        for host in (near, far):
            host.run("ip", "address", "add", f"{host.address}/24", "dev", host.end)
            host.run("ip", "link", "set", host.end, "up")
        _introduce(near, far)
        names.mkdir(parents=True)
        (names / "resolv.conf").write_text(f"nameserver {far.address}\noptions timeout:1 attempts:1\n")
        yield near, far
    finally:
        shutil.rmtree(names, ignore_errors=True)
        for host in (near, far):
            subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False)


def _introduce(near: Host, far: Host) -> None:
    """Tell each host the other's hardware address for good, so that the kernel itself has nothing to ask for."""
    for host, other in ((near, far), (far, near)):
        shown = other.run("cat", f"/sys/class/net/{other.end}/address").stdout.strip()
        host.run(*["ip", "neighbour", "replace"], other.address, "lladdr", shown, "nud", "permanent", "dev", host.end)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
