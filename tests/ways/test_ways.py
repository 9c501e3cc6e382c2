"""A way in of the installation is a writer of its spool: what it takes and refuses arrives where the customer looks."""

from pathlib import Path

from diffgram_home import intake, reading, switching, ways
from diffgram_home.models import Block
from tests.store import building


def test_what_a_way_takes_and_refuses_is_taken_in_and_shown(tmp_path: Path):
    home = building.build(tmp_path, "local")
    way = ways.way(home, "event")
    assert ways.way(home, "event") is way
    assert ways.way(home, "browser") is not way
    assert way.collects("home/error")
    log = {"chain": [{"type": "ValueError", "shapes": []}], "frames": [["shop:buy:12", 1]]}
    assert way.error("home/error", lambda: log, {"release": "1.0.0"}) is None
    way.refuse("home/error", "replay", 3)
    taken = intake.take(home, building.NOW)
    assert taken.messages == {"event": 1}
    assert [(d.path, d.reason, d.count) for d in reading.withheld(home, now=building.NOW)] == [
        ("home/error.replay", "refused", 3)
    ]
    with home.store.read() as session:
        assert session.query(Block).count() == 1
    home.close()


def test_a_way_of_a_kind_that_is_off_opens_nothing_and_asks_for_nothing(tmp_path: Path):
    home = building.build(tmp_path, "off")
    switching.apply(home, building.NOW)
    way = ways.way(home, "event")
    asked: list[str] = []
    assert way.error("home/error", lambda: asked.append("asked"), {}) is None
    way.refuse("home/error", "replay")
    assert asked == []
    assert not list(home.settings.spool.folder.glob("*.spool"))
    home.close()
