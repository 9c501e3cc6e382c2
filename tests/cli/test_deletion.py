"""Deleting a field with its switch, and leaving corporate, by command."""

from __future__ import annotations

import json

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import NOWHERE, Shell
from tests.corporate.running import Server


def test_leaving_is_shown_confirmed_and_done_and_says_what_stays(ready: Shell) -> None:
    seen = ready("leave", "--dry-run")
    assert json.loads(seen.stdout)["scope"] == "leaving"
    assert "event" in seen.stderr
    assert ready("leave").returncode == Exit.DECISION
    done = ready.ok("leave", "--yes")
    assert "has left corporate" in done
    assert "backups may hold it until" in done
    assert str(ready.folder / "data") in done
    assert 'event = "off"' in ready.settings.read_text()
    assert "has left corporate" in ready.ok("leave"), "once more asks nothing"
    again = ready("enrol", "--token-file", "-", typed="another-token\n")
    assert (again.returncode, "identity renew" in again.stderr) == (Exit.FINDING, True)
    assert ready("verify").returncode == Exit.DONE


def test_without_a_connection_leaving_says_what_is_done_and_goes_on_later(ready: Shell, corporate: Server) -> None:
    text = ready.settings.read_text()
    ready.settings.write_text(text.replace(corporate.wire, NOWHERE))
    half = ready("leave", "--yes")
    assert half.returncode == Exit.NOT_REACHED
    for said in ("done: every case is off", "not done: corporate has not confirmed", "take-deletion FILE"):
        assert said in half.stderr
    ready.settings.write_text(ready.settings.read_text().replace(NOWHERE, corporate.wire))
    assert "has left corporate" in ready.ok("leave", "--yes")


def test_who_was_never_known_leaves_at_once(shell: Shell) -> None:
    assert "has left corporate" in shell.ok("leave", "--yes")
    assert [one["after"] for one in shell.lines("history") if one["what"] == "identity"] == ["left"]


def test_a_field_is_switched_off_with_its_deletion(ready: Shell) -> None:
    assert ready("delete", "--everything", "--off").returncode == Exit.USAGE
    name = "home.member_id"
    assert ready("delete", "--field", "home.header.sequence", "--yes").returncode == Exit.FINDING
    shown = ready("delete", "--field", name, "--dry-run")
    assert "--off switches it off as well" in shown.stderr
    assert f"the field {name} in all messages: accepted" in ready.ok("delete", "--field", name, "--off", "--yes")
    assert any(one["what"] == "field" and one["subject"] == name for one in ready.lines("history"))
