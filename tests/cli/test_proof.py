"""verify and export: what was recorded can be proved, and a change shows."""

import json
import os
import shutil
import sqlite3
import stat

import zstandard

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell


def _sent_once(shell: Shell) -> None:
    shell.ok("new", "home/error", "member_id=4")
    shell.ok("send")


def _key(shown: str) -> str:
    return next(line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith("key:"))


def test_verify_recomputes_the_ledger_and_says_what_it_does_not_prove(ready: Shell):
    _sent_once(ready)
    shown = ready.ok("verify")
    assert "the ledger holds" in shown
    assert "1, of which 1 with a receipt that holds" in shown
    assert shown.index("this does not prove:") > 0
    found = ready.json("verify")
    assert found["holds"]
    assert found["report"]["receipts"] == 1
    assert len(found["report"]["not_proved"]) >= 4
    assert "not-verified" not in json.loads(ready("check", "--json").stdout)["findings"].__repr__()


def test_verify_finds_one_changed_byte_of_a_record_and_one_of_a_body(ready: Shell):
    _sent_once(ready)
    database = ready.folder / "data/home.db"
    with sqlite3.connect(database) as store:
        (data,) = store.execute("SELECT data FROM leaf WHERE type = 'decision'").fetchone()
        store.execute("UPDATE leaf SET data = ? WHERE type = 'decision'", (data.replace(b"ticket 7", b"ticket 8"),))
    done = ready("verify")
    assert done.returncode == Exit.FINDING
    assert "does NOT hold" in done.stdout
    assert "ledger-not-whole" in ready("check", "--json").stdout
    with sqlite3.connect(database) as store:
        store.execute("UPDATE leaf SET data = ? WHERE type = 'decision'", (data,))
    assert ready("verify").returncode == Exit.DONE
    with sqlite3.connect(database) as store:
        (body,) = store.execute("SELECT zstd FROM body").fetchone()
        other = zstandard.decompress(body).replace(b'"member_id":4', b'"member_id":5')
        store.execute("UPDATE body SET zstd = ?", (zstandard.compress(other),))
    assert ready("verify").returncode == Exit.FINDING


def test_an_export_verifies_without_the_installation_and_a_change_in_it_shows(ready: Shell, empty: Shell):
    _sent_once(ready)
    out = ready.folder / "ledger.ndjson"
    shown = ready.ok("export", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    key = _key(shown)
    assert empty.json("verify", "--file", str(out), "--key", key)["holds"]
    assert "compare it with one that you noted" in empty.ok("verify", "--file", str(out))
    lines = out.read_bytes().splitlines(keepends=True)
    short = ready.folder / "short.ndjson"
    short.write_bytes(b"".join(lines[:-2] + lines[-1:]))
    assert empty("verify", "--file", str(short)).returncode == Exit.FINDING
    changed = ready.folder / "changed.ndjson"
    changed.write_bytes(out.read_bytes().replace(b"ticket 7", b"ticket 8"))
    assert changed.read_bytes() != out.read_bytes()
    assert empty("verify", "--file", str(changed)).returncode == Exit.FINDING


def test_an_export_of_another_ledger_does_not_verify_under_this_key(ready: Shell, shell: Shell):
    key = _key(ready.ok("export", "a.ndjson"))
    shell.ok("export", "b.ndjson")
    done = ready("verify", "--file", str(shell.folder / "b.ndjson"), "--key", key)
    assert done.returncode == Exit.FINDING
    assert "Traceback" not in done.stderr


def test_a_checkpoint_that_was_kept_elsewhere_is_compared_here_and_with_an_export(ready: Shell, empty: Shell):
    _sent_once(ready)
    key = _key(ready.ok("export", "a.ndjson"))
    last = json.loads((ready.folder / "a.ndjson").read_text().splitlines()[-1])
    note = next(value for value in last.values() if isinstance(value, str) and value.startswith("diffgram-home/"))
    (ready.folder / "note").write_text(note)
    export, kept = str(ready.folder / "a.ndjson"), str(ready.folder / "note")
    assert ready.json("verify", "--checkpoint", "note")["report"]["kept"] == 1
    assert empty.json("verify", "--file", export, "--key", key, "--checkpoint", kept)["report"]["kept"] == 1
    assert empty("verify", "--file", export, "--checkpoint", kept).returncode == Exit.USAGE
    (ready.folder / "note").write_text(note.replace("\n", "\n1", 1))
    done = ready("verify", "--checkpoint", "note")
    assert done.returncode == Exit.FINDING
    assert "to do:" in done.stderr


def test_a_ledger_that_was_cut_short_shows_beside_a_checkpoint_kept_elsewhere(ready: Shell, tmp_path):
    shutil.copytree(ready.folder / "data", tmp_path / "backup")
    _sent_once(ready)
    ready.ok("export", "a.ndjson")
    last = json.loads((ready.folder / "a.ndjson").read_text().splitlines()[-1])
    note = next(value for value in last.values() if isinstance(value, str) and value.startswith("diffgram-home/"))
    (ready.folder / "note").write_text(note)
    shutil.rmtree(ready.folder / "data")
    shutil.copytree(tmp_path / "backup", ready.folder / "data")
    assert ready("verify").returncode == Exit.DONE, "alone it cannot be seen"
    done = ready("verify", "--checkpoint", "note")
    assert done.returncode == Exit.FINDING
    assert "the end was cut off" in done.stdout


def test_what_cannot_be_read_or_written_is_a_sentence(shell: Shell):
    for words in (
        ("verify", "--file", "missing.ndjson"),
        ("verify", "--checkpoint", "missing"),
        ("export", "no/such/x"),
    ):
        done = shell(*words)
        assert done.returncode in (Exit.FINDING, Exit.STORAGE), words
        assert done.stderr.startswith("diffgram-home: ")
        assert "Traceback" not in done.stderr
    (shell.folder / "noise").write_bytes(b"\x00\xff noise\n" * 100)
    done = shell("verify", "--file", "noise")
    assert done.returncode == Exit.FINDING
    assert "Traceback" not in done.stderr
    assert shell("verify", "--key", "x").returncode == Exit.USAGE


def test_an_export_does_not_take_the_place_of_a_device_or_a_pipe(shell: Shell):
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    done = shell("export", str(pipe))
    assert done.returncode == Exit.FINDING
    assert "no regular file" in done.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_number_that_no_database_has_is_told_like_any_other(ready: Shell):
    _sent_once(ready)
    assert ready("show", "9" * 18).returncode == Exit.NOT_FOUND
    assert ready("show", "9" * 30).returncode == Exit.USAGE
    assert ready.ok("sent", "--limit", "9" * 30) == ready.ok("sent")
    assert ready.ok("history", "--limit", "9" * 30) == ready.ok("history")


def test_a_proof_of_each_record_about_a_number_is_written_as_a_file(ready: Shell):
    _sent_once(ready)
    (number,) = {line["sequence"] for line in map(json.loads, ready.ok("sent", "--json").splitlines())}
    folder = ready.folder / "proofs"
    folder.mkdir()
    shown = ready.ok("proof", str(number), "--folder", str(folder))
    names = sorted(path.name for path in folder.iterdir())
    assert [name.split("-")[1].split(".")[1] for name in names] == ["attempt", "outcome", "sealed"]
    assert all(name in shown for name in names)
    assert all((folder / name).read_text().startswith("c2sp.org/tlog-proof@v1\nextra ") for name in names)
    done = ready("proof", "77", "--folder", str(folder))
    assert (done.returncode, "has no number 77" in done.stderr) == (Exit.NOT_FOUND, True)


def test_consistency_leads_from_a_kept_checkpoint_to_the_newest(ready: Shell):
    _sent_once(ready)
    ready.ok("proof", "1")
    with sqlite3.connect(ready.folder / "data/home.db") as store:
        (note,) = store.execute("SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    kept = ready.folder / "kept.txt"
    kept.write_text(note)
    _sent_once(ready)
    ready.ok("proof", "2")
    shown = ready.ok("consistency", str(kept))
    assert shown.startswith(f"old {note.splitlines()[1]}\n")
    assert "checkpoints kept elsewhere: 1" in " ".join(ready.ok("verify", "--checkpoint", str(kept)).split())
    with sqlite3.connect(ready.folder / "data/home.db") as store:
        store.execute("DELETE FROM leaf WHERE position > 2")
    cut = ready("verify", "--checkpoint", str(kept))
    assert (cut.returncode, "truncated" in cut.stdout) == (Exit.FINDING, True)
