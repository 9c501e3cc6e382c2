"""new, pending, send, sent, show: the bytes that a person sees are the bytes that go."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell

SENT_KEYS = {"sequence", "case", "at", "outcome", "sha256", "size_bytes", "destination"}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_pending_shows_is_what_is_sent_shown_and_received_hash_for_hash(ready: Shell, corporate):
    ready.ok("new", "home/error", "member_id=4", "project_id=5", "release=1.2.3")
    pending = ready.ok("pending")
    listed = ready.json("pending")["batches"]
    assert [(b["case"], b["sequence"], b["messages"]) for b in listed] == [("event", 1, 1)]
    assert listed[0]["body"] == pending
    assert listed[0]["sha256"] == _hash(pending)

    tried = ready.lines("send")
    assert [(t["sequence"], t["outcome"]) for t in tried] == [(1, "accepted")]

    (attempt,) = ready.lines("sent")
    assert attempt.keys() == SENT_KEYS
    assert attempt["outcome"] == "accepted"
    assert attempt["sha256"] == _hash(pending)
    assert attempt["size_bytes"] == len(pending)
    assert attempt["destination"] == f"127.0.0.1:{corporate.wire_port}"
    assert ready.ok("show", "1") == pending
    assert ready.ok("show", "1", "--case", "event") == pending
    assert json.loads(pending.splitlines()[1])["member_id"] == 4


def test_sending_nothing_is_done_and_says_so(ready: Shell):
    done = ready("send")
    assert (done.returncode, done.stdout) == (Exit.DONE, "nothing was sent\n")
    assert ready.lines("sent") == []


def test_pending_opens_no_socket_and_send_does(ready: Shell, tmp_path: Path):
    ready.ok("new", "home/error", "member_id=4")
    quiet, loud = tmp_path / "quiet", tmp_path / "loud"
    assert ready("pending", watch=quiet).stdout.count("\n") == 2
    assert quiet.read_text() == ""
    assert ready("send", watch=loud).returncode == Exit.DONE
    assert "socket.connect" in loud.read_text(), "the control: the hook must see a connection where there is one"


def test_no_looking_command_opens_a_socket(ready: Shell, tmp_path: Path):
    watch = tmp_path / "watch"
    for command in ("cases", "fields", "egress", "check", "history", "sent", "verify"):
        assert ready(command, watch=watch).returncode in (Exit.DONE, Exit.FINDING)
    assert watch.read_text() == ""


def test_pending_works_where_there_is_no_network_at_all_and_send_does_not(ready: Shell):
    ready.ok("new", "home/error", "member_id=4")
    alone = ("unshare", *(() if os.getuid() == 0 else ("--user", "--map-root-user")), "--net", "--")
    assert ready.fresh("pending", before=alone).stdout.count("\n") == 2
    done = ready.fresh("send", before=alone)
    assert done.returncode == Exit.NOT_REACHED
    assert [a["outcome"] for a in ready.lines("sent")] == ["rejected"]
    assert ready.lines("send")[-1]["outcome"] == "accepted"


def test_fields_that_nobody_approved_are_withheld_and_the_exit_code_says_so(shell: Shell):
    shell.ok("on", "event", "--yes")
    shell.ok("new", "home/error", "member_id=4")
    done = shell("pending")
    assert (done.returncode, done.stdout) == (Exit.DECISION, "")
    assert "approve" in done.stderr
    assert shell.ok("withdraw", "--all", "--yes") == "none of these fields is approved\n"


def test_a_withdrawn_field_is_withheld_and_the_others_go(ready: Shell):
    ready.ok("withdraw", "home.member_id", "--yes")
    ready.ok("new", "home/error", "member_id=4", "project_id=5")
    done = ready("pending")
    assert '"project_id":5' in done.stdout
    assert "member_id" not in done.stdout


def test_send_before_enrolment_says_what_to_do(shell: Shell):
    shell.ok("on", "event", "--yes")
    shell.ok("approve", "--case", "event", "--authority", "me", "--yes")
    shell.ok("new", "home/error", "member_id=4")
    done = shell("send")
    assert done.returncode == Exit.FINDING
    assert "diffgram-home enrol" in done.stderr


def test_send_where_nobody_answers_keeps_the_attempt_and_its_bytes(ready: Shell):
    ready.ok("new", "home/error", "member_id=4")
    pending = ready.ok("pending")
    text = ready.settings.read_text()
    away = "\n".join('url = "https://127.0.0.1:9"' if line.startswith("url = ") else line for line in text.splitlines())
    ready.settings.write_text(away + "\n")
    done = ready("send")
    assert done.returncode == Exit.NOT_REACHED
    (attempt,) = ready.lines("sent")
    assert attempt["outcome"] == "rejected"
    assert attempt["destination"] == "127.0.0.1:9"
    assert ready.ok("show", "1") == pending
    ready.settings.write_text(text)
    assert ready("send").returncode == Exit.DONE
    assert [a["outcome"] for a in ready.lines("sent")] == ["accepted", "rejected"]
    assert len(ready.lines("sent", "--limit", "1")) == 1
    assert len(ready.lines("sent", "--outcome", "rejected")) == 1


def test_what_corporate_refuses_is_told_apart_from_not_reaching_it(ready: Shell):
    kind = '[kind."shop/thing-done"]\ncase = "event"\nbrief = "a thing was done in the shop"\nsince = "1.0.0"\n'
    (ready.folder / "shop.toml").write_text('[catalogue]\nnamespace = "shop"\n' + kind)
    entry = (
        f'\n[[product.catalogue]]\nfile = "shop.toml"\nsha256 = "{_hash((ready.folder / "shop.toml").read_text())}"\n'
    )
    ready.settings.write_text(ready.settings.read_text() + entry)
    ready.ok("new", "home/error", "member_id=4")
    done = ready("send")
    assert done.returncode == Exit.FINDING, "corporate was never told this catalogue"
    assert "unknown-catalogue" in ready.ok("sent")


def test_show_prints_the_bytes_and_nothing_else(ready: Shell):
    ready.ok("new", "home/error", "member_id=4")
    ready.ok("send")
    done = ready("show", "1")
    assert done.stderr == ""
    assert done.stdout.endswith("}\n")
    piped = subprocess.run(["sha256sum"], input=done.stdout, capture_output=True, text=True, check=True)
    assert piped.stdout.split()[0] == ready.lines("sent")[0]["sha256"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "7"), Exit.NOT_FOUND),
        (("show", "0"), Exit.USAGE),
        (("show", "one"), Exit.USAGE),
        (("show", "1", "--case", "nothing"), Exit.USAGE),
        (("sent", "--outcome", "lost"), Exit.USAGE),
        (("new", "home/nothing"), Exit.USAGE),
        (("new", "home/header", "sequence=1"), Exit.USAGE),
        (("new", "home/error", "nothing=1"), Exit.USAGE),
        (("new", "home/error", "member_id=Rose"), Exit.USAGE),
        (("new", "home/error", "member_id=-4"), Exit.USAGE),
        (("new", "home/error", "member_id=99999999999999999999"), Exit.USAGE),
        (("new", "home/error", "release=today"), Exit.USAGE),
        (("new", "home/error", "error_log={}"), Exit.USAGE),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_is_recorded(shell: Shell, words, code):
    done = shell(*words)
    assert done.returncode == code
    assert done.stderr != ""
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list((shell.folder / "data/spool").glob("*.spool")) == []


def test_a_value_that_is_refused_is_never_repeated(shell: Shell):
    done = shell("new", "home/error", "member_id=Rose Miller")
    assert "Rose" not in done.stderr + done.stdout


def test_a_kind_that_is_off_is_not_recorded(shell: Shell):
    shell.ok("off", "event", "home/error", "--yes")
    done = shell("new", "home/error", "member_id=4")
    assert done.returncode == Exit.FINDING
    assert "is off" in done.stderr
    assert list((shell.folder / "data/spool").glob("*.spool")) == []


def test_what_was_collected_under_local_never_leaves(ready: Shell):
    ready.ok("local", "event", "--yes")
    ready.ok("new", "home/error", "member_id=111")
    ready.ok("on", "event", "--yes")
    ready.ok("new", "home/error", "member_id=222")
    shown = ready.ok("pending")
    assert "222" in shown
    assert "111" not in shown
