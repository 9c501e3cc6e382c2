"""A busy port names its holder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import _ports
import pytest
from _say import Stop

from tests.install.places import DEBIAN_PYTHON, NEEDS_ROOT, ROOT, free_ports


def test_a_free_port_is_taken_without_a_word() -> None:
    _ports.require_free("127.0.0.1", {free_ports(1)[0]: "the pages"})


def test_a_busy_port_names_process_user_and_command_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(Stop) as refused:
        _ports.require_free("127.0.0.1", {server.getsockname()[1]: "the pages"})
    assert f"process {os.getpid()} of user " in refused.value.message
    assert "for the pages" in refused.value.message
    assert "nothing was started" in refused.value.message


def test_every_busy_port_is_named_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = {one.getsockname()[1]: "first", two.getsockname()[1]: "second"}
        with pytest.raises(Stop, match=r"for first.*for second"):
            _ports.require_free("127.0.0.1", ports)


def test_a_port_held_over_ipv6_for_all_addresses_is_busy_too() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert f"process {os.getpid()} " in _ports.holder(server.getsockname()[1])


def test_a_plain_user_is_told_whose_process_holds_the_port_and_how_to_see_more() -> None:
    assert os.geteuid() == 0, NEEDS_ROOT
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # -c runs from a string: the tree may lie where that user cannot read
        source = (ROOT / "install/_ports.py").read_text().replace("from _say import Stop", "Stop = Exception")
        program = f"import sys; exec(sys.stdin.read()); print(holder({port}))"
        asked = subprocess.run(
            ["runuser", "-u", "nobody", "--", DEBIAN_PYTHON, "-c", program],
            input=source, capture_output=True, text=True, cwd="/", check=True,
        )  # fmt: skip
    assert "a process of user root" in asked.stdout
    assert f"sudo ss -ltnp 'sport = :{port}'" in asked.stdout


def test_root_sees_another_users_process() -> None:
    assert os.geteuid() == 0, NEEDS_ROOT
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["runuser", "-u", "nobody", "--", DEBIAN_PYTHON, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
    ) as other:  # fmt: skip
        assert other.stdout is not None
        said = _ports.holder(int(other.stdout.readline()))
        assert other.stdin is not None
        other.stdin.close()
    assert "of user nobody" in said
    assert sys.executable not in said
