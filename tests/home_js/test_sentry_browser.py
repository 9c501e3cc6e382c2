"""The unmodified @sentry/browser in a real Chromium, in a page with a strict policy, another origin than ours."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Response

from diffgram_home import dsns
from tests.browser import Tab
from tests.home_js.conftest import Place
from tests.home_js.shop import ENCODED, SECRET, Since, until
from tests.node import node
from tests.store.building import ACTOR
from tests.ways.running import PRODUCTS

SHOP = '<script src="/shop.js" nonce="n0nce" defer></script>'


@pytest.fixture(scope="module")
def bundled(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The SDK as a vendor would bundle it."""
    made = tmp_path_factory.mktemp("bundle") / "sentry.js"
    options = ("--bundle", "--format=iife", "--minify", "--target=es2020", f"--outfile={made}")
    environment = {**os.environ, "NODE_PATH": str(modules)}
    node(modules / "esbuild" / "bin" / "esbuild", PRODUCTS / "with_browser.mjs", *options, env=environment, check=True)
    return made.read_text(encoding="utf-8")


def is_event(got: Response) -> bool:
    return "/envelope/" in got.url and '"type":"event"' in (got.request.post_data or "")


def test_it_tells_what_home_js_would_and_nothing_else_arrives(tab: Tab, place: Place, bundled: str) -> None:
    shop, since = place.shop, Since(place.home)
    key = dsns.make(place.home, "shop pages", ACTOR, datetime.now(UTC))
    told = f'globalThis.dsn = "{dsns.address(key, shop.installation)}"; globalThis.secret = "{SECRET}";'
    shop.page("/sentry", *(f'<script nonce="n0nce">{text}</script>' for text in (told, bundled)), SHOP)
    page = tab.page
    page.goto(f"{shop.base}/sentry?who={SECRET}#{SECRET}")
    for do in ("shop.uncaught()", "shop.rejected()", f"tell('caught {SECRET}')"):
        with page.expect_response(is_event):
            page.evaluate(do)
    errors = until(lambda: found if len(found := since.errors()) == 3 else None)
    by_how = {message["how"]: message["error_log"] for message in errors}
    assert {how: log["chain"][0]["type"] for how, log in by_how.items()} == {
        "error": "TypeError",
        "rejection": "RangeError",
        "caught": "RangeError",
    }
    assert {message["release"] for message in errors} == {"1.0.0"}
    calls = [place.partition(":")[0] for place, _ in by_how["error"]["frames"]]
    assert calls[-3:] == ["shop.js"] * 3, "the SDK's own wrapper is no place; the shop's calls are"
    assert [message for message in since.told() if message["kind"] != "home/browser-error"] == []
    assert not [line for line in tab.said if line.startswith("violation")]
    kept = since.bytes().decode("latin-1")
    assert not [spelling for spelling in ENCODED if spelling in kept]
