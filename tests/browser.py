"""A real Chromium for every test that clicks: ask for `chromium` or `tab`.

A tab notes what the console says and every violation of the content security policy, so that any test can assert that
there was nothing. Debian's Chromium is used; a missing one fails the test and says what to install.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOTE_VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", (e) => {
      console.error(`violation: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`);
    });
"""


@dataclass
class Tab:
    """One page of a browser, in a context of its own, and what its console said."""

    page: Page
    context: BrowserContext
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    if not Path(EXECUTABLE).exists():
        pytest.fail(f"no Chromium at {EXECUTABLE}: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        browser.close()


def open_tab(browser: Browser, **options: object) -> Tab:
    """A new tab; `options` are those of playwright's `new_context`. Close its context when done."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_init_script(NOTE_VIOLATIONS)
    tab = Tab(context.new_page(), context)
    tab.page.on("console", lambda message: tab.said.append(message.text))
    tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
    return tab


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    """A wide, light tab."""
    opened = open_tab(chromium, viewport={"width": 1280, "height": 800})
    yield opened
    opened.context.close()
