"""Proofs that are handed out: the files hold by the format's own rules, and damage is found before they go."""

import base64
import hashlib

import pytest
from sqlalchemy import text

from audit import checkpoint, proof, record
from audit.errors import ProofRefused, SignatureRefused
from diffgram_home import ledger, proofs
from diffgram_home.errors import LedgerError
from tests.store.building import NOW, build, collect_and_seal
from tests.store.test_path import begin, finish


@pytest.fixture
def sent(tmp_path):
    """Three batches, the second tried twice."""
    home = build(tmp_path)
    for number in range(1, 4):
        collect_and_seal(home, [number])
        if number == 2:
            finish(home, begin(home, number), "unknown", code="timeout")
        finish(home, begin(home, number), "accepted", receipt="a.b.c", status=200)
    ledger.sign_checkpoint(home, NOW)
    yield home
    home.close()


def key(home):
    return home.origin, home.keys.ledger.public_key()


def test_every_record_about_a_number_has_a_proof_that_holds(sent):
    files = proofs.of_number(sent, "event", 2)
    assert [file.what for file in files] == ["sealed", "attempt", "outcome", "attempt", "outcome"]
    for file in files:
        leaf, index, signed = proof.check_inclusion(file.text, *key(sent))
        assert (index, signed.size) == (file.position, file.size)
        assert record.parse(leaf).sequence == 2
        assert file.name == f"event-2.{file.what}-{file.position}.tlog-proof"


def test_the_proof_of_an_attempt_is_of_its_outcome_and_names_it(sent):
    file = proofs.of_attempt(sent, 2)
    entry = record.parse(proof.check_inclusion(file.text, *key(sent))[0])
    assert (entry.type, entry.outcome) == ("outcome", "unknown")
    assert proofs.of_attempt(sent, 99) is None
    assert proofs.of_number(sent, "event", 99) == ()


def test_the_file_has_the_lines_of_the_format(sent):
    lines = proofs.of_number(sent, "event", 3)[0].text.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2].startswith("index ")
    gap = lines.index("")
    assert all(len(base64.b64decode(line)) == 32 for line in lines[3:gap])
    assert lines[gap + 1] == sent.origin
    assert lines[-2].startswith("— ")
    assert lines[-1] == ""


@pytest.mark.parametrize("line", [0, 1, 2, 3, -4, -2])
def test_a_changed_proof_does_not_hold(sent, line):
    lines = proofs.of_number(sent, "event", 1)[0].text.split("\n")
    lines[line] = lines[line][:-6] + ("A" if lines[line][-6] != "A" else "B") + lines[line][-5:]
    with pytest.raises((ProofRefused, SignatureRefused)):
        proof.check_inclusion("\n".join(lines), *key(sent))


def test_a_record_that_no_checkpoint_covers_yet_has_no_proof_yet(sent):
    collect_and_seal(sent, [4])
    with pytest.raises(LedgerError) as error:
        proofs.of_number(sent, "event", 4)
    assert error.value.code == "no-checkpoint"


def test_damage_is_found_before_a_proof_goes(sent):
    with sent.store.write() as session:
        session.execute(text("UPDATE node SET hash = :other"), {"other": hashlib.sha256(b"x").digest()})
    with pytest.raises(LedgerError) as error:
        proofs.of_number(sent, "event", 1)
    assert error.value.code == "proof-differs"


def test_two_checkpoints_of_one_ledger_are_consistent(sent):
    with sent.store.read() as session:
        old = ledger.last_checkpoint(session).text
    collect_and_seal(sent, [4])
    collect_and_seal(sent, [5])
    new = ledger.sign_checkpoint(sent, NOW)
    text_ = proofs.consistency(sent, old)
    older = checkpoint.verify(old, *key(sent))
    assert proof.check_consistency(text_, older, *key(sent)) == checkpoint.verify(new, *key(sent))
    assert text_ == proofs.consistency(sent, old, new) == proofs.consistency_of_sizes(sent, older.size, older.size + 2)
    assert proofs.consistency(sent, new, new) == f"old {older.size + 2}\n\n{new}"
    with pytest.raises(ProofRefused):
        proof.check_consistency(text_, older._replace(root=bytes(32)), *key(sent))
    with pytest.raises(LedgerError) as error:
        proofs.consistency(sent, new, old)
    assert error.value.code == "wrong-order"


def test_a_checkpoint_from_beyond_the_end_is_told_as_truncated(sent):
    ahead = checkpoint.sign(sent.origin, 500, bytes(32), sent.keys.ledger)
    before = checkpoint.sign(sent.origin, 2, bytes(32), sent.keys.ledger)
    with pytest.raises(LedgerError, match="truncated") as error:
        proofs.consistency(sent, before, ahead)
    assert error.value.code == "truncated"


def test_a_checkpoint_of_another_history_is_told_as_a_fork(sent):
    other = checkpoint.sign(sent.origin, 3, bytes(32), sent.keys.ledger)
    with pytest.raises(LedgerError, match="fork") as error:
        proofs.consistency(sent, other)
    assert error.value.code == "fork"
    assert "keep both" in error.value.hint


def test_a_checkpoint_of_another_key_is_refused(sent, tmp_path):
    (tmp_path / "other").mkdir()
    other = build(tmp_path / "other")
    collect_and_seal(other, [1])
    with pytest.raises(LedgerError) as error:
        proofs.consistency(sent, ledger.sign_checkpoint(other, NOW))
    assert error.value.code == "checkpoint-refused"
    other.close()
