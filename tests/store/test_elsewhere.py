"""Checkpoints in places outside the ledger: a file, syslog, a witness; and what each of them then shows."""

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from audit import checkpoint, cosignature, proof, record
from diffgram_home import egress, elsewhere, health, ledger, proofs, reading, verifying
from diffgram_home.errors import SettingsFaults
from diffgram_home.exchange import NotReached, Trust
from diffgram_home.models import Leaf
from diffgram_home.outbound import WitnessDoor
from tests.store.building import NOW, build, collect_and_seal
from tests.store.witness import NAME, Witness

LATER = NOW + timedelta(hours=2)
ROOT = Path(__file__).parents[2]
ARMED = """
import socket, sys
from pathlib import Path
from diffgram_home import outbound, tripwire
tripwire.arm("scheduler")
outbound.log_checkpoint(Path(sys.argv[1]), "note")
try:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.connect(sys.argv[1])
        other.send(b"anything")
except OSError:
    print("refused")
"""


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    """One witness for all tests; each has a ledger of its own."""
    one = Witness(tmp_path_factory.mktemp("witness"))
    yield one
    one.close()


@pytest.fixture
def witnessed(tmp_path, witness):
    """An installation whose settings name the witness, which knows it."""
    home = build(tmp_path, more=named(witness))
    witness.know(ledger.verifier_key(home))
    collect_and_seal(home, [1])
    yield home
    home.close()


def named(witness):
    return f"""[ledger.witness]
url = "{witness.url}"
key = "{witness.vkey}"
ca_file = "{witness.ca_file}"
"""


def hand_over(home, now=NOW):
    ledger.sign_checkpoint(home, now)
    return elsewhere.hand_over(home, elsewhere.open_witness(home.settings), now)


def notices(home):
    return {notice.code: notice for notice in reading.notices(home)}


def places(home):
    with home.store.read() as session:
        rows = session.query(Leaf).where(Leaf.type == "checkpoint").order_by(Leaf.position)
        return [record.parse(row.data).place for row in rows]


def spoil(home, statement):
    with home.store.write() as session:
        session.execute(text(statement))


def faults(home):
    return {finding.code for finding in verifying.verify(home, NOW).findings if finding.severity == "fault"}


def test_a_file_gets_every_checkpoint_and_shows_that_the_end_was_cut_off(tmp_path):
    home = build(tmp_path, more='[ledger]\ncheckpoint_file = "kept.txt"\n')
    collect_and_seal(home, [1])
    assert hand_over(home) == ("file",)
    collect_and_seal(home, [2])
    assert hand_over(home) == ("file",)
    assert hand_over(home) == ()
    kept = checkpoint.notes((tmp_path / "kept.txt").read_text())
    assert [checkpoint.verify(note, home.origin, home.keys.ledger.public_key()).size for note in kept] == [
        row.size for row in reversed(reading.checkpoints(home))
    ]
    result = verifying.verify(home, NOW)
    assert (result.holds, result.report.kept, places(home)) == (True, 2, ["file", "file"])
    spoil(home, "DELETE FROM leaf WHERE position >= 2")
    assert "kept-ahead" in faults(home)
    home.close()


def test_a_file_shows_that_history_was_written_anew(tmp_path):
    home = build(tmp_path, more='[ledger]\ncheckpoint_file = "kept.txt"\n')
    collect_and_seal(home, [1])
    hand_over(home)
    other = checkpoint.sign(home.origin, 2, bytes(32), home.keys.ledger)
    (tmp_path / "kept.txt").write_text(other + "\n")
    assert "kept-differs" in faults(home)
    home.close()


def test_a_file_that_cannot_be_written_is_told_and_tried_again(tmp_path):
    home = build(tmp_path, more='[ledger]\ncheckpoint_file = "nowhere/kept.txt"\n')
    assert hand_over(home) == ()
    assert set(notices(home)) == {"checkpoint-file"}
    (tmp_path / "nowhere").mkdir()
    assert hand_over(home) == ()  # not at every tick
    assert hand_over(home, LATER) == ("file",)
    assert notices(home) == {}
    home.close()


@pytest.mark.parametrize("read", [False, True])
def test_a_pipe_in_place_of_the_file_is_told_and_holds_up_nothing(tmp_path, read):
    os.mkfifo(tmp_path / "kept.txt")
    reader = os.open(tmp_path / "kept.txt", os.O_RDONLY | os.O_NONBLOCK) if read else None
    home = build(tmp_path, more='[ledger]\ncheckpoint_file = "kept.txt"\n')
    assert hand_over(home) == ()
    assert set(notices(home)) == {"checkpoint-file"}
    home.close()
    if reader is not None:
        os.close(reader)


def test_syslog_gets_one_line_from_which_the_checkpoint_is_read_back(tmp_path):
    home = build(tmp_path, more='[ledger]\ncheckpoint_syslog = "log"\n')
    assert hand_over(home) == ()
    assert set(notices(home)) == {"checkpoint-syslog"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        assert hand_over(home, LATER) == ("syslog",)
        line = log.recv(65_536).decode()
    assert line.startswith("<85>diffgram-home: {")
    assert "\n" not in line
    (note,) = checkpoint.notes(f"Nov 21 14:01:05 host {line}\n")
    assert note == json.loads(line.partition(": ")[2])["checkpoint"] == reading.checkpoints(home)[0].text
    assert (notices(home), places(home)) == ({}, ["syslog"])
    result = verifying.verify(home, NOW, kept=[note])
    assert (result.holds, result.report.kept) == (True, 1)
    home.close()


def test_a_witness_cosigns_each_checkpoint_after_it_saw_that_the_ledger_only_grew(witnessed, witness):
    assert hand_over(witnessed) == ("witness",)
    collect_and_seal(witnessed, [2])
    collect_and_seal(witnessed, [3])
    assert hand_over(witnessed) == ("witness",)
    newest, first = reading.checkpoints(witnessed)
    assert newest.cosigners == first.cosigners == (NAME,)
    assert cosignature.verify(newest.text, NAME, witness.key.public_key())
    assert witness.bodies[-1].startswith(f"old {first.size}\n")
    assert places(witnessed) == ["witness", "witness"]
    assert verifying.verify(witnessed, NOW).report.kept == 2
    assert hand_over(witnessed) == ()


def test_the_cosignature_goes_with_every_proof(witnessed, witness):
    hand_over(witnessed)
    (file,) = proofs.of_number(witnessed, "event", 1)
    _, _, note = file.text.partition("\n\n")
    assert cosignature.verify(note, NAME, witness.key.public_key())
    proof.check_inclusion(file.text, witnessed.origin, witnessed.keys.ledger.public_key())


def test_a_witness_that_has_seen_less_than_remembered_here_says_from_where_to_go_on(witnessed, witness):
    hand_over(witnessed)
    collect_and_seal(witnessed, [2])
    del witness.seen[witnessed.origin]
    assert hand_over(witnessed) == ("witness",)
    assert witness.bodies[-1].startswith("old 0\n\n")


def test_a_witness_that_has_seen_more_tells_a_ledger_that_was_cut_short(witnessed, witness):
    hand_over(witnessed)
    witness.seen[witnessed.origin] = 5000, bytes(32)
    collect_and_seal(witnessed, [2])
    assert hand_over(witnessed) == ()
    assert "truncated: the witness has seen 5000 records" in notices(witnessed)["checkpoint-witness"].text


def test_a_witness_that_has_seen_another_history_tells_a_fork(witnessed, witness):
    hand_over(witnessed)
    size, _ = witness.seen[witnessed.origin]
    witness.seen[witnessed.origin] = size, bytes(32)
    collect_and_seal(witnessed, [2])
    assert hand_over(witnessed) == ()
    assert "fork" in notices(witnessed)["checkpoint-witness"].text


def test_a_cosignature_that_does_not_hold_is_not_kept(witnessed, witness):
    witness.spoil = True
    try:
        assert hand_over(witnessed) == ()
    finally:
        witness.spoil = False
    assert "does not hold" in notices(witnessed)["checkpoint-witness"].text
    assert reading.checkpoints(witnessed)[0].cosigners == ()
    assert hand_over(witnessed, LATER) == ("witness",)


def test_a_witness_that_does_not_know_the_ledger_or_does_not_answer_holds_up_nothing(tmp_path, witness):
    home = build(tmp_path, more=named(witness))
    assert hand_over(home) == ()
    assert "does not know this ledger" in notices(home)["checkpoint-witness"].text
    home.close()
    (tmp_path / "other").mkdir()
    home = build(tmp_path / "other", more=named(witness).replace(witness.url, "https://127.0.0.1:9/prefix"))
    assert hand_over(home) == ()
    told = notices(home)["checkpoint-witness"]
    assert ("was not reached" in told.text, "[ledger.witness]" in told.hint) == (True, True)
    home.close()


def test_a_witness_stands_in_the_registry_as_the_customer_s_and_only_when_named(tmp_path, witness, witnessed):
    (listed,) = [d for d in egress.registry(witnessed.settings) if d.protocol == "witness"]
    assert (listed.host, listed.whose) == ("127.0.0.1", egress.CUSTOMER)
    (tmp_path / "without").mkdir()
    home = build(tmp_path / "without")
    assert [d for d in egress.registry(home.settings) if d.protocol == "witness"] == []
    assert elsewhere.open_witness(home.settings) is None
    before = len(witness.bodies)
    note = ledger.sign_checkpoint(home, NOW)
    assert elsewhere.hand_over(home, None, NOW) == ()
    door = WitnessDoor(witness.url, registry=egress.reachable(home.settings), timeout_s=5)
    signer = home.origin, home.keys.ledger.public_key()
    with pytest.raises(NotReached) as error:
        door.add_checkpoint(0, [], note, *signer, Trust((), witness.ca_file))
    assert (error.value.code, len(witness.bodies)) == ("not-in-registry", before)
    home.close()


def test_check_warns_while_no_place_is_named(tmp_path, witnessed):
    (tmp_path / "without").mkdir()
    home = build(tmp_path / "without")
    codes = [{f.code for f in health.findings(health.gather(one, NOW))} for one in (home, witnessed)]
    assert ["checkpoints-here-only" in found for found in codes] == [True, False]
    home.close()


def test_verify_says_what_rests_on_this_host_alone(tmp_path, witnessed):
    (tmp_path / "without").mkdir()
    home = build(tmp_path / "without")
    hand_over(witnessed)
    said = [" ".join(verifying.verify(one, NOW).report.not_proved) for one in (home, witnessed)]
    assert ["all rests on it alone" in text for text in said] == [True, False]
    home.close()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('url = "http://w.example"', "url"),
        ('url = "https://user:secret@w.example"', "url"),
        ('key = "w+00000000+AAAA"', "key"),
        ("other = 1", "other"),
    ],
)
def test_a_witness_that_cannot_be_meant_stops_the_start(tmp_path, witness, line, key):
    lines = [one for one in named(witness).splitlines() if not one.startswith(f"{key} =")]
    with pytest.raises(SettingsFaults) as error:
        build(tmp_path, more="\n".join([*lines, line]) + "\n")
    assert [fault.key for fault in error.value.faults] == [f"ledger.witness.{key}"]


def test_the_tripwire_lets_a_checkpoint_through_to_syslog_and_nothing_else_of_its_kind(tmp_path):
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        done = subprocess.run(
            [sys.executable, "-c", ARMED, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
        log.setblocking(False)
        assert log.recv(1000).startswith(b"<85>diffgram-home: ")
        with pytest.raises(BlockingIOError):
            log.recv(1000)
