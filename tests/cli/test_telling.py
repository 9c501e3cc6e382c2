"""privacy, promises: what others are told."""

from audit import promises
from tests.cli.conftest import Shell


def test_the_privacy_notice_says_that_nothing_leaves_until_something_may(shell: Shell):
    assert "Nothing. No case is on." in shell.ok("privacy")
    shell.ok("approve", "--all", "--yes", "--authority", "data protection officer")
    assert "Nothing. No case is on." in shell.ok("privacy"), "approved, but every case is still local or off"
    shell.ok("on", "event", "--yes")
    shown = shell.ok("privacy")
    assert "Nothing. No case is on." not in shown
    assert "(`member_id`): to find and mend faults" in shown
    assert "Numbers that stand for one person to whoever holds this server’s database: member_id." in shown


def test_the_privacy_notice_names_no_field_that_is_withheld(shell: Shell):
    shell.ok("approve", "--all", "--yes", "--authority", "data protection officer")
    shell.ok("on", "event", "--yes")
    shell.ok("withdraw", "home.member_id", "--yes")
    shown = shell.ok("privacy")
    assert "`project_id`" in shown
    assert "member_id" not in shown


def test_the_privacy_notice_has_the_summary_table_as_it_stands(shell: Shell):
    shell.ok("off", "event", "--yes")
    rows = [line.strip("| ").split(" | ") for line in shell.ok("privacy").splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["Event.py error collection", "JS error collection", "Support", "Licensing"]
    assert [row[-1] for row in rows[2:]] == ["off", "local", "off", "not installed"]


def test_every_promise_is_printed_with_its_tests(shell: Shell):
    shown = shell.ok("promises")
    kept = promises.read()
    assert [p.sentence for p in kept if p.sentence not in shown] == []
    assert [test for p in kept for test in p.tests if f"· {test}" not in shown] == []
    assert [row["sentence"] for row in shell.json("promises")] == [p.sentence for p in kept]
