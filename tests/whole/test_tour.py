"""The tour of the README, click by click, in a real Chromium against a real `install/run`.

With `DIFFGRAM_HOME_PICTURES=docs/pictures` it also takes the README's screenshots there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Tab, open_tab
from tests.install.places import free_ports
from tests.install.running import Clone, Run
from tests.whole import touring
from tests.whole.touring import Hand, Keyboard, Mouse, Places

WIDE = {"width": 1280, "height": 860}
WORDS = ("Rose", "shadow", "Chest", "Empty", "1961")
THE_FAULT = "Failed to load resource: the server responded with a status of 500 (INTERNAL SERVER ERROR)"


@pytest.fixture(scope="module")
def places(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """A fresh installation, corporate and annotator, as the two commands of the README start them."""
    data = tmp_path_factory.mktemp("tour") / "data"
    fresh = Clone(clone.folder, tuple(free_ports(4)))
    with Run(fresh, f"--data={data}", terminal=True) as run:
        said = run.read_terminal()
        home, corporate = re.findall(r"with the password (\S+)", said)
        pages, wire, _, annotator = fresh.ports[0], fresh.ports[1], fresh.ports[2], fresh.ports[3]
        command = (str(fresh.folder / ".venv/bin/diffgram-home"), "--config", str(data / "home/diffgram-home.toml"))
        addresses = (f"http://127.0.0.1:{port}" for port in (pages, wire, annotator))
        yield Places(*addresses, passwords=(home, corporate), command=command)
        assert run.stop() == 0


@pytest.fixture(scope="module")
def tabs(chromium: Browser, places: Places) -> Iterator[dict[str, Tab]]:
    """A tab of each program; what they said in the console is looked at by the tests."""
    opened = {name: open_tab(chromium, viewport=WIDE) for name in ("home", "corporate", "annotator")}
    touring.sign_in(opened["home"].page, places.home, places.passwords[0], Mouse())
    touring.sign_in(opened["corporate"].page, places.corporate, places.passwords[1], Mouse())
    yield opened
    for tab in opened.values():
        tab.context.close()


def test_the_tour_of_the_readme(places: Places, tabs: dict[str, Tab]) -> None:
    home, corporate, annotator = (tabs[name].page for name in ("home", "corporate", "annotator"))
    expect(home.get_by_role("heading", level=1)).to_contain_text("No case is on.")

    touring.go(home, "Fields", Mouse())
    expect(home.get_by_role("heading", level=1)).to_contain_text(re.compile(r"^\d+ fields may ever leave"))
    touring.approve(home, "Approve all", Mouse())
    told = touring.switch_event(home, "on", Mouse())
    assert "It begins with what is collected after the switch." in told

    touring.use_annotator(annotator, places.annotator, "Chest X-rays", ("Rose, 1961: shadow on the left", "Rose again"))
    touring.meet_fault(annotator, places.annotator)

    waiting = _read_pending(home)
    _wait_until_all_is_sent(home)
    seen = [_read_attempt(home, number, waiting) for number in range(1, _attempts(home) + 1)]
    assert waiting.keys() <= {sha256 for sha256, _ in seen}
    bodies = [body for _, body in seen]
    lines = [line for body in bodies for line in body.decode().splitlines()[1:]]
    kinds = {json.loads(line)["kind"] for line in lines}
    assert {"annotator/project-created", "annotator/task-completed", "home/error"} <= kinds
    assert not [word for word in WORDS for line in lines if word.lower() in line.lower()]
    assert _received(corporate) == sorted(lines)
    _same_hash_at_corporate(corporate, seen)
    assert _told(places, "show", "1") == seen[0][1]
    assert b"\n" in _told(places, "verify")
    _take_pictures(home)

    told = touring.switch_event(home, "off", Mouse())
    assert "no packet, not even a name lookup" in told
    assert "Voids the default SLA" in told
    before = _attempts(home)
    touring.use_annotator(annotator, places.annotator, "Chest X-rays, again", ("Rose, once more",))
    touring.meet_fault(annotator, places.annotator)
    assert _told(places, "send", "--json").strip() in {b"", b"[]"}
    touring.go(home, "Pending", Mouse())
    expect(home.get_by_role("heading", level=1)).to_have_text("Nothing waits to go.")
    assert _attempts(home) == before
    assert _received(corporate) == sorted(lines)
    assert (tabs["home"].said, tabs["corporate"].said) == ([], [])
    assert tabs["annotator"].said == [THE_FAULT, THE_FAULT]


@pytest.mark.parametrize(
    ("hand", "scripts"), [(Keyboard(), True), (Mouse(), False), (Keyboard(), False)], ids=["keys", "no-scripts", "both"]
)
def test_deciding_and_switching_work_by_keyboard_alone_and_without_scripts(
    chromium: Browser, places: Places, hand: Hand, scripts: bool
) -> None:
    tab = open_tab(chromium, viewport=WIDE, java_script_enabled=scripts)
    touring.sign_in(tab.page, places.home, places.passwords[0], hand)
    if not tab.page.get_by_role("link", name=re.compile("without your decision")).is_visible():
        touring.withdraw_event(tab.page, hand)
        touring.approve(tab.page, "Approve this case", hand)
    else:
        touring.approve(tab.page, "Approve all", hand)
    for mode in ("local", "on", "off"):
        touring.switch_event(tab.page, mode, hand)
    assert tab.said == []
    tab.context.close()


def _read_pending(home: Page) -> dict[str, bytes]:
    """Read what is about to go, each value with its definition; returns hash -> exact bytes."""
    touring.go(home, "Pending", Mouse())
    batches = home.locator("section.card:has(h2[id^=b])")
    touring.shown_when_new(home, batches.first)
    assert touring.explained(home) > 10
    value = home.locator("pre.lines a.v").nth(3)
    value.hover()
    expect(home.locator(".definition.shown")).to_be_visible()
    found = batches.first.locator("code[data-copy='the hash']").inner_text()
    body = touring.bytes_shown(home)
    assert touring.sha256(body) == found
    return {found: body}


def _wait_until_all_is_sent(home: Page) -> None:
    """Wait until nothing is pending: what the annotator made after the first batch goes with the next ones."""
    quiet = home.get_by_role("heading", level=1, name="Nothing waits to go.")
    touring.shown_when_new(home, quiet.and_(home.locator("main:not(:has-text('not yet seen by the gate')) h1")))


def _attempts(home: Page) -> int:
    touring.go(home, "Sent", Mouse())
    rows = home.locator("tbody tr")
    assert rows.count() == home.locator("tbody .mark.accepted").count() > 0
    return rows.count()


def _read_attempt(home: Page, number: int, waiting: dict[str, bytes]) -> tuple[str, bytes]:
    """Read one attempt: one hash at each step, over bytes that can be downloaded; returns both."""
    touring.go(home, "Sent", Mouse())
    with home.expect_navigation():
        home.locator("tbody tr").nth(-number).locator("a").click()
    expect(home.get_by_role("heading", level=1)).to_contain_text("accepted")
    found = home.locator("code[data-copy='the hash']").inner_text()
    assert home.locator("ol.steps code.hash").all_inner_texts() == [touring.short(found)] * 4
    assert home.locator("ol.steps .not, ol.steps .bad").count() == 0
    body = touring.downloaded(home, home.get_by_role("link", name="Download the bytes"))
    assert touring.sha256(body) == found
    assert body == touring.bytes_shown(home) == waiting.get(found, body)
    assert touring.explained(home) > 10
    assert found in home.locator("section[aria-labelledby=receipt] dl.facts").inner_text()
    expect(home.get_by_text("It reaches the root")).to_be_visible()
    return found, body


def _received(corporate: Page) -> list[str]:
    touring.go(corporate, "Received events", Mouse())
    return sorted(corporate.locator(".messages pre").all_inner_texts())


def _same_hash_at_corporate(corporate: Page, seen: list[tuple[str, bytes]]) -> None:
    touring.go(corporate, "Installations", Mouse())
    corporate.locator("tbody a").first.click()
    expect(corporate.get_by_text("none", exact=True)).to_be_visible()  # no number is missing
    shown = corporate.locator("section[aria-labelledby=batches] tbody").inner_text()
    assert all(touring.short(sha256) in shown for sha256, _ in seen)


def _told(places: Places, *arguments: str) -> bytes:
    """Return what a command prints; it must end with exit code 0."""
    return subprocess.run([*places.command, *arguments], capture_output=True, check=True).stdout


def _take_pictures(home: Page) -> None:
    folder = os.environ.get("DIFFGRAM_HOME_PICTURES")
    if folder is None:
        return
    home.set_viewport_size({"width": 1280, "height": 1050})
    touring.go(home, "Overview", Mouse())
    home.screenshot(path=Path(folder) / "overview.png")
    touring.go(home, "Sent", Mouse())
    home.locator("tbody tr a").first.click()
    home.set_viewport_size({"width": 1280, "height": 1240})
    home.locator("pre.lines a.v", has_text="ZeroDivisionError").hover()
    home.screenshot(path=Path(folder) / "attempt.png")
    home.set_viewport_size(WIDE)
