"""transform: what each choice does is shown before one is made; file, history and privacy notice say which was."""

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell


def _transform(shell: Shell, name: str) -> str | None:
    return next(field for field in shell.json("fields") if field["name"] == name)["transform"]


def test_a_transform_is_chosen_after_its_effect_was_shown_and_taken_back(shell: Shell):
    shown = shell.ok("transform", "home.at")
    for words in ("none (chosen now): leaves as it was", "coarser:minute: ", "coarser:hour: ", "coarser:day: "):
        assert words in shown
    done = shell("transform", "home.at", "coarser:hour", typed="n\n")
    assert (done.returncode, _transform(shell, "home.at")) == (Exit.DECISION, None)
    assert "an instant loses what is finer than the hour" in done.stderr
    assert shell.ok("transform", "home.at", "coarser:hour", "--yes") == "home.at: coarser:hour\n"
    assert '"home.at" = "coarser:hour"' in shell.settings.read_text()
    assert _transform(shell, "home.at") == "coarser:hour"
    assert shell.ok("transform", "home.at", "coarser:hour", "--yes") == "home.at: coarser:hour already\n"
    assert shell.json("transform", "home.at")["chosen"] == "coarser:hour"
    shell.ok("transform", "home.at", "none", "--yes")
    assert _transform(shell, "home.at") is None
    moves = [(c["subject"], c["before"], c["after"]) for c in shell.lines("history") if c["what"] == "transform"]
    assert moves == [("home.at", "coarser:hour", "as it is"), ("home.at", "as it is", "coarser:hour")]


def test_the_effect_is_on_the_values_that_wait(shell: Shell):
    shell.ok("approve", "--all", "--authority", "ticket 7", "--yes")
    shell.ok("on", "event", "--yes")
    for number in (1, 1, 1, 1, 1, 2):
        shell.ok("new", "home/error", f"member_id={number}")
    shell("pending")
    found = shell.json("transform", "home.member_id")
    plain, few, _ = found["effects"]
    assert (plain["distinct_before"], plain["distinct_after"]) == (2, 2)
    assert (few["word"], few["distinct_after"], few["missing"], few["messages"]) == ("suppress:5", 0, 6, 6)
    assert "2 -> nothing  (1)" in shell.ok("transform", "home.member_id")


@pytest.mark.parametrize(
    "words",
    [
        ("transform", "home.at", "round:10"),
        ("transform", "home.error_log", "suppress:5"),
        ("transform", "home.nothing"),
        ("transform",),
    ],
)
def test_what_the_definition_does_not_permit_is_a_usage_error(shell: Shell, words):
    before = shell.settings.read_bytes()
    done = shell(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (Exit.USAGE, False)
    assert shell.settings.read_bytes() == before
