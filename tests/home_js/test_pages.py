"""home.js in a real Chromium, in pages with a policy as strict as it can be: what arrives, and what never does."""

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.browser import Tab, open_tab
from tests.home_js.conftest import Place
from tests.home_js.shop import ENCODED, SECRET, Since, bytes_of, until
from tests.web.world import ROOT

SHOP = '<script src="/shop.js" nonce="n0nce" defer></script>'
EARLIER = """<script nonce="n0nce">
  globalThis.noticed = [];
  onerror = (message) => { noticed.push(`onerror ${message}`); };
  onunhandledrejection = () => { noticed.push("onunhandledrejection"); };
  addEventListener("error", () => noticed.push("listener"));
  console.error = (...said) => noticed.push(`console ${said.length}`);
</script>"""


@pytest.fixture
def now_told(place: Place) -> Since:
    """What the installation was told since the test began."""
    return Since(place.home)


def address(path: str) -> str:
    """An address with the secret in every part of it."""
    return f"{path}?who={SECRET}&again={quote(ENCODED[5])}#{SECRET}"


def opened(tab: Tab, place: Place, *tags: str, path: str = "/page") -> Page:
    """A page of the shop with these tags, at an address with the secret in it."""
    place.shop.page(path, *tags)
    tab.page.goto(place.shop.base + address(path))
    return tab.page


def do(page: Page, *names: str) -> None:
    """Let the shop fail, then wait until the installation has answered."""
    with page.expect_response(lambda got: "/browser/shop/" in got.url) as found:
        for name in names:
            page.evaluate(f"shop.{name}()")
    assert found.value.status == 204


def hide(page: Page) -> None:
    """The person goes elsewhere."""
    page.goto("about:blank")


ERRORS: list[tuple[str, dict[str, Any]]] = [
    ("uncaught", {"how": "error", "type": "TypeError", "calls": 4}),
    ("ownClass", {"how": "error", "type": "BasketError", "calls": 4}),
    ("strangeClass", {"how": "error", "type": "<type>", "calls": 4}),
    ("text", {"how": "error", "type": "<type>", "calls": 1}),
    ("frameInMessage", {"how": "error", "type": "Error", "calls": 4}),
    ("rejected", {"how": "rejection", "type": "RangeError", "calls": 1}),
    ("rejectedText", {"how": "rejection", "type": "<type>", "calls": 0}),
    ("rejectedObject", {"how": "rejection", "type": "<type>", "calls": 0}),
    ("said", {"how": "console", "type": "BasketError", "calls": 1}),
    ("saidText", {"how": "console", "type": "<type>", "calls": 0}),
    ("picture", {"how": "resource", "element": "img"}),
]


@pytest.mark.parametrize(("name", "expected"), ERRORS)
def test_every_way_to_fail_arrives_as_metadata(
    tab: Tab, place: Place, now_told: Since, name: str, expected: dict[str, Any]
) -> None:
    shop = place.shop
    page = opened(tab, place, shop.tag(to=shop.to, release="1.0.0"), shop.tag("extras.js"), SHOP)
    do(page, name)
    (message,) = until(now_told.errors)
    assert (message["how"], message["release"]) == (expected["how"], "1.0.0")
    if name == "picture":
        assert (message["element"], "error_log" in message) == ("img", False)
        return
    (link,) = message["error_log"]["chain"]
    assert link["type"] == expected["type"]
    assert len(link["shapes"]) == (name != "rejectedObject")
    places = [place for place, mine in message["error_log"]["frames"] if mine]
    assert [place.partition(":")[0] for place in places] == ["shop.js"] * expected["calls"]


def test_the_positions_are_those_of_the_calls_outermost_first(tab: Tab, place: Place, now_told: Since) -> None:
    page = opened(tab, place, place.shop.tag(to=place.shop.to), SHOP)
    do(page, "uncaught")
    frames = until(now_told.errors)[0]["error_log"]["frames"]
    assert [(frame[0].split(":")[1], frame[1]) for frame in frames] == [("7", 1), ("5", 1), ("4", 1), ("7", 1)]


def test_nothing_is_stored_and_nobody_else_is_asked(chromium: Browser, place: Place) -> None:
    tab = open_tab(chromium)
    asked: list[Request] = []
    tab.page.on("request", lambda one: asked.append(one))
    shop = place.shop
    tags = shop.tag(to=shop.to, route="/failing", release="1.0.0"), shop.tag("extras.js"), SHOP
    page = opened(tab, place, *tags, path="/everything")
    do(page, *[name for name, _ in ERRORS])
    hide(page)
    page.go_back()
    page.wait_for_function("globalThis.diffgramHome")
    stored = page.evaluate(
        """async () => [document.cookie, localStorage.length, sessionStorage.length,
           (await indexedDB.databases()).length, (await caches.keys()).length, history.length, name]"""
    )
    assert stored == ["", 0, 0, 0, 0, 3, ""]
    assert tab.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
    posts = [one for one in asked if one.method == "POST"]
    assert {one.url.partition("?")[0] for one in posts} == {shop.to}
    assert {one.url.split("/")[2] for one in asked} == {base.split("/")[2] for base in (shop.base, shop.installation)}
    assert len(posts) >= 1
    for one in posts:
        headers = one.all_headers()
        assert "cookie" not in headers
        assert "referer" not in headers
        assert shop.base not in (one.post_data or "")
        assert "who=" not in (one.post_data or "")
    assert [line for line in tab.said if line.startswith("violation")] == []
    tab.context.close()


def test_no_secret_reaches_the_disk_of_the_installation(place: Place) -> None:
    found = bytes_of(place.home)
    assert len(found) > 10_000
    assert [text for text in ENCODED if text.encode() in found] == []


def test_handlers_that_were_there_before_are_still_called(tab: Tab, place: Place) -> None:
    shop = place.shop
    page = opened(tab, place, EARLIER, shop.tag(to=shop.to), shop.tag("extras.js"), SHOP)
    do(page, "uncaught", "rejected", "said")
    noticed = page.evaluate("noticed")
    assert sorted(noticed) == [
        "console 2",
        "listener",
        f"onerror Uncaught TypeError: no {SECRET} here",
        "onunhandledrejection",
    ]


def test_the_hook_changes_and_drops_before_anything_goes(tab: Tab, place: Place, now_told: Since) -> None:
    hook = """<script nonce="n0nce" defer>
      addEventListener("DOMContentLoaded", () => { diffgramHome.onEvent = (item) => {
        if (item.name === "RangeError") return false;
        if (item.how === "console") throw new Error("a hook that fails drops");
        item.name = "SyntaxError"; item.frames = []; item.route = "/";
        return item;
      }; });
    </script>"""
    shop = place.shop
    page = opened(tab, place, shop.tag(to=shop.to), shop.tag("extras.js"), SHOP, hook)
    with page.expect_request(lambda one: one.method == "POST") as sent:
        do(page, "rejected", "said", "uncaught")
    assert "RangeError" not in (sent.value.post_data or "")
    (message,) = until(now_told.errors)
    assert (message["error_log"]["chain"][0]["type"], message["error_log"]["frames"]) == ("SyntaxError", [])
    assert message["route"] == "/"


def test_a_page_that_is_left_tells_its_visit_on_the_way_out(tab: Tab, place: Place, now_told: Since) -> None:
    opened(tab, place, place.shop.tag(to=place.shop.to, route="/order/<int:id>"))
    assert now_told.told() == []
    hide(tab.page)
    (message,) = until(now_told.told)
    assert (message["kind"], message["route"]) == ("home/visit", "/order/<int:id>")
    assert not {"referrer", "seconds"} & set(message)


def test_a_tab_that_is_closed_tells_what_it_still_held(chromium: Browser, place: Place, now_told: Since) -> None:
    tab = open_tab(chromium)
    page = opened(tab, place, place.shop.tag(to=place.shop.to, route="/"), SHOP)
    page.evaluate("diffgramHome.error(new TypeError('x'))")
    page.close(run_before_unload=True)
    assert until(now_told.errors)
    assert until(now_told.visits)
    tab.context.close()


def test_a_body_on_the_way_out_has_sixty_kilobytes_at_most(tab: Tab, place: Place, now_told: Since) -> None:
    page = opened(tab, place, place.shop.tag(to=place.shop.to), SHOP)
    with page.expect_request(lambda one: one.method == "POST") as sent:
        page.evaluate(
            """() => { for (let n = 0; n < 100; n++) diffgramHome.error(Object.assign(new Error("\\u4e2d".repeat(900)),
               { stack: Array(40).fill(`at x (${"a".repeat(80)}.js:1:1)`).join("\\n") })); }"""
        )
    size = len(sent.value.post_data_buffer or b"")
    assert 30_000 < size <= 60_000
    assert until(now_told.refused)["lost"] > 60


def test_routes_that_a_script_shows_are_visits_of_their_own(tab: Tab, place: Place, now_told: Since) -> None:
    shop = place.shop
    page = opened(tab, place, shop.tag(to=shop.to, route="/"), shop.tag("extras.js"), SHOP)
    page.evaluate("diffgramHome.visit('/order/<int:id>')")
    page.evaluate("diffgramHome.visit('/order/4711')")
    hide(page)
    visits = until(lambda: len(found := now_told.visits()) == 3 and found)
    assert sorted(visit["route"] for visit in visits) == ["/", "/order/<int:id>", "<route>"]
    assert {visit["seconds"] for visit in visits} == {"<10"}


def test_who_led_here_is_told_as_a_host_and_only_with_extras(tab: Tab, place: Place, now_told: Since) -> None:
    shop = place.shop
    place.shop.page("/landing", shop.tag(to=shop.to, route="/"), shop.tag("extras.js"))
    elsewhere = shop.base.replace("127.0.0.1", "localhost")
    place.shop.page("/from")
    tab.page.goto(elsewhere + address("/from"))
    tab.page.evaluate(f"location.href = '{shop.base}/landing'")
    tab.page.wait_for_function("globalThis.diffgramHome")
    hide(tab.page)
    (visit,) = until(now_told.visits)
    assert visit["referrer"] == "localhost"


def test_a_page_with_nothing_to_tell_pings_once(tab: Tab, place: Place, now_told: Since) -> None:
    posts: list[Request] = []
    tab.page.on("request", lambda one: one.method == "POST" and posts.append(one))
    page = opened(tab, place, place.shop.tag(to=place.shop.to))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # still visible
    assert posts == []
    with page.expect_response(lambda got: "/browser/shop/" in got.url):
        page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    hide(page)
    assert [one.post_data_json["items"] for one in posts] == [[]]


def test_as_a_module_it_does_the_same(tab: Tab, place: Place, now_told: Since) -> None:
    module = f"""<script type="module" nonce="n0nce">
      import {{ home }} from "/home.mjs";
      import {{ extras }} from "/extras.mjs";
      home.start({{ to: "{place.shop.to}", route: "/failing", release: "1.0.0", onEvent: (item) => item }});
      home.start({{ to: "https://elsewhere.example/" }});
      extras(home);
    </script>"""
    page = opened(tab, place, module, SHOP)
    page.wait_for_load_state()
    do(page, "uncaught")
    (message,) = until(now_told.errors)
    hide(page)
    assert (message["how"], message["route"], message["release"]) == ("error", "/failing", "1.0.0")


HOSTILE = [
    "shop.hostile()",
    "diffgramHome.error(undefined)",
    "diffgramHome.error(null, 'caught', null)",
    "diffgramHome.error(new Proxy({}, { get() { throw 1; } }))",
    "diffgramHome.error(Object.assign(new Error('x'), { stack: 7, message: Symbol(), name: 1n }))",
    "diffgramHome.visit({ toString() { throw 1; } })",
    "diffgramHome.start()",
    "diffgramHome.push()",
    "diffgramHome.push({ get kind() { throw 1; } })",
    "diffgramHome.onEvent = () => { throw 1; }; diffgramHome.error(new Error('x')); diffgramHome.flush()",
    "diffgramHome.onEvent = () => 7n; diffgramHome.error(new Error('x')); diffgramHome.flush()",
    "fetch = () => { throw 1; }; diffgramHome.error(new Error('x')); diffgramHome.flush()",
    "fetch = undefined; diffgramHome.error(new Error('x')); diffgramHome.flush()",
    "JSON.stringify = () => { throw 1; }; diffgramHome.error(new Error('x')); diffgramHome.flush()",
    "Object.defineProperty(document, 'hidden', { get() { throw 1; } }); dispatchEvent(new Event('pagehide'))",
]


@pytest.mark.parametrize("script", HOSTILE)
def test_nothing_in_it_throws_into_the_page(tab: Tab, place: Place, script: str) -> None:
    page = opened(tab, place, place.shop.tag(to=place.shop.to), SHOP)
    page.evaluate("globalThis.raised = []; addEventListener('error', (e) => raised.push(e.message))")
    page.evaluate("addEventListener('unhandledrejection', (e) => { e.preventDefault(); })")
    assert page.evaluate(f"(() => {{ {script}; return 'went on'; }})()") == "went on"
    assert page.evaluate("new Promise((go) => setTimeout(() => go(raised), 50))") == []


def test_a_stack_made_to_be_slow_is_not(tab: Tab, place: Place) -> None:
    page = opened(tab, place, place.shop.tag(to=place.shop.to))
    took_ms = page.evaluate(
        """() => { const began = performance.now();
           for (const part of ["a", "a?", "a#", ":1", "a:1:", "a?b:1:1x", "("])
             diffgramHome.error(Object.assign(new Error("x"), { stack: part.repeat(200000) }));
           return performance.now() - began; }"""
    )
    assert took_ms < 5000


def test_extras_wait_as_long_as_they_are_asked_to(tab: Tab, place: Place, now_told: Since) -> None:
    shop = place.shop
    busy = {
        "Access-Control-Allow-Origin": shop.base,
        "Access-Control-Expose-Headers": "Retry-After",
        "Retry-After": "2",
    }
    tab.page.route(shop.to, lambda route: route.fulfill(status=429, headers=busy))
    page = opened(tab, place, shop.tag(to=shop.to), shop.tag("extras.js"), SHOP)
    page.clock.install()
    page.evaluate("diffgramHome.error(new RangeError())")
    with page.expect_response(shop.to) as asked:
        page.clock.run_for(1500)
    assert asked.value.status == 429
    page.unroute(shop.to)
    page.evaluate("diffgramHome.error(new RangeError())")
    page.clock.run_for(1400)
    assert now_told.errors() == []
    page.clock.run_for(2500)
    assert len(until(lambda: len(found := now_told.errors()) == 2 and found)) == 2


def test_extras_keep_what_could_not_go_until_the_network_is_back(tab: Tab, place: Place, now_told: Since) -> None:
    shop = place.shop
    page = opened(tab, place, shop.tag(to=shop.to), shop.tag("extras.js"), SHOP)
    tab.context.set_offline(True)
    page.evaluate("shop.rejected()")
    page.evaluate("new Promise((go) => setTimeout(go, 1100))")
    assert now_told.errors() == []
    with page.expect_response(lambda got: "/browser/shop/" in got.url):
        tab.context.set_offline(False)
    assert len(until(now_told.errors)) == 1


def test_a_script_that_was_changed_on_the_way_does_not_run(tab: Tab, place: Place) -> None:
    tag = place.shop.tag(to=place.shop.to).replace("sha384-", "sha384-A")
    page = opened(tab, place, tag, SHOP)
    assert page.evaluate("typeof diffgramHome") == "undefined"


def test_the_scripts_load_from_the_installation_too_with_their_hash(tab: Tab, place: Place, now_told: Since) -> None:
    shop = place.shop
    tag = shop.tag(to=shop.to).replace('src="/home.js"', f'src="{shop.installation}/browser/home.js" crossorigin')
    page = opened(tab, place, tag, SHOP)
    do(page, "uncaught")
    assert until(now_told.told)


def test_the_root_of_the_project_is_not_in_what_is_served() -> None:
    for path in (ROOT / "diffgram_home/browser/built").iterdir():
        assert str(ROOT) not in path.read_text()
