"""Who listens on a port."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from diffgram_home import holders

LISTEN = """
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
input()
"""


def test_it_names_the_process_that_listens_on_a_port():
    with subprocess.Popen([sys.executable, "-c", LISTEN], stdin=-1, stdout=-1, text=True) as listener:
        port = int(listener.stdout.readline())
        name = Path(f"/proc/{listener.pid}/comm").read_text().strip()
        for address in ("127.0.0.1", "::", "localhost"):
            assert holders.of_address(address, port) == f'"{name}" (process {listener.pid})'
        listener.stdin.close()


def test_it_names_nobody_for_another_address_or_a_port_that_is_only_connected_to():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert holders.of_address("127.0.0.1", client.getsockname()[1]) is None
            assert f"(process {os.getpid()})" in (holders.of_address("127.0.0.1", port) or "")
            assert holders.of_address("127.0.0.2", port) is None
    assert holders.of_address("127.0.0.1", port) is None


def test_it_sees_a_holder_of_every_ipv6_address():
    with socket.create_server(("::", 0), family=socket.AF_INET6) as server:
        assert f"(process {os.getpid()})" in (holders.of_address("::1", server.getsockname()[1]) or "")


def test_it_says_that_somebody_listens_where_it_cannot_see_who(tmp_path):
    (tmp_path / "net").mkdir()
    line = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1"
    (tmp_path / "net/tcp").write_text(f"head\n{line}\n")
    assert "another process" in (holders.of_address("127.0.0.1", 8080, tmp_path) or "")
