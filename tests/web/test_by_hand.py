"""The page By hand: carry out, download, upload the answers; without scripts, by keyboard, 360 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, Page

from audit import carried, signed
from diffgram_home import carrying, people, reading
from tests.browser import open_tab
from tests.door.by_hand import Island, Vendor, island, product, vendor
from tests.web.world import World, make_accounts, serving


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Island, Vendor, World]]:
    """An installation without a network, its pages, and a corporate that never runs."""
    folder = tmp_path_factory.mktemp("by-hand")
    shop = product(folder)
    corporate = vendor(folder / "vendor", shop)
    place = island(folder / "home", corporate.root, shop)
    place.enrol(corporate)
    make_accounts(place.home, datetime.now(UTC))
    with serving(place.home.settings.path) as base:
        yield place, corporate, World(place.home, base, {})
    place.home.close()
    corporate.server.store.close()


def press(page: Page, words: str) -> None:
    """Walk with the tabulator to the button of these words, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == words:
            return
    raise AssertionError(f"the keyboard does not reach '{words}'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_carries_out_and_in_with_the_keyboard_and_without_scripts(
    made: tuple[Island, Vendor, World], chromium: Browser, scheme: str, tmp_path: Path
) -> None:
    place, corporate, world = made
    place.work()
    tab = open_tab(chromium, viewport={"width": 360, "height": 740}, color_scheme=scheme, java_script_enabled=False)
    tab.context.add_cookies([{"name": "home-session", "value": world.token("operator"), "url": world.base}])
    page = tab.page
    page.goto(world.base + "/pending")
    page.click("text=Carry out, and take answers in")
    press(page, "Carry out")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Recorded as carried out, with your name.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    newest = carrying.listed(place.home)[0]
    assert people.named(place.home)[newest.actor] == "operator.person"
    with page.expect_download() as coming:
        page.click(f"text={carrying.name(place.home, newest.sha256)}")
    data = Path(coming.value.path()).read_bytes()
    keys = signed.ring(place.home.keys.installation.public_key())
    assert carried.read_out(data, lambda _: keys).installation == place.home.installation
    answers = tmp_path / "answers.in.zip"
    answers.write_bytes(corporate.bring(data))
    page.set_input_files("#file", answers)
    press(page, "Take it in")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Taken in: every receipt held")
    assert {batch.state for batch in place.batches()} == {"sent"}
    page.goto(world.base + "/history")
    assert page.locator("text=carried in").count() >= 1
    page.goto(f"{world.base}/sent/{place.attempts()[-1].id}")
    assert page.locator("text=by hand").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto(world.base + "/by-hand")
    page.set_input_files("#file", answers)
    page.click("text=Take it in")
    page.wait_for_selector("text=every answer in this file is here already")
    assert tab.said == [] or all("409" in line for line in tab.said)
    tab.context.close()
    place.verify()


def upload(world: World, token: str, data: bytes, form: str) -> urllib3.BaseHTTPResponse:
    """Send the form with a file as a browser does."""
    fields = {"csrf": form, "file": ("answers.zip", data, "application/zip")}
    headers = {"Cookie": f"home-session={token}", "Accept": "application/json"}
    return urllib3.PoolManager(retries=False).request(
        "POST", world.base + "/by-hand/answers", fields=fields, headers=headers, redirect=False
    )


def test_what_is_uploaded_is_bounded_and_only_from_our_own_form(made: tuple[Island, Vendor, World]) -> None:
    place, _, world = made
    before = place.leaves()
    token = world.token("admin")
    good = world.form_value(token)
    assert upload(world, token, b"PK", "0" * 64).status == 403
    assert upload(world, token, b"PK", good).json()["code"] == "file-malformed"
    assert upload(world, token, bytes(carried.MAX_IN_BYTES + 1), good).json()["code"] == "file-too-large"
    assert upload(world, token, bytes(carried.MAX_IN_BYTES + 200_000), good).status == 413
    assert upload(world, "", bytes(1_000_000), good).status in (401, 413)
    viewer = world.token("viewer")
    assert upload(world, viewer, b"PK", world.form_value(viewer)).status == 403
    assert place.leaves() == before


def test_a_viewer_sees_who_carried_what_and_can_do_neither(made: tuple[Island, Vendor, World]) -> None:
    place, _, world = made
    place.work("event")
    place.out()
    token = world.token("viewer")
    shown = world.ask("/by-hand", token=token)
    assert (shown.status, "not answered yet" in shown.text, "<button>Carry out" in shown.text) == (200, True, False)
    sha256 = carrying.listed(place.home)[0].sha256
    assert world.ask(f"/by-hand/{sha256}", token=token).status == 403
    found = world.ask(f"/by-hand/{sha256}", token=world.token("security"))
    assert found.body == carrying.again(place.home, sha256, datetime.now(UTC))[1]
    assert world.ask("/by-hand/" + "0" * 64, token=world.token("security")).status == 409
    assert reading.pending(place.home, limit=1).total_batches == 1
