"""on, local, off, offline, approve, withdraw, history: the consequence comes first, and every change is recorded."""

import os

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell

ACTOR = f"os:{os.getuid()}"


def _modes(shell: Shell) -> dict[str, str]:
    return {case["case"]: case["mode"] for case in shell.json("cases")}


def test_off_says_what_it_costs_and_changes_nothing_until_it_is_answered(shell: Shell):
    done = shell("off", "event", typed="n\n")
    assert done.returncode == Exit.DECISION
    assert "voids the default SLA" in done.stderr
    assert _modes(shell)["event"] == "local"
    nobody = shell("off", "event")
    assert nobody.returncode == Exit.DECISION
    assert "--yes" in nobody.stderr
    assert _modes(shell)["event"] == "local"


def test_an_answer_of_yes_changes_the_mode_and_keeps_the_comments_of_the_file(shell: Shell):
    shell.settings.write_text(shell.settings.read_text().replace("[cases]", "[cases] # agreed on Monday"))
    shell.ok("off", "event", typed="y\n")
    assert _modes(shell)["event"] == "off"
    assert "# agreed on Monday" in shell.settings.read_text()


def test_on_says_how_many_fields_will_leave_and_where_to(shell: Shell):
    done = shell("on", "event", "--yes")
    assert done.returncode == Exit.DONE
    assert f"0 of {len(shell.json('fields', '--case', 'event'))} fields are approved" in done.stderr
    assert "https://127.0.0.1:9" in done.stderr


def test_a_kind_is_narrowed_alone(shell: Shell):
    shell.ok("on", "event", "--yes")
    done = shell("off", "event", "home/error", "--yes")
    assert done.stdout == "home/error: off\n"
    assert "cannot see which line failed" in done.stderr
    (case,) = [c for c in shell.json("cases") if c["case"] == "event"]
    assert case["mode"] == "on"
    assert case["kinds"]["home/error"] == "off"


@pytest.mark.parametrize(
    "words",
    [
        ("on", "nothing"),
        ("on",),
        ("on", "event", "home/nothing"),
        ("on", "browser", "home/error"),
        ("local", "support"),
        ("off", "licensing"),
        ("offline", "event"),
        ("approve", "home.nothing", "--authority", "me"),
        ("approve", "--all"),
        ("approve", "--authority", "me"),
        ("approve", "home.at", "--all", "--authority", "me"),
        ("withdraw",),
    ],
)
def test_what_does_not_exist_is_a_usage_error_and_changes_nothing(shell: Shell, words):
    before = shell.settings.read_bytes()
    done = shell(*words, "--yes")
    assert done.returncode == Exit.USAGE
    assert "Traceback" not in done.stderr
    assert shell.settings.read_bytes() == before


def test_a_change_by_hand_and_one_by_command_are_recorded_with_who_when_from_and_to(shell: Shell):
    shell.settings.write_text(shell.settings.read_text().replace('event = "local"', 'event = "off"'))
    shell.ok("on", "event", "--yes")
    changes = [c for c in shell.lines("history") if c["what"] == "mode" and c["subject"] == "event"]
    assert [(c["before"], c["after"]) for c in changes] == [("off", "on"), ("local", "off"), ("off", "local")]
    assert {c["actor"] for c in changes} == {ACTOR}
    assert "event" in shell.ok("history", "--limit", "1")


def test_approving_shows_each_field_first_and_asks(shell: Shell):
    done = shell("approve", "home.member_id", "--authority", "ticket 7", typed="n\n")
    assert done.returncode == Exit.DECISION
    assert "a pseudonym of a person" in done.stderr
    assert {f["state"] for f in shell.json("fields", "--case", "event")} == {"new"}
    agreed = shell("approve", "home.member_id", "--authority", "ticket 7", typed="y\n")
    assert agreed.stdout == "approved 1 fields\n"
    assert "nothing can leave yet" in agreed.stderr
    (field,) = shell.json("fields", "--state", "approved")
    assert (field["name"], field["approved_by"], field["authority"]) == ("home.member_id", ACTOR, "ticket 7")


def test_a_namespace_stands_for_all_of_its_fields(shell: Shell):
    shell.ok("approve", "home.header", "home.envelope", "--authority", "ticket 7", "--yes")
    approved = {f["name"] for f in shell.json("fields", "--state", "approved")}
    assert {name.split(".")[1] for name in approved} == {"header", "envelope"}
    assert shell.ok("approve", "home.header", "--authority", "x", "--yes") == "these fields are approved already\n"


def test_a_kind_of_message_stands_for_all_of_its_fields(shell: Shell):
    shell.ok("approve", "home/header", "--authority", "ticket 7", "--yes")
    approved = {field["name"] for field in shell.json("fields", "--state", "approved")}
    assert approved == {field["name"] for field in shell.json("fields") if field["kinds"] == ["home/header"]}
    assert "home.header.sequence" in approved


def test_withdrawing_says_what_stops_working(shell: Shell):
    shell.ok("approve", "--all", "--authority", "ticket 7", "--yes")
    assert {f["state"] for f in shell.json("fields")} == {"approved", "requested"}
    done = shell("withdraw", "home.error_log", "--yes")
    assert "cannot see which line failed" in done.stderr
    (field,) = shell.json("fields", "--state", "withdrawn")
    assert field["name"] == "home.error_log"
    assert [c["what"] for c in shell.lines("history")][:2] == ["consent", "consent"]
