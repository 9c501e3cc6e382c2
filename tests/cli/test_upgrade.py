"""Acceptance check 4: a field that release N+1 adds is absent until consent, the others go on, and no one is nagged."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diffgram_home import intake, reading, sealing, switching, upgrading
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home
from tests.cli.conftest import Shell
from tests.store import building, releases

NEXT = releases.catalogue(weight=releases.WEIGHT)


class Place:
    """An installation with data whose product is about to be upgraded, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.home: Home = building.build(folder)
        self.shell = Shell(folder)
        self.next = releases.written(folder, NEXT)
        self.tick()

    def tick(self) -> None:
        """What the scheduler does, but for sending."""
        now = datetime.now(UTC)
        switching.apply(self.home, now)
        upgrading.attend(self.home, now)
        intake.take(self.home, now)
        sealing.void_refused(self.home, now)
        sealing.seal_waiting(self.home, now)

    def upgrade(self, text: str) -> None:
        self.home = releases.upgraded(self.home, text)
        self.tick()

    def wire(self, order: int) -> set[str]:
        """The keys with which a message that was just collected would leave, from the very bytes."""
        data = building.frame({**building.message(order), "weight": 700}, building.word(self.home))
        building.spool_bytes(self.home, data)
        self.tick()
        bodies = [
            json.loads(line) for b in self.shell.json("pending")["batches"] for line in b["body"].splitlines()[1:]
        ]
        (found,) = [line for line in bodies if line.get("order_id") == order]
        return set(found)

    def asked(self) -> list[str]:
        return [notice.code for notice in reading.notices(self.home) if notice.code == "catalogue-changed"]


OLD = {"kind", "at", "order_id", "paid"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.home.close()


def test_an_added_field_is_absent_until_consent_and_who_declined_is_not_asked_again(place: Place):
    assert place.wire(1) == OLD
    assert place.shell("diff", "--against", str(place.next)).returncode == Exit.DECISION
    place.upgrade(NEXT)
    assert place.wire(2) == OLD
    assert place.asked() == ["catalogue-changed"]
    place.shell.ok("decline", "shop.weight", "--authority", "no need", "--yes")
    place.tick()
    assert place.asked() == []
    place.upgrade(releases.catalogue())
    assert place.shell("diff", "--against", str(place.next)).returncode == Exit.DONE, "declined: nothing to decide"
    place.upgrade(NEXT)
    assert (place.asked(), place.wire(3)) == ([], OLD)
    place.shell.ok("approve", "shop.weight", "--authority", "after all", "--yes")
    assert place.wire(4) == {*OLD, "weight"}


def test_with_the_policy_stop_the_command_says_why_nothing_goes_and_how_to_go_on(place: Place):
    settings = place.shell.settings
    settings.write_text(settings.read_text() + '\n[policy]\non_material_change = "stop"\n')
    place.upgrade(NEXT)
    for words in (("send",), ("pending",)):
        done = place.shell(*words)
        assert done.returncode in (Exit.DECISION, Exit.FINDING), done
    done = place.shell("pending")
    assert (done.returncode, "nothing leaves until somebody decides" in done.stderr) == (Exit.DECISION, True)
    told = place.shell("check")
    assert (told.returncode, "shop.weight" in told.stdout) == (Exit.FINDING, True)
    place.shell.ok("approve", "shop.weight", "--authority", "minute 9", "--yes")
    assert "nothing leaves until" not in place.shell("pending").stderr
    assert place.wire(5) == {*OLD, "weight"}
