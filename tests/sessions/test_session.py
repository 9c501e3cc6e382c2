"""Sessions are counted once a day, site and visitor, and nothing of the visitor is kept (design 11)."""

import hmac as oracle
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from diffgram_home.browser import seen
from diffgram_home.browser.memory import NoMemory
from diffgram_home.browser.seen import Entry, Group, Seen
from diffgram_home.browser.session import Sessions, Visitor, visitor
from tests.sessions.conftest import NEXT_DAY, NOON

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
ANNA = Visitor("shop.example", "192.0.2.17", CHROME)


class World:
    """A counter, and the words that it refused by."""

    def __init__(self, folder: Path | None, collects: bool = True) -> None:
        self.refused: list[str] = []
        self.folder, self.looked = folder, 0
        self.sessions = Sessions(
            self._find, lambda name: name if name == "1.25.3" else "", lambda: collects, self.refused.append
        )

    def _find(self) -> Path:
        self.looked += 1
        if self.folder is None:
            raise NoMemory("sessions-no-memory", "none", "mount one")
        return self.folder

    def groups(self, day: str = "2026-11-22") -> tuple[Group, ...]:
        assert self.folder is not None
        found = seen.grouped(self.folder, day)
        return found.groups if found else ()


def test_a_visitor_is_one_session_a_day_however_often(memory: Path) -> None:
    world = World(memory)
    for hour in range(12):
        assert world.sessions.count(ANNA, NOON + timedelta(hours=hour), release="1.25.3", viewport=2)
    (group,) = world.groups()
    assert group == Group("1.25.3", "chrome", 131, "linux", "desktop", "under-1440", 1, 0)


@pytest.mark.parametrize(
    "other",
    [
        Visitor("docs.example", "192.0.2.17", CHROME),
        Visitor("shop.example", "192.0.2.18", CHROME),
        Visitor("shop.example", "192.0.2.17", CHROME + " Edg/131.0"),
    ],
)
def test_another_site_address_or_user_agent_is_another_session(memory: Path, other: Visitor) -> None:
    world = World(memory)
    world.sessions.count(ANNA, NOON)
    world.sessions.count(other, NOON)
    assert sum(group.sessions for group in world.groups()) == 2


def test_the_next_day_the_same_visitor_is_a_new_session(memory: Path) -> None:
    world = World(memory)
    world.sessions.count(ANNA, NOON)
    world.sessions.count(ANNA, NEXT_DAY)
    assert [len(world.groups(day)) for day in ("2026-11-22", "2026-11-23")] == [1, 1]


def test_an_error_marks_the_session_once_and_for_the_day(memory: Path) -> None:
    world = World(memory)
    for errored in (False, True, True, False):
        world.sessions.count(ANNA, NOON, errored=errored)
    assert [(g.sessions, g.errored) for g in world.groups()] == [(1, 1)]


def test_an_address_has_one_form(memory: Path) -> None:
    world = World(memory)
    for address in ("192.0.2.17", "::ffff:192.0.2.17", "::ffff:c000:211"):
        world.sessions.count(Visitor("shop.example", address, CHROME), NOON)
    assert sum(group.sessions for group in world.groups()) == 1


def test_nothing_of_the_visitor_stands_in_any_file(memory: Path) -> None:
    world = World(memory)
    secret = Visitor("shop-secret.example", "203.0.113.77", CHROME + " Zanzibar/7.1 (rose@example.org)")
    world.sessions.count(secret, NOON, release="rose@example.org", viewport=1, errored=True)
    kept = b"".join(path.read_bytes() for path in memory.iterdir())
    for word in (b"203.0.113.77", bytes((203, 0, 113, 77)), b"Zanzibar", b"rose", b"shop-secret", b"Mozilla"):
        assert word not in kept
    assert "203" not in repr(secret)
    assert "rose" not in repr(secret)


def test_who_asks_not_to_be_tracked_is_not_hashed(memory: Path) -> None:
    world = World(memory)
    assert not world.sessions.count(Visitor("shop.example", "192.0.2.17", CHROME, asks_not=True), NOON)
    assert (world.refused, list(memory.iterdir())) == (["asked-not"], [])


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_the_wish_is_read_from_either_header(header: str) -> None:
    wish = Request(EnvironBuilder(headers={header: "1", "Origin": "https://shop.example:8443"}).get_environ())
    none = Request(EnvironBuilder(headers={header: "0"}, base_url="http://home.example/").get_environ())
    assert (visitor(wish).asks_not, visitor(wish).site) == (True, "shop.example:8443")
    assert (visitor(none).asks_not, visitor(none).site) == (False, "home.example")


def test_with_the_kind_off_nothing_is_opened(memory: Path) -> None:
    world = World(memory, collects=False)
    assert not world.sessions.count(ANNA, NOON)
    assert not world.sessions.programs(NOON, release=None, sessions=3, errored=1)
    assert (world.looked, world.refused, list(memory.iterdir())) == (0, [], [])


def test_without_a_memory_file_system_sessions_are_refused_by_count_and_not_looked_for_each_time() -> None:
    world = World(None)
    for second in range(61):
        assert not world.sessions.count(ANNA, NOON + timedelta(seconds=second))
    assert world.refused == ["no-memory"] * 61
    assert world.looked == 2


@pytest.mark.parametrize("address", ["", "unix:", "192.0.2", "999.1.1.1", "rose"])
def test_what_is_no_address_is_no_session(memory: Path, address: str) -> None:
    world = World(memory)
    assert not world.sessions.count(Visitor("shop.example", address, CHROME), NOON)
    assert world.refused == ["no-address"]


def test_a_folder_that_vanished_is_refused_by_count(memory: Path) -> None:
    world = World(memory / "gone")
    assert not world.sessions.count(ANNA, NOON)
    assert world.refused == ["no-key"]


def test_a_flood_is_bounded_and_known_sessions_still_count(memory: Path) -> None:
    table = Seen(memory, "2026-11-22", most=3)
    entries = [Entry(bytes([n]) * 32, "", "chrome", 131, "linux", "desktop", "other", False) for n in range(5)]
    assert [table.add(entry) for entry in entries] == [True, True, True, False, False]
    assert table.add(entries[0])
    assert seen.grouped(memory, "2026-11-22").groups[0].sessions == 3  # type: ignore[union-attr]


def test_two_processes_and_many_threads_count_the_same_session_once(memory: Path) -> None:
    worlds = [World(memory), World(memory)]

    def work(world: World) -> None:
        for n in range(40):
            world.sessions.count(Visitor("shop.example", f"192.0.2.{n}", CHROME), NOON, errored=n % 2 == 0)

    threads = [threading.Thread(target=work, args=(world,)) for world in worlds for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(g.sessions, g.errored) for g in worlds[0].groups()] == [(40, 20)]
    assert not worlds[0].refused + worlds[1].refused


def test_what_sdks_of_servers_count_themselves_is_added_apart(memory: Path) -> None:
    world = World(memory)
    for _ in range(2):
        assert world.sessions.programs(NOON, release="1.25.3", sessions=30, errored=2)
    assert not world.sessions.programs(NOON, release="1.25.3", sessions=1, errored=2)
    found = seen.grouped(memory, "2026-11-22")
    assert found is not None
    assert (found.programs, found.groups) == ((("1.25.3", 60, 4),), ())


def test_a_width_that_comes_later_is_added(memory: Path) -> None:
    world = World(memory)
    world.sessions.count(ANNA, NOON)
    world.sessions.count(ANNA, NOON, viewport=0, release="1.25.3")
    world.sessions.count(ANNA, NOON, viewport=4)
    assert [(g.viewport, g.release) for g in world.groups()] == [("under-576", "1.25.3")]


def test_tables_that_nobody_came_to_count_are_removed(memory: Path) -> None:
    world = World(memory)
    for days in (0, 1, 2):
        world.sessions.count(ANNA, NOON + timedelta(days=days))
    assert seen.days(memory) == ("2026-11-23", "2026-11-24")


def test_the_hash_is_the_hmac_that_the_design_names(memory: Path) -> None:
    world = World(memory)
    world.sessions.count(ANNA, NOON)
    secret = (memory / "key-2026-11-22").read_bytes()[-32:]
    parts = (b"shop.example", bytes((192, 0, 2, 17)), CHROME.encode())
    expected = oracle.new(secret, b"".join(len(p).to_bytes(4, "big") + p for p in parts), "sha256").digest()
    table = Seen(memory, "2026-11-22")
    with table._open() as db:
        assert db.execute("SELECT id FROM session").fetchall() == [(expected,)]


def test_time_is_given_and_not_read(memory: Path) -> None:
    world = World(memory)
    long_ago = datetime.fromisoformat("2001-01-01T00:00:00+00:00")
    assert world.sessions.count(ANNA, long_ago)
    assert world.groups("2001-01-01")
