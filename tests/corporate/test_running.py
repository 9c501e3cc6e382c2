"""The processes: start, stop, and the commands."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from audit import index
from corporate.database import EVERYBODY
from corporate.issues import finding, following
from corporate.models import Batch
from tests.corporate.pretend import CORE, Pretend, message, rules
from tests.corporate.running import PROGRAM, ROOT, Server, command, descendants, found, running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A server that was set up and does not run; on SQLite."""
    return found(tmp_path, "")[0]


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until `what` is so."""
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs (a dead one that nobody waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_busy_port_starts_nothing_and_says_so(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        config.write_text(config.read_text().replace("port = 0", f"port = {port}", 1))
        done = command(config, "run", code=1)
    assert f"port {port}" in done.stderr
    assert "ss -ltnp" in done.stderr
    assert done.stdout == ""


@contextmanager
def whole_server(config: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A server that is ready, and its six processes; all of them must be gone soon after the block."""
    process = subprocess.Popen(
        [*PROGRAM, "--config", str(config), "run", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        wait_for(lambda: len(descendants(process.pid)) == 6)
        everyone = descendants(process.pid)
        yield process, everyone
    wait_for(lambda: not any(alive(pid) for pid in everyone))


def test_ctrl_c_stops_every_process(config: Path) -> None:
    with whole_server(config) as (process, _):
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def test_a_listener_that_dies_stops_the_other(config: Path) -> None:
    with whole_server(config) as (process, everyone):
        os.kill(everyone[0], signal.SIGKILL)
        assert process.wait(30) == 1


def test_a_killed_supervisor_leaves_no_listener_behind(config: Path) -> None:
    with whole_server(config) as (process, _):
        process.kill()
        process.wait()


def test_init_prints_the_root_and_keeps_keys_private(tmp_path: Path) -> None:
    done = command(tmp_path / "c.toml", "init", "--folder", str(tmp_path / "data"), "--json")
    said = json.loads(done.stdout)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", said["root"])
    assert len(said["password"]) >= 16
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data" / "keys").iterdir()}
    assert {name for name, mode in modes.items() if mode != 0o600} == {"certificates.crt"}
    assert (tmp_path / "data" / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "c.toml").stat().st_mode & 0o777 == 0o600
    again = command(tmp_path / "c.toml", "init", "--folder", str(tmp_path / "data"), code=1)
    assert "exists already" in again.stderr


def test_a_settings_fault_has_its_own_exit_code(config: Path) -> None:
    config.write_text(config.read_text() + "[colour]\n")
    assert "'colour' is not a setting" in command(config, "run", code=4).stderr


def test_check_finds_a_key_that_others_can_read(config: Path, tmp_path: Path) -> None:
    assert command(config, "check").stdout == "healthy\n"
    (tmp_path / "data" / "keys" / "receipts.pem").chmod(0o644)
    findings = json.loads(command(config, "check", "--json", code=1).stdout)
    assert [finding["code"] for finding in findings] == ["open-key"]


def test_a_new_manifest_has_a_higher_version(config: Path) -> None:
    assert command(config, "manifest").stdout.startswith("manifest 2,")


def test_a_token_is_printed_once_and_works(server: Server, stranger: Pretend) -> None:
    made = server.command("enrolment-token", "--customer", "By command")
    assert stranger.enrol(made["token"]).json["customer"] == "By command"


def test_a_release_that_is_not_known_is_refused_until_it_is_added(server: Server, one: Pretend, tmp_path: Path) -> None:
    places = index.new(f"shop {one.id}", {"shop.cart": {"add": ((1, 9),)}}, frozenset({"ValueError"}))
    one.rules = rules(CORE, places)
    reply = one.send(one.seal(1))
    assert (reply.status, reply.json["code"], reply.json["retry"]) == (404, "unknown-index", True)
    file = tmp_path / "index.json"
    file.write_bytes(index.encode(places))
    added = server.command("release", "add", "--index", str(file))
    signed = {"key": added["key"], "number": added["number"]}
    assert added == {"catalogue": CORE.hash, "index": places.hash, "release": f"shop {one.id}", **signed}
    assert one.send(one.seal(1)).status == 200
    assert places.hash in {row["hash"] for row in server.command("release", "list")}


def test_a_broken_release_says_what_is_wrong(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text('[catalogue]\nnamespace = "shop"\n[field."shop.note"]\ntype = "string"\n')
    assert "catalogue.toml:" in command(config, "release", "add", "--catalogue", str(file), code=1).stderr


def test_accounts_are_added_and_passwords_changed(config: Path) -> None:
    assert "password:" in command(config, "account", "add", "a.okafor").stdout
    assert "exists" in command(config, "account", "add", "a.okafor", code=1).stderr
    assert "password:" in command(config, "account", "password", "a.okafor").stdout
    assert "no account" in command(config, "account", "password", "nobody", code=1).stderr


def test_every_command_has_help(config: Path) -> None:
    listed = re.findall(r"^  ([a-z-]+) {2,}", command(config, "--help").stdout, re.MULTILINE)
    assert set(listed) >= {"run", "init", "enrolment-token", "installations", "revoke", "release", "account", "check"}
    assert "Exit codes" in command(config, "--help").stdout


def test_the_server_certificate_is_made_anew_for_other_names(config: Path, tmp_path: Path) -> None:
    root = ""
    with running(config, root) as first:
        before = (first.settings.keys / "wire.pem").read_bytes()
    config.write_text(config.read_text().replace('"localhost"]', '"localhost", "corporate.example"]', 1))
    with running(config, root) as second:
        assert (second.settings.keys / "wire.pem").read_bytes() != before
        stranger = Pretend(second, tmp_path)
        assert stranger.get("/v1/manifest").status == 200
        stranger.use("")


def test_an_error_that_arrived_over_the_wire_is_soon_an_issue(one: Pretend) -> None:
    error_log = {"chain": [{"type": "<type>", "shapes": ["email", "uuid"]}], "frames": [["<place>", 1]]}
    assert one.send(one.seal(1, [message(error_log=error_log)] * 3 + [message()])).status == 200

    def mine() -> list[int]:
        with one.server.store() as store:
            return [issue.count for issue in finding.find(store, finding.Filter(installation=one.id)).rows]

    wait_for(lambda: bool(mine()))
    assert mine()[0] >= 3


def test_check_finds_batches_whose_errors_nobody_counts(config: Path) -> None:
    with running(config, "") as server:
        one = Pretend(server, config.parent)
        assert one.enrol().status == 201
        assert one.send(one.seal(1)).status == 200
        with server.store() as store:
            wait_for(lambda: following.waiting_since(store) is None)
        one.use("")
    with Server(config, "", "", "", 0).store() as store, store.writing(EVERYBODY) as session:
        row = session.execute(select(Batch)).scalar_one()
        row.read_at, row.received_at = None, row.received_at - timedelta(hours=1)
    findings = json.loads(command(config, "check", "--json", code=1).stdout)
    assert [finding["code"] for finding in findings] == ["issues-behind"]
