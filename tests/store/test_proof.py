"""The ledger as a whole: verified here, exported, verified from the file; and each kind of damage is found."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from diffgram_home import consenting, ledger, people, pruning, reading, switching, verifying
from diffgram_home.errors import LedgerError
from tests.store.building import ACTOR, NOW, collect_and_seal
from tests.store.test_path import batches, begin, finish

LATER = NOW + timedelta(days=500)


@pytest.fixture
def lived(home):
    """An installation in which something of each kind has happened."""
    people.add(home, "a.okafor", "correct horse battery", ["security"], ACTOR, NOW)
    collect_and_seal(home, range(1500))
    finish(home, begin(home, 1), "unknown", code="timeout")
    finish(home, begin(home, 2), "rejected", code="busy", status=503)
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    switching.set_fields(home, ["shop.at"], "off", ACTOR, NOW)
    switching.set_mode(home, "event", None, "local", ACTOR, NOW)
    return home


def spoil(home, statement, **values):
    with home.store.write() as session:
        session.execute(text(statement), values)


def found(home):
    return {finding.code for finding in verifying.verify(home, NOW).findings if finding.severity == "fault"}


def test_a_lived_ledger_holds_and_says_what_that_does_not_prove(lived):
    steps = []
    result = verifying.verify(lived, NOW, lambda done, total: steps.append((done, total)))
    assert result.holds
    assert {finding.code for finding in result.findings} == {"clock-back"}  # the tests' own times
    assert result.report.bodies > 2
    assert result.report.not_proved
    assert steps[-1] == (result.report.size, result.report.size)
    assert reading.overview(lived, NOW).proof.verified_ok is True


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM leaf WHERE position = (SELECT max(position) FROM leaf)", "head-differs"),
        ("DELETE FROM leaf WHERE position = 3", "leaf-missing"),
        (
            "UPDATE leaf SET data = CAST(replace(CAST(data AS TEXT), 'timeout', 'timeour') AS BLOB)"
            " WHERE type = 'outcome'",
            "head-differs",
        ),
        ("UPDATE body SET zstd = x'00'", "body-changed"),
        ("UPDATE body SET zstd = NULL", "body-missing"),
    ],
)
def test_it_finds_what_was_changed_behind_its_back(lived, statement, code):
    spoil(lived, statement)
    assert code in found(lived)


def test_an_export_is_verified_by_the_file_and_the_noted_key_alone(lived, tmp_path):
    path = tmp_path / "ledger.export"
    size = verifying.export_to(lived, path, NOW)
    result = verifying.verify_file(path, vkey=ledger.verifier_key(lived))
    assert (result.holds, result.report.size) == (True, size)
    assert path.stat().st_mode & 0o777 == 0o600
    assert verifying.verify(lived, NOW).holds


def test_a_changed_export_is_found(lived, tmp_path):
    path = tmp_path / "ledger.export"
    verifying.export_to(lived, path, NOW)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'\\"code\\":\\"timeout\\"', b'\\"code\\":\\"timeour\\"'))
    assert path.read_bytes() != data
    assert not verifying.verify_file(path).holds


def test_an_export_into_a_folder_that_is_not_there_says_what_to_do(lived, tmp_path):
    with pytest.raises(LedgerError) as error:
        verifying.export_to(lived, tmp_path / "nowhere" / "x", NOW)
    assert error.value.code == "export-unwritable"
    assert "room" in error.value.hint


def test_pruned_bodies_break_no_proof(lived):
    assert pruning.prune(lived, LATER).blocks == 0  # what waits, as a void does, keeps its messages
    for batch in batches(lived):
        finish(lived, begin(lived, batch.id), "accepted", receipt="a.b.c", status=200)
    done = pruning.prune(lived, LATER)
    assert done.bodies > 0
    assert done.blocks > 0
    result = verifying.verify(lived, NOW)
    assert {f.code for f in result.findings if f.severity == "fault"} <= set()
    assert result.report.pruned > 0
    assert reading.attempt(lived, 1).body is None


def test_the_history_tells_every_change_from_the_ledger_itself(lived):
    told = [(c.what, c.actor, c.after) for c in reading.history(lived)]
    assert told[0] == ("mode", ACTOR, "local")
    assert ("consent", ACTOR, "withdrawn") in told
    assert ("person", ACTOR, "added") in told
    first = reading.history(lived, limit=2)
    assert reading.history(lived, before=first[-1].position, limit=1)[0].position < first[-1].position


def test_every_leaf_is_canonical_json(lived):
    with lived.store.read() as session:
        rows = session.execute(text("SELECT data FROM leaf")).scalars()
        assert all(json.dumps(json.loads(row), sort_keys=True, separators=(",", ":")).encode() == row for row in rows)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM attempt WHERE id = 1", "the table of attempts lacks it"),
        ("DELETE FROM attempt WHERE id = 2", "the table of attempts lacks it"),
        ("UPDATE attempt SET sequence = 9 WHERE id = 2", "its row in the table of attempts says otherwise"),
        ("UPDATE attempt SET outcome = 'rejected' WHERE id = 1", "says otherwise how that attempt ended"),
        (
            "UPDATE attempt SET outcome = NULL WHERE id = 1",
            "says otherwise how that attempt ended",
        ),
        (
            "INSERT INTO attempt (batch_id, 'case', sequence, at, destination, sha256, size_bytes, messages, leaf)"
            " SELECT batch_id, 'event', 1, at, destination, sha256, size_bytes, messages, 0 FROM attempt LIMIT 1",
            "the table has an attempt for leaf 0, which is none",
        ),
        ("UPDATE approval SET withdrawn_at = NULL WHERE field = 'shop.paid'", "approved, of which the ledger says: w"),
        ("UPDATE approval SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE id = 1", "says: never decided"),
        ("UPDATE approval SET expires_at = '2030-01-01 00:00:00.000000' WHERE id = 1", "another end for the approval"),
        ("UPDATE value SET data = '{}' WHERE name = 'fields'", "has the field 'shop.at' switched off, the table does"),
        ("INSERT INTO value (name, data) VALUES ('allowed', '{\"00\": {}}')", "the definition 00 allowed beforehand"),
        ("UPDATE value SET data = replace(data, 'local', 'on') WHERE name = 'cases'", "'event' at 'on', the ledger at"),
        ("UPDATE leaf SET type = 'consent' WHERE type = 'attempt'", "its row calls it 'consent', which it is not"),
    ],
)
def test_a_table_that_says_other_than_the_ledger_is_found(lived, statement, said):
    assert found(lived) == set()
    spoil(lived, statement)
    told = [f.message for f in verifying.verify(lived, NOW).findings if f.code == "rows-differ"]
    assert any(said in message for message in told), told


def test_modes_that_were_all_off_for_a_while_agree_with_the_ledger(lived):
    path = lived.settings.path
    good = path.read_text()
    path.write_text("nothing = [")
    switching.apply(lived, NOW)
    assert found(lived) == set()
    path.write_text(good + '[kinds]\n"shop/order-packed" = "off"\n')
    switching.apply(lived, NOW)
    assert found(lived) == set()
