"""User agents become words of closed lists, and nothing of them stays (research/pii.md)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffgram_home.browser import classes
from diffgram_home.browser.classes import Classes

_WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
KNOWN = {
    f"{_WIN} Chrome/131.0.0.0 Safari/537.36": ("chrome", 131, "windows", "desktop"),
    f"{_WIN} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51": ("edge", 131, "windows", "desktop"),
    f"{_WIN} Chrome/130.0.0.0 Safari/537.36 OPR/116.0.0.0": ("opera", 116, "windows", "desktop"),
    f"{_WIN} Chrome/128.0.0.0 YaBrowser/24.10.0.0 Safari/537.36": ("yandex", 24, "windows", "desktop"),
    f"{_MAC} Version/18.1 Safari/605.1.15": ("safari", 18, "macos", "desktop"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0": ("firefox", 132, "linux", "desktop"),
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36": (
        *("chrome", 129, "chromeos", "desktop"),
    ),
    f"{_IPHONE} Version/18.1 Mobile/15E148 Safari/604.1": ("safari", 18, "ios", "phone"),
    f"{_IPHONE} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1": ("chrome", 131, "ios", "phone"),
    f"{_IPHONE} FxiOS/132.0 Mobile/15E148 Safari/605.1.15": ("firefox", 132, "ios", "phone"),
    f"{_IPHONE} Mobile/15E148": ("ios-webview", 0, "ios", "phone"),
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 "
    "Safari/604.1": ("safari", 17, "ios", "tablet"),
    f"{_PIXEL} Chrome/131.0.0.0 Mobile Safari/537.36": ("chrome", 131, "android", "phone"),
    f"{_PIXEL} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": ("samsung-internet", 27, "android", "phone"),
    "Mozilla/5.0 (Linux; Android 14; SM-X710; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 "
    "Safari/537.36": ("android-webview", 130, "android", "tablet"),
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko": (
        *("internet-explorer", 11, "windows", "desktop"),
    ),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": ("other", 0, "other", "robot"),
    "curl/8.11.0": ("other", 0, "other", "robot"),
    f"{_WIN} HeadlessChrome/131.0.0.0 Safari/537.36": ("chrome", 131, "windows", "robot"),
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/4915551234567 Safari/537.36": (
        *("chrome", 0, "linux", "desktop"),
    ),
    "Rose Miller, rose@example.org, 4111111111111111": ("other", 0, "other", "other"),
    "": ("other", 0, "other", "other"),
}


@pytest.mark.parametrize("agent", KNOWN)
def test_a_known_user_agent_has_its_classes(agent: str) -> None:
    assert classes.of(agent) == Classes(*KNOWN[agent])


@given(st.text(max_size=700) | st.text(alphabet="ChromeFirefoxSafari/0123456789 ;()rvTrident:Version", max_size=700))
def test_whatever_the_text_the_classes_are_words_of_the_lists(agent: str) -> None:
    found = classes.of(agent)
    assert found.browser in (*classes.BROWSERS, classes.OTHER)
    assert found.system in (*classes.SYSTEMS, classes.OTHER)
    assert found.device in (*classes.DEVICES, classes.OTHER)
    assert 0 <= found.major <= 999


def test_what_stands_behind_512_characters_is_not_looked_at() -> None:
    assert classes.of("x" * 512 + "Firefox/132.0") == classes.of("")
    assert classes.of("x" * (512 - len("Firefox/132.")) + "Firefox/132.0").major == 132


@pytest.mark.parametrize(
    ("steps", "word"),
    [(0, "under-576"), (4, "from-3840"), (5, "other"), (-1, "other"), (None, "other"), (True, "other")],
)
def test_a_viewport_is_one_of_five_widths(steps: int | None, word: str) -> None:
    assert classes.viewport(steps) == word
