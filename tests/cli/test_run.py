"""`run`: the pages and the scheduler start together, share what is loaded, and end together."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trustme

from diffgram_home.cli.exits import Exit
from diffgram_home.serving import THREADS
from tests.cli.conftest import PROGRAM, Shell, environ

READY_S = 45
END_S = 40


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def placed(shell: Shell) -> tuple[Shell, int]:
    """An installation whose pages have a free port."""
    port = _free_port()
    shell.settings.write_text(shell.settings.read_text().replace("port = 8080", f"port = {port}"))
    return shell, port


@contextmanager
def _running(shell: Shell) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, int]]]:
    """`run` once its pages answer, and the process ids of its two children by name."""
    log = shell.folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([*PROGRAM, "run"], cwd=shell.folder, env=environ({}), stdout=file, stderr=file)
    children: dict[str, int] = {}
    try:
        _until(lambda: b"pages on " in log.read_bytes() and b"scheduler started" in log.read_bytes(), log, process)
        words = [line.split() for line in log.read_text().splitlines() if " started (process " in line]
        children |= {line[1]: int(line[-1].rstrip(")")) for line in words}
        yield process, children
    finally:
        process.kill()
        process.wait()
        for pid in filter(_alive, children.values()):  # a test that failed leaves nobody behind
            os.kill(pid, signal.SIGKILL)


def _until(holds: Callable[[], bool], log: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + READY_S
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        assert process is None or process.poll() is None, log.read_text()
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_serves_pages_and_beats_and_a_signal_ends_all_in_order(placed):
    shell, port = placed
    with _running(shell) as (process, children):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in") as answer:
            assert answer.status == 200
        with ExitStack() as kept:
            browsers = [kept.enter_context(closing(HTTPConnection("127.0.0.1", port, READY_S))) for _ in range(30)]
            for browser in 3 * browsers:  # more than there are threads: none stays with one while another waits
                browser.request("GET", "/sign-in")
                answered = browser.getresponse()
                assert (answered.status, b"password" in answered.read()) == (200, True)
        _until(lambda: "never-run" not in shell("check", "--json").stdout, shell.folder / "log", process)
        second = shell.fresh("run")
        assert second.returncode == Exit.FINDING
        assert f"port {port} is in use by" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == Exit.DONE
        assert not any(map(_alive, children.values()))
    codes = {f["code"]: f["level"] for f in json.loads(shell("check", "--json").stdout)["findings"]}
    assert "never-run" not in codes
    assert "Traceback" not in (shell.folder / "log").read_text()


def test_what_is_no_request_is_not_quoted_in_the_log(placed):
    shell, port = placed
    with _running(shell):
        for sent in (b"GET / HTTP/1.1\r\nRose Budd: x\r\n\r\n", b"Rose Budd 1961-02-03\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=READY_S) as connection:
                connection.sendall(sent)
                while connection.recv(4096):
                    pass
    log = (shell.folder / "log").read_text()
    assert log.count("a request was refused") == 2
    assert "Rose" not in log


@pytest.mark.parametrize("name", ["pages", "scheduler"])
def test_when_one_child_is_killed_the_other_ends_and_the_exit_code_says_so(placed, name: str):
    shell, _ = placed
    with _running(shell) as (process, children):
        os.kill(children[name], signal.SIGKILL)
        assert process.wait(END_S) == Exit.FINDING
        assert not any(map(_alive, children.values()))
    assert f"{name} ended by itself (signal SIGKILL)" in (shell.folder / "log").read_text()


def test_when_run_itself_is_killed_its_children_end(placed):
    shell, _ = placed
    with _running(shell) as (process, children):
        process.kill()
        process.wait()
        _until(lambda: not any(map(_alive, children.values())), shell.folder / "log")


def test_ctrl_c_ends_all_without_a_traceback(placed):
    shell, _ = placed
    with _running(shell) as (process, children):
        for pid in (process.pid, *children.values()):  # a terminal signals the whole group
            os.kill(pid, signal.SIGINT)
        assert process.wait(END_S) == Exit.DONE
        assert not any(map(_alive, children.values()))
    assert "Traceback" not in (shell.folder / "log").read_text()


def test_it_serves_https_with_the_certificate_of_the_settings_and_half_handshakes_do_not_stop_it(placed):
    shell, port = placed
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(shell.folder / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(shell.folder / "certificate.pem", append=True)
    more = '[web]\ncertificate = "certificate.pem"\nkey = "key.pem"\nworkers = 1'
    shell.settings.write_text(shell.settings.read_text().replace("[web]", more))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    url = f"https://127.0.0.1:{port}/sign-in"
    with _running(shell), ExitStack() as half:
        with urllib.request.urlopen(url, context=context) as answer:
            assert answer.status == 200
        lingering = [
            half.enter_context(socket.create_connection(("127.0.0.1", port), READY_S)) for _ in range(2 * THREADS)
        ]
        for one in lingering[:THREADS]:
            one.sendall(b"\x16\x03\x01")  # the first bytes of a ClientHello, and no more
        for number in range(THREADS, 2 * THREADS):
            lingering[number] = half.enter_context(context.wrap_socket(lingering[number], server_hostname="127.0.0.1"))
            lingering[number].sendall(b"GET /sign-in HTTP/1.1\r\nHost: 127")  # and half a head
        with urllib.request.urlopen(url, context=context, timeout=READY_S) as answer:
            assert answer.status == 200
        for one in lingering:
            one.settimeout(READY_S)
            with suppress(OSError):
                assert b"200 OK" not in one.recv(4096), "cut, and not answered"
    assert "Traceback" not in (shell.folder / "log").read_text()


def test_bad_settings_start_nothing(shell: Shell):
    shell.settings.write_text(shell.settings.read_text() + "\n[spol]\n")
    done = shell.fresh("run")
    assert done.returncode == Exit.SETTINGS
    assert "did you mean 'spool'?" in done.stderr
    assert "started" not in done.stderr
