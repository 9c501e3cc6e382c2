"""What kind of browser a user agent says it is: family, major version, system and device, from closed lists only.

Whatever is not on a list is `other`; of a version only the major number is kept, and only if it has at most three
digits (a `Chrome/<phone number>` has none, research/pii.md). The text is cut first and never kept. The lists are ours
and short, on purpose: browsers freeze what they say about themselves, so that a library of thousands of patterns finds
little more (docs/decisions/0031).
"""

from __future__ import annotations

from dataclasses import dataclass

OTHER = "other"
LONGEST = 512
BROWSERS = (
    *("chrome", "edge", "firefox", "safari", "opera", "samsung-internet", "vivaldi", "yandex", "uc-browser"),
    *("duckduckgo", "android-webview", "ios-webview", "internet-explorer"),
)
SYSTEMS = ("windows", "macos", "linux", "chromeos", "android", "ios")
DEVICES = ("desktop", "phone", "tablet", "robot")
VIEWPORTS = ("under-576", "under-992", "under-1440", "under-3840", "from-3840")
"""Width of the window in CSS pixels."""

# The first that is found decides: browsers name those that they descend from as well.
_NAMED = (
    *(("Edg/", "edge"), ("EdgA/", "edge"), ("EdgiOS/", "edge"), ("Edge/", "edge")),
    *(("OPR/", "opera"), ("OPT/", "opera"), ("OPX/", "opera"), ("SamsungBrowser/", "samsung-internet")),
    *(("YaBrowser/", "yandex"), ("UCBrowser/", "uc-browser"), ("Vivaldi/", "vivaldi"), ("Ddg/", "duckduckgo")),
    *(("DuckDuckGo/", "duckduckgo"), ("FxiOS/", "firefox"), ("Focus/", "firefox"), ("Firefox/", "firefox")),
    *(("CriOS/", "chrome"), ("HeadlessChrome/", "chrome"), ("Chromium/", "chrome"), ("Chrome/", "chrome")),
    *(("MSIE ", "internet-explorer"), ("Opera/", "opera")),
)
_ROBOTS = ("bot", "crawl", "spider", "slurp", "headless", "lighthouse", "preview", "monitor", "curl/", "python-")
_TABLETS = ("ipad", "tablet", "kindle", "silk/", "playbook")


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of one user agent; `major` is 0 where there is none."""

    browser: str
    major: int
    system: str
    device: str


def of(user_agent: str) -> Classes:
    """The classes of a user agent, whatever text it is."""
    text = user_agent[:LONGEST]
    lower = text.lower()
    system = _system(text)
    browser, major = _browser(text)
    if browser == OTHER and system == "ios" and "AppleWebKit/" in text:
        browser = "ios-webview"
    return Classes(browser, major, system, _device(lower, system))


def viewport(steps: int | None) -> str:
    """The class of a window that reaches so many of the widths 576, 992, 1440 and 3840; `other` if nobody said."""
    known = type(steps) is int and 0 <= steps < len(VIEWPORTS)
    return VIEWPORTS[steps] if known and steps is not None else OTHER


def _browser(text: str) -> tuple[str, int]:
    for token, family in _NAMED:
        found = text.find(token)
        if found >= 0:
            webview = family == "chrome" and "; wv)" in text
            return "android-webview" if webview else family, _number(text, found + len(token))
    if "Trident/" in text:
        return "internet-explorer", _number(text, text.find("rv:") + 3) if "rv:" in text else 0
    if "Safari/" in text and (found := text.find("Version/")) >= 0:
        return "safari", _number(text, found + len("Version/"))
    return OTHER, 0


def _number(text: str, start: int) -> int:
    """One to three ASCII digits at `start` that no fourth follows, or 0."""
    digits = ""
    for character in text[start : start + 4]:
        if not ("0" <= character <= "9"):
            break
        digits += character
    return int(digits) if 1 <= len(digits) <= 3 else 0


def _system(text: str) -> str:
    if "Windows" in text:
        return "windows"
    if "iPhone" in text or "iPad" in text or "iPod" in text:
        return "ios"
    if "Macintosh" in text or "Mac OS X" in text:
        return "macos"
    if "CrOS" in text:
        return "chromeos"
    if "Android" in text:
        return "android"
    return "linux" if "Linux" in text or "X11" in text else OTHER


def _device(lower: str, system: str) -> str:
    if any(word in lower for word in _ROBOTS):
        return "robot"
    if any(word in lower for word in _TABLETS) or (system == "android" and "mobile" not in lower):
        return "tablet"
    if system in ("android", "ios") or "mobile" in lower:
        return "phone"
    return OTHER if system == OTHER else "desktop"
