"""issues: the errors kept here, as the page shows them."""

from datetime import UTC, datetime

from diffgram_home import intake, settings
from diffgram_home.cli.exits import Exit
from diffgram_home.home import open_home
from tests.cli.conftest import Shell
from tests.store.building import frame

ERROR = {
    "chain": [{"type": "builtins.ValueError", "shapes": ["email"]}],
    "frames": [["<place>", 0], ["annotator.export:save:12", 1]],
}


def test_issues_are_listed_and_shown_one_by_one(shell: Shell):
    assert shell.ok("issues") == "no errors are kept here\n"
    home = open_home(settings.read(shell.folder / "diffgram-home.toml", {}))
    message = {"kind": "home/error", "at": "2026-11-21T14:00:59Z", "error_log": ERROR}
    path = home.settings.spool.folder / "1-aaaaaaaa-1.spool"
    path.write_bytes(frame(message, 1) * 2)
    intake.take(home, datetime.now(UTC))
    home.close()
    (one,) = shell.lines("issues")
    assert (one["messages"], one["title"], one["culprit"]) == (2, "ValueError", "annotator.export:save")
    assert "annotator.export:save" in shell.ok("issues", "--search", "valueerr")
    shown = shell.ok("issues", str(one["id"]))
    assert "annotator.export:save:12" in shown
    assert "email (2)" in shown
    assert "left 0, waiting to go 0, here only 2, of 2" in shown
    assert shell("issues", "4711").returncode == Exit.USAGE
