"""The counts of sessions: written down while the day lasts, told once when it is over, and the hashes gone."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit.types import OTHER
from diffgram_home import bodies, consenting, intake, pruning, sealing, switching
from diffgram_home.browser import classes, counts, memory, seen, session
from diffgram_home.browser.day_key import keys
from diffgram_home.browser.groups import Row
from diffgram_home.browser.session import KIND, Visitor
from diffgram_home.home import Home
from diffgram_home.models import Batch, SessionCount
from event import spool
from tests.store import building

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)  # a collector takes no day of long ago
NEXT_DAY = NOON + timedelta(hours=12)
DAY = NOON.strftime("%Y-%m-%d")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation with case browser on, and nothing of it left in memory afterwards."""
    opened = building.build(tmp_path, more='browser = "on"\n')
    yield opened
    opened.close()
    for place in memory.PLACES:
        shutil.rmtree(place / f"diffgram-home-{opened.installation[:16]}", ignore_errors=True)


def visit(home: Home, visitors: range, agent: str = CHROME, now: datetime = NOON, **more: Any) -> None:
    for n in visitors:
        assert session.of(home).count(Visitor("shop.example", f"192.0.2.{n}", agent), now, **more)


def told(home: Home) -> list[dict[str, Any]]:
    """Every message of sessions in the spool."""
    found: list[dict[str, Any]] = []
    for segment in spool.segments(home.settings.spool.folder):
        data = segment.path.read_bytes()
        found += [f.message for f in spool.frames(data, True) if type(f) is spool.Frame]
    return [message for message in found if message["kind"] == KIND]


def test_what_the_day_counts_so_far_is_written_down(home: Home) -> None:
    visit(home, range(9), release="1.25.3", viewport=2)
    visit(home, range(2), errored=True)
    counts.gather(home, NOON)
    today = counts.days(home, NOON)[-1]
    assert (today.day, today.sessions, today.errored) == (DAY, 9, 2)
    assert Row("", "browser", "chrome", 131, 9, 2) in today.rows
    assert counts.releases(home, NOON) == (Row("1.25.3", "all", "", 0, 9, 2),)
    assert told(home) == []


def test_counting_again_replaces_and_a_table_after_a_power_cut_adds(home: Home) -> None:
    visit(home, range(6))
    counts.gather(home, NOON)
    visit(home, range(8))
    counts.gather(home, NOON + timedelta(seconds=30))
    assert counts.days(home, NOON)[-1].sessions == 6  # once a minute is often enough
    counts.gather(home, NOON + timedelta(seconds=61))
    assert counts.days(home, NOON)[-1].sessions == 8
    folder = memory.existing(home.installation)
    assert folder is not None
    seen.drop(folder, DAY)
    home.cache.pop("sessions")
    visit(home, range(3))
    counts.gather(home, NOON + timedelta(seconds=130))
    assert counts.days(home, NOON)[-1].sessions == 11


def test_when_the_day_is_over_it_is_told_once_and_table_and_key_are_gone(home: Home) -> None:
    visit(home, range(9), release="1.2.3")
    visit(home, range(10, 17), FIREFOX, errored=True)
    folder = memory.existing(home.installation)
    assert folder is not None
    counts.gather(home, NEXT_DAY)
    assert (seen.days(folder), keys(folder)) == ((), ())
    messages = told(home)
    assert {"kind": KIND, "at": messages[0]["at"], "day": DAY, "counted": "browsers", "sessions": 9} | {
        "errored": 0,
        "release": "1.2.3",
        "browser": "chrome",
        "major": "131",
    } in messages
    assert [m["sessions"] for m in messages if not m.keys() & {"browser", "system", "device", "viewport"}] == [7, 9]
    counts.gather(home, NEXT_DAY + timedelta(seconds=10))
    assert told(home) == messages


def test_a_count_passes_the_gate_as_it_is(home: Home) -> None:
    visit(home, range(9), release="1.2.3", viewport=4, errored=True)
    session.of(home).programs(NOON, release="1.2.3", sessions=500, errored=3)
    counts.gather(home, NEXT_DAY)
    expected = len(told(home))
    intake.take(home, NEXT_DAY)
    sealing.seal_waiting(home, NEXT_DAY)
    with home.store.read() as opened:
        (batch,) = opened.scalars(select(Batch).where(Batch.case == "browser"))
        body = bodies.get(opened, batch.sha256)
    assert body is not None
    lines = [json.loads(line) for line in body.splitlines()[1:]]
    assert batch.messages == expected == len(lines)
    assert {"programs", "browsers"} == {line["counted"] for line in lines}
    assert {line["viewport"] for line in lines if "viewport" in line} == {"from-3840"}


def test_days_that_nobody_came_to_tell_are_told_later(home: Home) -> None:
    visit(home, range(6))
    counts.gather(home, NOON)
    shutil.rmtree(memory.existing(home.installation) or "")  # the machine's power went, and it stood still for days
    counts.gather(home, NEXT_DAY + timedelta(days=5))
    assert {message["day"] for message in told(home)} == {DAY}


def test_turned_off_nothing_is_kept_and_what_is_there_goes(home: Home) -> None:
    visit(home, range(6))
    folder = memory.existing(home.installation)
    assert folder is not None
    home.settings.path.write_text(home.settings.path.read_text().replace('browser = "on"', 'browser = "off"'))
    switching.apply(home, NOON)
    counts.gather(home, NOON)
    assert list(folder.iterdir()) == []
    assert not session.of(home).count(Visitor("shop.example", "192.0.2.1", CHROME), NOON)


def test_neither_key_nor_hash_nor_visitor_stands_in_the_data_folder_or_the_spool(home: Home) -> None:
    secret = Visitor("shop-secret.example", "203.0.113.77", CHROME + " Zanzibar/7.1 (rose@example.org)")
    session.of(home).count(secret, NOON, release="rose 1", errored=True)
    visit(home, range(9))
    folder = memory.existing(home.installation)
    assert folder is not None
    key = (folder / f"key-{DAY}").read_bytes()[-32:]
    db = seen.Seen(folder, DAY)
    with db._open() as opened:
        hashes = [row[0] for row in opened.execute("SELECT id FROM session")]
    db.close()
    counts.gather(home, NOON)
    counts.gather(home, NEXT_DAY)
    intake.take(home, NEXT_DAY)
    kept = b"".join(path.read_bytes() for path in home.settings.path.parent.rglob("*") if path.is_file())
    spooled = b"".join(path.read_bytes() for path in home.settings.spool.folder.rglob("*") if path.is_file())
    for needle in (key, *hashes, *(h.hex().encode() for h in hashes), b"203.0.113.77", b"Zanzibar", b"rose", b"secret"):
        assert needle not in kept + spooled
    assert not folder.is_relative_to(home.settings.path.parent)
    assert not any(map(folder.is_relative_to, (home.settings.folder, home.settings.spool.folder)))


def test_the_lists_of_the_catalogue_are_those_that_are_counted_by(home: Home) -> None:
    fields = home.catalogue.of_kind(KIND)
    lists = {"browser": classes.BROWSERS, "system": classes.SYSTEMS, "device": classes.DEVICES}
    for key, words in (lists | {"viewport": classes.VIEWPORTS}).items():
        assert sorted(fields[key].params["choices"]) == sorted(words)
        assert OTHER == classes.OTHER


def test_counts_are_let_go_like_others(home: Home) -> None:
    visit(home, range(6))
    counts.gather(home, NOON)
    pruning.prune(home, NOON + timedelta(days=801))
    with home.store.read() as opened:
        assert opened.scalars(select(SessionCount)).all() == []


def test_nothing_leaves_before_it_is_approved(home: Home) -> None:
    consenting.withdraw(home, ["home.session.sessions"], "os:1000", "security", NOON, "the tests")
    visit(home, range(9))
    counts.gather(home, NEXT_DAY)
    intake.take(home, NEXT_DAY)
    sealing.seal_waiting(home, NEXT_DAY)
    with home.store.read() as opened:
        (batch,) = opened.scalars(select(Batch).where(Batch.case == "browser"))
        assert b'"sessions"' not in (bodies.get(opened, batch.sha256) or b"")
