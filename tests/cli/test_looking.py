"""cases, fields, egress, check: what may leave, before anything does."""

import json
import os
import sqlite3

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell


def test_cases_is_the_summary_table_of_the_seed_and_live(shell: Shell):
    shell.ok("off", "event", "--yes")
    rows = {row["case"]: row for row in shell.json("cases")}
    assert list(rows) == ["event", "browser", "support", "licensing"]
    assert {case: row["mode"] for case, row in rows.items()} == {
        "event": "off",
        "browser": "local",
        "support": "off",
        "licensing": "offline",
    }
    assert [row["installed"] for row in rows.values()] == [True, True, True, False]
    shown = shell.ok("cases")
    assert "not installed" in shown
    assert "a pseudonym of a person to whoever holds the database: home.member_id" in shown


def test_fields_can_be_searched_and_narrowed(shell: Shell):
    everything = shell.json("fields")
    assert {"home.member_id", "home.project_id", "home.input_id", "home.error_log"} <= {f["name"] for f in everything}
    assert {f["case"] for f in shell.json("fields", "--case", "event")} == {"event"}
    assert {f["name"] for f in shell.json("fields", "member")} == {"home.member_id"}
    assert shell.json("fields", "member", "no such word") == []
    assert {kind for f in shell.json("fields", "--kind", "home/error") for kind in f["kinds"]} == {"home/error"}
    assert {f["sensitivity"] for f in shell.json("fields", "--sensitivity", "interaction")} == {"interaction"}
    assert shell.json("fields", "--state", "approved") == []
    assert shell("fields", "--kind", "home/nothing").returncode == Exit.USAGE
    assert shell("fields", "--state", "unsure").returncode == Exit.USAGE


def test_fields_as_text_name_every_field_once_a_line_and_in_full_with_what_stops_without_it(shell: Shell):
    names = [f["name"] for f in shell.json("fields")]
    shown = shell.ok("fields")
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("home.")] == names
    full = shell.ok("fields", "member", "--long")
    for word in ("if_off:", "retention_days: 90", "hash:", "a pseudonym of a person"):
        assert word in full


def test_egress_names_every_host_with_why_and_whose(shell: Shell):
    text = shell.settings.read_text()
    shell.settings.write_text(text.replace("[corporate]", '[corporate]\nproxy = "http://proxy.hospital.example:3128"'))
    rows = shell.json("egress")
    assert {(r["host"], r["port"], r["protocol"], r["whose"]) for r in rows} >= {
        ("127.0.0.1", 9, "https", "corporate"),
        ("proxy.hospital.example", 3128, "connect", "customer"),
    }
    assert all(r["why"] for r in rows)
    assert "proxy.hospital.example" in shell.ok("egress")


def _codes(shell: Shell) -> dict[str, str]:
    done = shell("check", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (Exit.DONE if report["healthy"] else Exit.FINDING)
    assert all(f["to_do"] and f["what"] for f in report["findings"])
    return {f["code"]: f["level"] for f in report["findings"]}


def test_check_says_that_nothing_runs_yet_and_what_to_do(shell: Shell):
    assert _codes(shell)["never-run"] == "fault"
    done = shell("check")
    assert done.returncode == Exit.FINDING
    assert "to do: start it: `diffgram-home run`" in done.stdout


def test_check_finds_what_others_may_read_or_write(shell: Shell):
    assert "exposed" not in _codes(shell)
    shell.settings.chmod(0o666)
    (shell.folder / "data/spool").chmod(0o777)
    codes = _codes(shell)
    assert codes["exposed"] == codes["spool-mode"] == "fault"


def test_a_key_that_others_can_read_stops_every_command_and_says_how_to_mend_it(shell: Shell):
    (shell.folder / "data/keys/ledger.pem").chmod(0o644)
    done = shell("check")
    assert done.returncode == Exit.STORAGE
    assert "chmod 600" in done.stderr


def test_check_finds_a_mode_file_that_products_cannot_read(shell: Shell):
    assert "mode-file" not in _codes(shell)
    (shell.folder / "data/spool/modes").write_bytes(b"garbage")
    assert _codes(shell)["mode-file"] == "fault"


def test_check_tells_approval_that_waits_once_the_case_is_on(shell: Shell):
    assert "case-off" not in _codes(shell)
    shell.ok("on", "event", "--yes")
    codes = _codes(shell)
    assert codes["approval-waits"] == "notice"
    assert codes["not-enrolled"] == "fault"
    shell.ok("off", "event", "--yes")
    codes = _codes(shell)
    assert codes["case-off"] == codes["not-enrolled"] == "notice"


def test_a_database_that_is_no_database_is_told_with_what_to_do(shell: Shell):
    (shell.folder / "data/home.db").write_bytes(b"not a database at all" * 100)
    done = shell("fields")
    assert done.returncode == Exit.STORAGE
    assert "to do:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_user_who_may_not_use_the_data_folder_is_told_so(shell: Shell):
    held_by_permissions = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
    (shell.folder / "data").chmod(0)
    done = shell.fresh("fields", before=held_by_permissions if os.getuid() == 0 else ())
    (shell.folder / "data").chmod(0o755)
    assert done.returncode == Exit.STORAGE
    assert "to do:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_in_use_by_a_writer_does_not_hold_up_a_reader(shell: Shell):
    with sqlite3.connect(shell.folder / "data/home.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert shell.json("fields")
        other.execute("ROLLBACK")
