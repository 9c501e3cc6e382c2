"""queue: what waits for approval before sending, approved, refused and asked for from a terminal."""

import hashlib
import json
import subprocess

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell

PASSWORD = "correct horse battery staple"


def _waiting(shell: Shell) -> list[dict]:
    return json.loads(shell("queue", "list", "--json").stdout)["waiting"]


def _new(shell: Shell) -> str:
    shell.ok("new", "home/error")
    (entry,) = [entry for entry in _waiting(shell) if not entry["enough"]]
    return entry["sha256"]


def _ready(shell: Shell) -> None:
    shell.ok("on", "event", "--yes")
    shell.ok("approve", "--case", "event", "--authority", "ticket 7", "--yes")


def test_a_batch_waits_until_somebody_approves_the_hash_of_its_bytes(shell: Shell):
    _ready(shell)
    assert shell.ok("queue", "set", "event", "one", "--yes") == "event: one\n"
    assert 'event = "one"' in shell.settings.read_text()
    sha256 = _new(shell)
    listed = shell("queue", "list")
    assert (listed.returncode, sha256 in listed.stdout) == (Exit.DECISION, True)
    shown = shell.ok("queue", "show", sha256)
    assert hashlib.sha256(shown.encode()).hexdigest() == sha256
    asked = shell("queue", "approve", sha256, typed="n\n")
    assert (asked.returncode, sha256 in asked.stderr) == (Exit.DECISION, True)
    assert "may go" in shell.ok("queue", "approve", sha256, "--yes")
    assert shell("queue", "list").returncode == Exit.DONE
    change = next(change for change in shell.lines("history") if change["what"] == "batch")
    assert (change["after"], sha256 in change["detail"]) == ("approved", True)
    assert shell("queue", "approve", "0" * 64, "--yes").returncode == Exit.FINDING


def test_two_people_at_a_terminal_are_two_accounts_with_their_passwords(shell: Shell):
    _ready(shell)
    for name in ("ann", "bob"):
        (shell.folder / name).write_text(PASSWORD + "\n")
        shell.ok("account", "add", name, "--role", "admin", "--role", "security", "--password-file", name)
    shell.ok("account", "add", "eve", "--role", "viewer", "--password-file", "ann")
    shell.ok("queue", "set", "event", "two", "--yes")
    sha256 = _new(shell)
    assert "give --account" in shell.ok("queue", "approve", sha256, "--yes")
    as_ann, as_bob = (("--account", name, "--password-file", name, "--yes") for name in ("ann", "bob"))
    assert "another account" in shell.ok("queue", "approve", "--all", *as_ann)
    (shell.folder / "wrong").write_text("wrong\n")
    for name, file in (("bob", "wrong"), ("eve", "ann"), ("nobody", "ann")):
        done = shell("queue", "approve", sha256, "--account", name, "--password-file", file, "--yes")
        assert (done.returncode, "Traceback" in done.stderr) == (Exit.FINDING, False)
    assert not _waiting(shell)[0]["enough"]
    assert "may go" in shell.ok("queue", "approve", sha256, *as_bob)
    lower = shell("queue", "set", "event", "none", *as_ann)
    assert lower.returncode == Exit.DECISION
    assert shell("queue", "set", "event", "none", "--yes").returncode == Exit.FINDING
    done = shell.ok("queue", "set", "event", "none", *as_bob)
    assert done == "event: none\n"


def test_refusing_prints_the_void_that_goes_instead_and_nothing_else(shell: Shell):
    _ready(shell)
    shell.ok("queue", "set", "event", "one", "--yes")
    sha256 = _new(shell)
    assert shell("queue", "refuse", sha256, "--reason", "because", "--yes").returncode == Exit.USAGE
    done = shell("queue", "refuse", sha256, "--reason", "personal", "--note", "too much", "--yes")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["void"] == "withdrawn"
    assert (json.loads(line)["messages"], "too much" in line) == (0, False)
    (pending,) = json.loads(shell.ok("pending", "--json"))["batches"]
    assert pending["body"] == done.stdout
    check: subprocess.CompletedProcess[str] = shell("queue", "show", sha256)
    assert "refused by os:" in check.stderr


def test_check_says_that_something_waits_for_approval(shell: Shell):
    _ready(shell)
    shell.ok("queue", "set", "event", "one", "--yes")
    _new(shell)
    assert "1 batch waits for approval before sending" in shell("check").stdout
