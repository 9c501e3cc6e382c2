"""field, decline, approve --expires and --from-policy, diff: what a person or a pipeline decides about definitions."""

import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from audit import catalogue
from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell

CORE = catalogue.core().text
BRIEF = "the database id of the member whose request failed"


def _field(shell: Shell, name: str) -> dict:
    return next(field for field in shell.json("fields") if field["name"] == name)


def test_a_field_is_switched_off_with_its_cost_and_on_again_in_the_file_and_the_history(shell: Shell):
    done = shell("field", "off", "home.member_id", typed="n\n")
    assert done.returncode == Exit.DECISION
    assert "what stops working" in done.stderr
    assert not _field(shell, "home.member_id")["off"]
    assert shell.ok("field", "off", "home.member_id", "--yes") == "home.member_id: off\n"
    assert '"home.member_id" = "off"' in shell.settings.read_text()
    assert _field(shell, "home.member_id")["off"]
    assert "already" in shell.ok("field", "off", "home.member_id", "--yes")
    back = shell("field", "on", "home.member_id", "--yes")
    assert "stays here: it is new" in back.stderr
    moves = [(c["subject"], c["after"]) for c in shell.lines("history") if c["what"] == "field"]
    assert moves == [("home.member_id", "on"), ("home.member_id", "off")]


def test_an_approval_with_a_last_day_ends_after_it(shell: Shell):
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    shell.ok("approve", "home.member_id", "--authority", "ticket 7", "--expires", str(day), "--yes")
    field = _field(shell, "home.member_id")
    assert field["expires_at"] == f"{day + timedelta(days=1)}T00:00:00Z"
    assert "until" in shell.ok("fields", "member")
    shell.ok("approve", "home.member_id", "--authority", "ticket 8", "--expires", "never", "--yes")
    assert _field(shell, "home.member_id")["expires_at"] is None
    for wrong, code in (("tomorrow", Exit.USAGE), ("2020-01-01", Exit.FINDING)):
        done = shell("approve", "home.at", "--authority", "x", "--expires", wrong, "--yes")
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)


def test_a_declined_field_is_left_out_of_all_and_approved_only_by_its_name(shell: Shell):
    shell.ok("decline", "home.member_id", "--authority", "works council 4", "--yes")
    shell.ok("approve", "home", "--authority", "ticket 7", "--yes")
    assert shell.ok("approve", "--all", "--authority", "ticket 7", "--yes") == "these fields are approved already\n"
    field = _field(shell, "home.member_id")
    assert (field["state"], field["authority"]) == ("declined", "works council 4")
    assert shell.json("fields", "--state", "undecided") == []
    shell.ok("approve", "home.member_id", "--authority", "ticket 9", "--yes")
    assert _field(shell, "home.member_id")["state"] == "approved"


@pytest.mark.parametrize(
    "words",
    [
        ("field", "off"),
        ("field", "local", "home.at"),
        ("field", "off", "home.nothing"),
        ("decline", "--authority", "me"),
        ("decline", "home.at"),
        ("approve", "--from-policy", "home.at", "--authority", "me"),
        ("diff",),
        ("diff", "--against", "nowhere.toml"),
    ],
)
def test_what_does_not_exist_is_a_usage_error_and_changes_nothing(shell: Shell, words):
    before = shell.settings.read_bytes()
    done = shell(*words, *(() if words[0] == "diff" else ("--yes",)))
    assert (done.returncode, "Traceback" in done.stderr) == (Exit.USAGE, False)
    assert shell.settings.read_bytes() == before


def test_diff_tells_a_pipeline_by_its_exit_code_whether_to_stop(shell: Shell):
    shell.ok("approve", "--all", "--authority", "ticket 7", "--yes")
    same, worded, longer = (shell.folder / name for name in ("same.toml", "worded.toml", "longer.toml"))
    same.write_text(CORE)
    worded.write_text(CORE.replace(BRIEF, BRIEF + " here"))
    longer.write_text(CORE.replace("retention_days = 90", "retention_days = 91"))
    assert "no field" in shell.ok("diff", "--against", str(same))
    edited = shell("diff", "--against", str(worded))
    assert (edited.returncode, "editorial: home.member_id (waiting)" in edited.stdout) == (Exit.DONE, True)
    done = shell("diff", "--against", str(longer))
    assert done.returncode == Exit.DECISION
    assert "MATERIAL   longer kept: home.member_id (waiting)" in done.stdout
    told = shell("diff", "--against", str(longer), "--json")
    found = json.loads(told.stdout)
    assert (told.returncode, found["material"]) == (Exit.DECISION, True)
    assert {change["aspects"][0] for change in found["changes"]} == {"longer kept"}
    assert len(found["changes"][0]["hash"]) == 64


def test_diff_reads_the_catalogue_out_of_a_wheel(shell: Shell):
    shell.ok("approve", "--all", "--authority", "ticket 7", "--yes")
    wheel = shell.folder / "diffgram_home-1.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("audit/outbound_fields.toml", CORE.replace("retention_days = 90", "retention_days = 30"))
        file.writestr("other/settings.toml", "[tool]\nname = 1\n")
    done = shell("diff", "--against", str(wheel))
    assert (done.returncode, "shorter kept: home.member_id" in done.stdout) == (Exit.DECISION, True)
    empty = shell.folder / "empty.whl"
    with zipfile.ZipFile(empty, "w") as file:
        file.writestr("a.py", "")
    broken = shell.folder / "broken.toml"
    broken.write_text(CORE.replace('type = "choice"', 'type = "words"', 1))
    for path in (empty, broken, shell.settings):
        done = shell("diff", "--against", str(path))
        assert (done.returncode, "Traceback" in done.stderr) == (Exit.FINDING, False), path


def test_a_pipeline_goes_on_when_the_new_definition_was_allowed_beforehand(shell: Shell):
    shell.ok("approve", "--all", "--authority", "ticket 7", "--yes")
    longer = shell.folder / "longer.toml"
    longer.write_text(CORE.replace("retention_days = 90", "retention_days = 91", 1))
    (change,) = json.loads(shell("diff", "--against", str(longer), "--json").stdout)["changes"]
    done = shell("approve", "--from-policy", "--authority", "standing order 3", "--yes")
    assert (done.returncode, "names no definition" in done.stderr) == (Exit.FINDING, True)
    text = shell.settings.read_text() + f'\n[policy]\nallow = ["{change["hash"]}"] # read by ann\n'
    shell.settings.write_text(text)
    assert shell("diff", "--against", str(longer)).returncode == Exit.DECISION, "the file alone allows nothing"
    told = shell.ok("approve", "--from-policy", "--authority", "standing order 3", "--yes")
    assert told == "recorded 1 definitions; approved 0 fields that are here\n"
    assert shell("diff", "--against", str(longer)).returncode == Exit.DONE
    changes = [(c["what"], c["detail"]) for c in shell.lines("history")][:2]
    assert changes[0] == ("consent", f"as security; standing order 3; {change['hash'][:12]}")
    assert changes[1][0] == "policy"
