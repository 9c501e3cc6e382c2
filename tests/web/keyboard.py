"""Somebody without a mouse: walks with the tabulator, presses what has the focus, and types."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page

STEPS = 900
"""No page of ours has more places to stop at; somebody who walks further is lost."""
_NAME = r"""() => {
    const at = document.activeElement;
    if (!at || at === document.body || at === document.documentElement) return null;
    const words = at.getAttribute("aria-label") || [...(at.labels || [])].map((label) => label.innerText).join(" ");
    return (words || at.innerText || at.value || "").replace(/\s+/g, " ").trim();
}"""


class Keyboard:
    """One page, used by its keys alone. Words are regular expressions over what a screen reader would say."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base

    def go(self, place: str) -> None:
        """Open an address of the pages, as typed into the address line."""
        self.page.goto(self.base + place)

    def reach(self, words: str) -> None:
        """Walk on, once past the end to the beginning, until what has the focus is called so. Raises AssertionError."""
        seen: list[str] = []
        ends = 0
        while ends < 2 and len(seen) < STEPS:
            self.page.keyboard.press("Tab")
            name = self.page.evaluate(_NAME)
            if name is None:
                ends += bool(seen)
            elif re.search(words, name):
                return
            else:
                seen.append(name)
        raise AssertionError(f"the keyboard does not reach {words!r} on {self.page.url}, but {seen}")

    def press(self, words: str) -> None:
        """Follow a link, or press a button."""
        self.reach(words)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def tick(self, words: str) -> None:
        """Tick a box."""
        self.reach(words)
        self.page.keyboard.press("Space")

    def write(self, words: str, text: str) -> None:
        """Write into a field."""
        self.reach(words)
        self.page.keyboard.type(text)

    def choose(self, words: str, option: str) -> None:
        """Choose from a list by its first letters."""
        self.reach(words)
        self.page.keyboard.type(option)

    def attach(self, words: str, file: Path) -> None:
        """Give a file to a form: the space bar opens the browser's own window for it."""
        self.reach(words)
        with self.page.expect_file_chooser() as window:
            self.page.keyboard.press("Space")
        window.value.set_files(file)

    def told(self) -> str:
        """What the page says."""
        return self.page.locator("main").text_content() or ""
