"""The annotator's pages tell the installation of their own faults, under their strict policy."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.index import parse
from diffgram_home import settings, switching
from diffgram_home.browser import scripts
from diffgram_home.home import Home, make_home, open_home
from tests.annotator.product import EXAMPLE, INDEX, free_port
from tests.annotator.product import serving as serving_annotator
from tests.browser import Tab
from tests.home_js.shop import Since, bytes_of, until
from tests.web.world import serving, write_settings

STATIC = EXAMPLE / "annotator/static"
SECRET = "urgent-Rosamund4711"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Home, str]]:
    """An installation, and the address of an annotator whose pages tell it."""
    port = free_port()
    path = write_settings(tmp_path)
    path.write_text(f'{path.read_text()}[browser]\nprojects = ["annotator"]\norigins = ["http://127.0.0.1:{port}"]\n')
    chosen = settings.read(path, {})
    make_home(chosen)
    home = open_home(chosen)
    switching.apply(home, datetime.now(UTC))
    with serving(path) as base:
        tells = f"{base}/browser/annotator/"
        spool = home.settings.spool.folder
        with serving_annotator(tmp_path / "annotator", spool, port=port, tells=tells) as visitor:
            yield home, visitor.address
    home.close()


def test_both_faults_of_the_page_arrive_with_their_lines_and_without_what_was_typed(
    both: tuple[Home, str], tab: Tab
) -> None:
    home, address = both
    now_told = Since(home)
    page = tab.page
    page.goto(address)
    page.fill("#preview-name", SECRET)
    page.click("#preview-button")
    page.click("#count-button")
    first, second = sorted(until(lambda: len(found := now_told.errors()) == 2 and found), key=lambda m: m["how"])
    lines = (STATIC / "annotator.js").read_text().splitlines()
    for message, how, kind, line in (
        (first, "error", "ColourError", "throw new ColourError"),
        (second, "rejection", "TypeError", "text.value.length"),
    ):
        assert (message["how"], message["route"], message["release"]) == (how, "/", "1.0.0")
        assert message["error_log"]["chain"][0]["type"] == kind
        place, in_product = message["error_log"]["frames"][-1]
        assert (place.split(":")[0], in_product) == ("annotator.js", 1)
        assert line in lines[int(place.split(":")[1]) - 1]
    assert SECRET.encode() not in bytes_of(home)
    assert [said for said in tab.said if "violation" in said] == []
    page.goto("about:blank")
    assert until(now_told.visits)[0]["route"] == "/"


def test_the_scripts_that_it_ships_are_those_of_this_release_and_its_own_is_in_the_index() -> None:
    for name in ("home.js", "extras.js"):
        assert (STATIC / name).read_bytes() == scripts.content(name), f"cp diffgram_home/browser/built/{name} {STATIC}"
    bundle = parse(INDEX.read_bytes()).bundles["annotator.js"]
    text = (STATIC / "annotator.js").read_text()
    assert (bundle.lines, bundle.classes) == (len(text.splitlines()) + 1, {"ColourError"})
