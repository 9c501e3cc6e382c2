"""What a visitor of the tour does with the pages: by mouse or by keyboard alone, with scripts or without.

Waiting is for something that a page shows, never for a time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

LONGEST_S = 120  # a tick every 5 s, 10 s under Pending, and a busy machine that installs meanwhile
MOST_TABS = 400
AUTHORITY = "data protection officer, decision 2026-14"


@dataclass(frozen=True)
class Places:
    """Where the three programs of one `install/run` answer, and the passwords that it printed."""

    home: str
    corporate: str
    annotator: str
    passwords: tuple[str, str]
    command: tuple[str, ...]


class Mouse:
    """Clicks."""

    def press(self, target: Locator) -> None:
        """Click a link or a button."""
        target.click()

    def fill(self, target: Locator, text: str) -> None:
        """Click into a box and type."""
        target.click()
        target.press_sequentially(text)


class Keyboard:
    """Reaches everything with Tab, and presses it with Enter. Fails if it cannot be reached, or shows no focus."""

    def press(self, target: Locator) -> None:
        """Go there and press Enter."""
        self._reach(target)
        target.page.keyboard.press("Enter")

    def fill(self, target: Locator, text: str) -> None:
        """Go there and type."""
        self._reach(target)
        target.page.keyboard.type(text)

    def _reach(self, target: Locator) -> None:
        wanted = target.element_handle()
        for _ in range(MOST_TABS):
            if wanted.evaluate("e => e === document.activeElement"):
                assert wanted.evaluate("e => e.matches(':focus-visible')")
                return
            target.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached with the keyboard")


Hand = Mouse | Keyboard


def sign_in(page: Page, address: str, password: str, hand: Hand) -> None:
    """Sign in as the administrator that install/run made."""
    page.goto(address)
    hand.fill(page.get_by_label("Name"), "administrator")
    hand.fill(page.get_by_label("Password"), password)
    hand.press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def go(page: Page, name: str, hand: Hand) -> None:
    """Open one of the pages named at the top, and wait until it is there and is no page that tells of trouble."""
    link = page.get_by_role("navigation").get_by_role("link", name=name, exact=True)
    with page.expect_navigation() as answered:
        hand.press(link)
    assert answered.value is not None
    assert answered.value.ok, f"{answered.value.url}: {answered.value.status}, {page.get_by_role('main').inner_text()}"
    expect(link).to_have_attribute("aria-current", "page")


def approve(page: Page, what: str, hand: Hand) -> None:
    """Approve from the list of fields, stating the authority, with the link named `what`; all are approved then."""
    go(page, "Fields", hand)
    hand.press(page.get_by_role("link", name=what))
    hand.fill(page.locator("textarea[name=authority]"), AUTHORITY)
    with page.expect_navigation():
        hand.press(page.get_by_role("button", name=re.compile(r"^Approve \d+ fields$")))
    expect(page.locator("details.field summary .mark:not(.approved, .requested)")).to_have_count(0)
    assert page.locator("details.field summary .mark.approved").count() > 40


def withdraw_event(page: Page, hand: Hand) -> None:
    """Withdraw the fields of the case event, saying why."""
    go(page, "Fields", hand)
    hand.press(page.locator("a[href='/fields/withdraw?case=event']"))
    hand.fill(page.locator("textarea[name=authority]"), AUTHORITY)
    with page.expect_navigation():
        hand.press(page.get_by_role("button", name=re.compile(r"^Withdraw \d+ fields$")))
    expect(page.locator("details.field .mark.withdrawn").first).to_be_visible()


def switch_event(page: Page, mode: str, hand: Hand) -> str:
    """Turn the case event to a mode; returns the consequences that were shown before."""
    go(page, "Cases", hand)
    with page.expect_navigation():
        hand.press(page.locator(f"a[href='/cases/event/{mode}']"))
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
    told = page.get_by_role("main").inner_text()
    hand.press(page.get_by_role("button", name=f"Switch to {mode}"))
    expect(page.locator("section[aria-labelledby=c-event] [aria-current=true]").first).to_have_text(mode)
    return told


def shown_when_new(page: Page, target: Locator) -> None:
    """Wait until the page shows something: whenever it says that there is news, ask it to show that."""
    news = page.locator(".pulse:not([hidden]) a")
    while not target.is_visible():
        expect(target.or_(news).first).to_be_visible(timeout=LONGEST_S * 1000)
        if not target.is_visible():
            with page.expect_navigation():
                news.click()


def use_annotator(page: Page, address: str, name: str, texts: tuple[str, ...]) -> None:
    """Create a project, upload, annotate and complete each text, with words that must never leave."""
    page.goto(address)
    if not page.get_by_role("heading", name="New project").is_visible():
        page.get_by_label("Name of a new member").fill("Rose Novak")
        page.get_by_role("button", name="Add member").click()
    page.get_by_label("Name of the project").fill(name)
    page.get_by_role("button", name="Create project").click()
    for text in texts:
        page.get_by_label("Or a text to annotate").fill(text)
        page.get_by_role("button", name="Add inputs").click()
        page.locator("#tasks a").last.click()
        page.get_by_label("What do you see?").fill("a shadow, said Rose")
        page.get_by_role("button", name="Add annotation").click()
        page.get_by_role("button", name="Complete task").click()
        expect(page.locator("#tasks tr").last).to_contain_text("completed")


def meet_fault(page: Page, address: str) -> None:
    """Export a project without inputs, which the annotator cannot: it divides by zero."""
    page.goto(address)
    page.get_by_label("Name of the project").fill("Empty")
    page.get_by_role("button", name="Create project").click()
    page.get_by_role("link", name="Export project").click()
    expect(page.get_by_role("alert")).to_be_visible()


def explained(page: Page) -> int:
    """Check that every value in the exact bytes has its definition beside it; returns how many values there are."""
    values = page.locator("pre.lines a.v")
    for place in set(values.evaluate_all("all => all.map((e) => e.getAttribute('href').slice(1))")):
        words = page.locator(f'[id="{place}"]').inner_text()
        assert len(words) > 20, place
    assert page.locator("pre.lines .strange").count() == 0
    return values.count()


def bytes_shown(page: Page) -> bytes:
    """Return the exact bytes that the first list of lines shows."""
    return (page.locator("pre.lines").first.text_content() or "").encode()


def downloaded(page: Page, link: Locator) -> bytes:
    """Return what a link downloads."""
    with page.expect_download() as loading:
        link.click()
    return Path(loading.value.path()).read_bytes()


def short(sha256: str) -> str:
    """Return a hash as the steps show it."""
    return f"{sha256[:4]} {sha256[4:8]} … {sha256[-4:]}"


def sha256(data: bytes) -> str:
    """Return the hash in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
