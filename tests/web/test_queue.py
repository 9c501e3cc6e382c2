"""Approval before sending on the pages: two people approve, somebody refuses; by keyboard, 360 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page

from diffgram_home import asking, people, queueing, reading
from tests.browser import open_tab
from tests.door.by_hand import ACTOR, Island, island, product, vendor
from tests.web.test_by_hand import press
from tests.web.world import PASSWORD, World, make_accounts, serving


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Island, World]]:
    """An installation without a network whose case `event` asks for two people, and its pages."""
    folder = tmp_path_factory.mktemp("queue")
    shop = product(folder)
    corporate = vendor(folder / "vendor", shop)
    place = island(folder / "home", corporate.root, shop)
    make_accounts(place.home, datetime.now(UTC))
    for name, maker in (("second", ACTOR), ("third", "person:2")):
        people.add(place.home, f"{name}.person", PASSWORD, ["security"], maker, datetime.now(UTC))
    asking.set_level(place.home, "event", "two", ACTOR, "security", datetime.now(UTC))
    with serving(place.home.settings.path) as base:
        yield place, World(place.home, base, {})
    place.home.close()
    corporate.server.store.close()


def post(world: World, role: str, path: str, **form: str) -> int:
    token = world.token(role)
    return world.ask(path, method="POST", token=token, form={"csrf": world.form_value(token), **form}).status


def opened(chromium: Browser, world: World, role: str, scheme: str = "light") -> Page:
    tab = open_tab(chromium, viewport={"width": 360, "height": 740}, color_scheme=scheme, java_script_enabled=False)
    tab.context.add_cookies([{"name": "home-session", "value": world.token(role), "url": world.base}])
    return tab.page


def waits(place: Island) -> queueing.Waiting:
    return queueing.waiting(place.home, datetime.now(UTC), case="event")[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_people_approve_what_they_read_with_the_keyboard_and_without_scripts(
    made: tuple[Island, World], chromium: Browser, scheme: str
) -> None:
    place, world = made
    place.work("event")
    sha256 = waits(place).sha256
    for role, then in (("security", "Recorded, with your name."), ("second", "Approved: these very bytes may go.")):
        page = opened(chromium, world, role, scheme)
        page.goto(world.base + "/pending")
        assert "for approval" in page.inner_text("h1")
        page.click(f"a[href='/queue/{sha256}']")
        assert sha256 in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        press(page, "Approve these bytes")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"text={then}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    entry = waits(place)
    assert entry.enough
    assert len(set(entry.actors)) == 2


def test_an_account_that_the_first_one_made_is_told_that_it_does_not_count(made: tuple[Island, World]) -> None:
    place, world = made
    place.work("event")
    sha256 = waits(place).sha256
    assert post(world, "security", "/queue/approve", sha256=sha256) == 303
    assert "does not count" in world.ask(f"/queue/{sha256}", token=world.token("third")).text
    assert post(world, "third", "/queue/approve", sha256=sha256) == 303
    assert not waits(place).enough
    assert post(world, "admin", "/queue/approve", sha256=sha256) == 403
    assert post(world, "second", "/queue/approve", sha256=sha256) == 303
    assert waits(place).enough


def test_whoever_refuses_gives_a_reason_and_sees_the_bytes_that_go_instead(
    made: tuple[Island, World], chromium: Browser
) -> None:
    place, world = made
    place.work("event")
    sha256 = waits(place).sha256
    assert post(world, "security", f"/queue/{sha256}/refuse", reason="because") == 400
    page = opened(chromium, world, "security")
    page.goto(f"{world.base}/queue/{sha256}")
    page.select_option("select", "personal")
    page.fill("textarea", "too much about Dr. Grün")
    press(page, "Refuse these bytes")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=What goes instead")
    shown = queueing.one(place.home, sha256, datetime.now(UTC))
    assert shown is not None
    assert (shown.void_sha256 or "-") in page.inner_text("main")
    assert "too much about Dr. Grün" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    change = next(change for change in reading.history(place.home) if change.what == "batch")
    assert (change.after, change.actor) == ("refused", "person:2")
    assert post(world, "second", "/queue/approve", sha256=sha256) == 409


def test_bytes_that_are_not_there_any_more_decide_nothing(made: tuple[Island, World]) -> None:
    _, world = made
    assert post(world, "security", "/queue/approve", sha256="0" * 64) == 409
    assert post(world, "security", "/queue/approve") == 400
    assert world.ask(f"/queue/{'0' * 64}", token=world.token("viewer")).status == 404


def test_support_is_offered_no_less_than_one_person(made: tuple[Island, World]) -> None:
    _, world = made
    page = world.ask("/queue", token=world.token("security")).text
    assert "/queue/set/support/two" in page
    assert "/queue/set/support/none" not in page
    assert post(world, "security", "/queue/set/support/none") == 404


def test_lowering_from_two_takes_a_second_person_on_the_page_too(made: tuple[Island, World]) -> None:
    place, world = made
    assert post(world, "operator", "/queue/set/browser/two") == 403
    assert post(world, "security", "/queue/set/browser/two") == 303
    assert post(world, "security", "/queue/set/browser/none") == 303
    assert "a second person has to do the same" in world.ask("/queue", token=world.token("viewer")).text
    assert post(world, "third", "/queue/set/browser/none") == 409
    asks = {rule.case: rule.asks for rule in queueing.ruled(place.home)}
    assert asks["browser"] == "two"
    assert post(world, "second", "/queue/set/browser/none") == 303
    asks = {rule.case: rule.asks for rule in queueing.ruled(place.home)}
    assert asks["browser"] == "none"
