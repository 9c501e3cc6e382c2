"""The pages in a real Chromium: policy, keyboard, a narrow screen, both colour schemes, with and without scripts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from audit.catalogue import REQUEST
from diffgram_home import consenting, intake, reading, rules, sealing, switching, views
from diffgram_home.home import Home
from tests.browser import Tab, open_tab
from tests.web.world import PASSWORD, World, open_world, run_product, serving

PAGES = (
    "/",
    "/fields",
    "/fields?q=member&state=approved",
    "/fields/withdraw?case=event",
    "/fields/transform/home.member_id",
    "/fields/transform/annotator.input_size_bytes",
    "/issues",
    "/issues?search=permission",
    "/issues/1",
    "/sessions",
    "/sessions?days=24",
    "/reports",
    "/pending",
    "/sent",
    "/sent/1",
    "/sent/2",
    "/sent/3",
    "/sent/4",
    "/cases",
    "/cases/event/off",
    "/cases/event/local?kind=home/error",
    "/by-hand",
    "/deletion",
    "/deletion/look?what=everything",
    "/deletion/leave",
    "/history",
    "/checkpoints",
    "/privacy",
    "/releases",
    "/account",
    "/limits",
    "/sent/999",
)


def enter(tab: Tab, world: World, role: str) -> Page:
    """A tab with a session of this role."""
    tab.context.add_cookies([{"name": "home-session", "value": world.token(role), "url": world.base}])
    return tab.page


def test_no_page_breaks_the_policy_or_says_anything_in_the_console(tab: Tab, world: World) -> None:
    tab.page.goto(world.base + "/sign-in")
    page = enter(tab, world, "security")
    for place in PAGES:
        page.goto(world.base + place)
        if page.locator("a.v").count():
            page.locator("a.v").first.hover()
    assert [line for line in tab.said if "404 (NOT FOUND)" not in line] == []


def test_a_script_that_got_into_a_page_is_not_run_and_markup_is_never_made_from_text(tab: Tab, world: World) -> None:
    page = enter(tab, world, "security")
    page.goto(world.base + "/")
    refused = page.evaluate(INTRUDE)
    assert refused == {"markup": "TypeError", "policy": "TypeError", "script": "TypeError", "handler": "TypeError"}
    assert page.evaluate("window.ran ?? 0") == 0
    assert any("violation: " in line for line in tab.said)


def test_the_pages_about_people_keep_the_policy_and_fit_a_narrow_screen(chromium: Browser, world: World) -> None:
    tab = open_tab(chromium, viewport={"width": 360, "height": 740})
    page = enter(tab, world, "admin")
    for place in ("/people", "/people/2/delete"):
        page.goto(world.base + place)
        assert _too_wide(page) <= 0, place
    assert tab.said == []
    tab.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_screen_of_360_pixels_in_both_schemes(chromium: Browser, world: World, scheme: str) -> None:
    tab = open_tab(chromium, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    tab.page.goto(world.base + "/sign-in")
    assert _too_wide(tab.page) <= 0
    page = enter(tab, world, "security")
    for place in PAGES:
        page.goto(world.base + place)
        page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
        assert _too_wide(page) <= 0, place
        ink, paper = page.evaluate(COLOURS)
        assert (_brightness(ink) < _brightness(paper)) is (scheme == "light"), place
    tab.context.close()


def test_the_text_of_the_page_is_the_body_to_the_byte(tab: Tab, world: World) -> None:
    page = enter(tab, world, "viewer")
    for number in world.attempts.values():
        page.goto(f"{world.base}/sent/{number}")
        found = reading.attempt(world.home, number)
        assert found
        assert page.locator("pre.lines").first.evaluate("e => e.textContent").encode() == found.body
        assert world.ask(f"/sent/{number}/bytes", token=world.token("viewer")).body == found.body
        assert page.locator("code[data-copy='the hash']").text_content() == found.line.sha256
    page.goto(world.base + "/pending")
    waiting = reading.pending(world.home).batches
    shown = page.locator("section:has(h2[id^=b]) pre.lines").all()
    assert [pre.evaluate("e => e.textContent").encode() for pre in shown] == [batch.body for batch in waiting]


def test_the_privacy_notice_on_the_page_is_the_file_to_the_byte(tab: Tab, world: World) -> None:
    page = enter(tab, world, "viewer")
    page.goto(world.base + "/privacy")
    shown = page.locator("main pre").evaluate("e => e.textContent")
    assert shown == world.ask("/privacy/notice.md", token=world.token("viewer")).text
    assert "| Event.py error collection |" in shown


def test_what_is_said_to_stay_here_neither_left_nor_waits(tab: Tab, world: World) -> None:
    page = enter(tab, world, "viewer")
    page.goto(world.base + "/pending")
    shown = page.locator("section[aria-labelledby=kept] .line").count()
    assert shown == 16, "those of the first run, while local; the five runs since then were collected while on"


def test_every_value_leads_to_its_definition_on_the_same_page(tab: Tab, world: World) -> None:
    page = enter(tab, world, "viewer")
    for place in ("/sent/1", "/pending"):
        page.goto(world.base + place)
        missing = page.evaluate(
            "[...document.querySelectorAll('a.v')].map(a => a.hash).filter(h => !document.getElementById(h.slice(1)))"
        )
        assert missing == []
        assert page.locator("a.v").count() > 20
        assert page.locator("pre .strange").count() == 0


def test_hovering_and_tabbing_show_the_definition_and_without_scripts_the_link_does(
    chromium: Browser, tab: Tab, world: World
) -> None:
    page = enter(tab, world, "viewer")
    page.goto(world.base + "/sent/1")
    definition = page.locator("[id='f-home.error_log']")
    assert not definition.locator("dl").is_visible()
    page.locator("a.v[href='#f-home.error_log']").first.hover()
    assert definition.locator("dl").is_visible()
    page.locator("a.v[href='#f-home.member_id']").first.focus()
    assert page.locator("[id='f-home.member_id'] dl").is_visible()
    assert not definition.locator("dl").is_visible()
    plain = open_tab(chromium, java_script_enabled=False)
    page = enter(plain, world, "viewer")
    page.goto(world.base + "/sent/1")
    page.locator("a.v[href='#f-home.error_log']").first.click()
    assert page.locator("[id='f-home.error_log'] dl").is_visible()
    assert "approved by security.person" in (page.locator("[id='f-home.error_log']").text_content() or "")
    plain.context.close()


def test_the_keyboard_alone_reaches_everything_and_the_focus_is_always_seen(tab: Tab, world: World) -> None:
    page = enter(tab, world, "security")
    for place in ("/", "/fields", "/cases", "/sent"):
        page.goto(world.base + place)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.goto(world.base + place)
        want = page.evaluate(FOCUSABLE)
        reached = 0
        for _ in range(want + 40):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUS)
            if at is None:
                break
            reached += 1
            assert at["seen"], (place, at)
        assert reached >= want, (place, reached, want)
        assert page.locator("nav [aria-current=page]").count() == 1


def test_searching_narrows_the_fields_at_once_and_without_scripts_by_the_button(
    chromium: Browser, tab: Tab, world: World
) -> None:
    page = enter(tab, world, "viewer")
    page.goto(world.base + "/fields")
    page.locator("input[type=search]").fill("pseudonym")
    assert page.locator(".choice:visible").count() == 2
    plain = open_tab(chromium, java_script_enabled=False)
    page = enter(plain, world, "viewer")
    page.goto(world.base + "/fields")
    page.locator("input[type=search]").fill("pseudonym")
    page.get_by_role("button", name="Show").click()
    assert page.locator(".choice").count() == 2
    plain.context.close()


def test_a_page_says_when_something_new_was_recorded_and_does_not_move(tab: Tab, fresh: World) -> None:
    page = enter(tab, fresh, "viewer")
    page.goto(fresh.base + "/")
    run_product(fresh.home)
    intake.take(fresh.home, datetime.now(UTC))
    page.locator(".pulse").wait_for(state="visible", timeout=15_000)
    page.locator(".pulse a").click()
    page.wait_for_load_state()
    assert not page.locator(".pulse").is_visible()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """An installation in which nobody has decided anything yet, served."""
    home = open_world(tmp_path)
    switching.apply(home, datetime.now(UTC))
    with serving(home.settings.path) as base:
        yield World(home, base, {})
    home.close()


def test_an_officer_decides_everything_without_any_script(chromium: Browser, fresh: World) -> None:
    home = fresh.home
    tab = open_tab(chromium, java_script_enabled=False, viewport={"width": 1000, "height": 800})
    page = tab.page
    page.goto(fresh.base + "/fields")
    page.get_by_label("Name").fill("security.person")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == fresh.base + "/fields", "signing in leads back to what was asked for"

    page.goto(fresh.base + "/cases/event/on")
    assert "Nothing at all leaves yet" in (page.locator("main").text_content() or "")
    page.goto(fresh.base + "/fields")
    page.get_by_label("tick member_id").first.check()
    page.get_by_role("button", name="Approve the ticked").click()
    assert "Approve 1 field" in (page.locator("h1").text_content() or "")
    page.get_by_label(re.compile("Stands in the history")).fill("data protection officer, 2026-14")
    page.get_by_role("button", name="Approve 1 field").click()
    page.get_by_text("Approved. What was approved").wait_for()
    assert len(_approved(home)) == 1

    page.get_by_role("link", name="Approve all").click()
    page.get_by_label(re.compile("Stands in the history")).fill("data protection officer, 2026-14")
    page.get_by_role("button", name=re.compile("Approve .* fields")).click()
    page.get_by_text("Approved. What was approved").wait_for()
    live = {n for n, field in home.catalogue.fields.items() if not field.removed and field.case != REQUEST}
    assert _approved(home) == live
    page.get_by_role("link", name="Overview").click()
    assert "without your decision" not in (page.locator("main").text_content() or "")
    page.go_back()

    page.get_by_role("link", name="open").click()  # what to do next is said, and leads there
    page.get_by_role("link", name=re.compile("^on ?: switch Events and errors")).click()
    assert rules.current(home).modes.cases["event"] == "local", "asking changes nothing"
    assert "Nothing at all leaves yet" not in (page.locator("main").text_content() or "")
    page.get_by_role("button", name="Switch to on").click()
    page.get_by_text("Switched on, and recorded").wait_for()
    assert rules.current(home).modes.cases["event"] == "on"
    _something_waits(home)
    page.get_by_role("link", name="Pending").click()
    assert "will go next" in (page.locator("h1").text_content() or "")

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("group", name="Mode of Events and errors").get_by_role("link", name="off").click()
    assert "wait to go" in (page.locator("main").text_content() or "")
    page.get_by_role("button", name="Switch to off").click()
    page.get_by_text("Switched, and recorded").wait_for()
    assert rules.current(home).modes.cases["event"] == "off"
    assert not [b for b in reading.pending(home).batches if not b.void], "what waited is voided"

    page.get_by_role("link", name="Fields", exact=True).click()
    page.get_by_role("link", name="Withdraw this case").first.click()
    page.get_by_label(re.compile("Stands in the history")).fill("no longer wanted")
    page.get_by_role("button", name=re.compile("Withdraw .* fields")).click()
    page.get_by_text("Withdrawn. These fields").wait_for()
    assert not any(home.catalogue.fields[name].case == "event" for name in _approved(home))
    page.get_by_role("link", name="History").click()
    told = page.locator("main").text_content() or ""
    for word in ("security.person", "data protection officer, 2026-14", "no longer wanted", "off"):
        assert word in told
    tab.context.close()


def test_declining_switching_and_a_last_day_work_without_any_script(chromium: Browser, fresh: World) -> None:
    tab = open_tab(chromium, java_script_enabled=False, viewport={"width": 360, "height": 740})
    page, day = enter(tab, fresh, "security"), (datetime.now(UTC) + timedelta(days=40)).date()

    def state(name: str) -> views.Field:
        return next(field for field in reading.fields(fresh.home) if field.name == name)

    page.goto(fresh.base + "/fields?q=home.member_id")
    page.get_by_label("tick member_id").first.check()
    page.get_by_role("button", name="Decline the ticked").click()
    page.get_by_label(re.compile("Stands in the history")).fill("works council 4")
    page.get_by_role("button", name="Decline 1 field").click()
    page.get_by_text("Declined. These fields").wait_for()
    assert (state("home.member_id").state, state("home.member_id").authority) == ("declined", "works council 4")

    page.goto(fresh.base + "/fields/approve?name=home.error_log")
    page.get_by_label(re.compile("Stands in the history")).fill("minute 7")
    page.get_by_label(re.compile("Last day of the approval")).fill(str(day))
    page.get_by_role("button", name="Approve 1 field").click()
    until = state("home.error_log").expires_at
    assert until
    assert (until - timedelta(seconds=1)).date() == day

    page.goto(fresh.base + "/fields")
    page.get_by_label("tick input_id").first.check()
    page.get_by_role("button", name="Switch the ticked off").click()
    page.get_by_role("button", name="Switch 1 field off").click()
    page.get_by_text("Switched, and recorded").wait_for()
    assert state("home.input_id").off
    assert '"home.input_id" = "off"' in fresh.home.settings.path.read_text()
    page.goto(fresh.base + "/fields?state=switched off")
    assert page.locator("details.field").count() == 1
    page.goto(fresh.base + "/fields/switch/on?name=home.input_id")
    page.get_by_role("button", name="Switch 1 field on").click()
    assert not state("home.input_id").off
    page.goto(fresh.base + "/history")
    told = page.locator("main").text_content() or ""
    for word in ("works council 4", "minute 7", "declined", "home.input_id"):
        assert word in told
    tab.context.close()


def test_a_last_day_that_has_passed_or_is_none_approves_nothing(fresh: World) -> None:
    token = fresh.token("security")
    shown = f"home.member_id@{fresh.home.catalogue.fields['home.member_id'].hash}"
    form = {"csrf": fresh.form_value(token), "authority": "me", "definition": shown}
    for day in ("2020-01-01", "soon", "9999-12-31"):
        got = fresh.ask("/fields/approve", method="POST", token=token, form={**form, "until": day})
        assert (got.status, _approved(fresh.home)) == (400, set()), day


def test_an_approval_of_a_definition_that_is_no_longer_the_one_shown_is_refused(fresh: World) -> None:
    token = fresh.token("security")
    form = {"csrf": fresh.form_value(token), "authority": "me", "definition": "home.member_id@" + "0" * 64}
    got = fresh.ask("/fields/approve", method="POST", token=token, form=form)
    assert got.status == 400
    assert "no longer the one you were shown" in got.text
    form["definition"] = f"home.member_id@{fresh.home.catalogue.fields['home.member_id'].hash}"
    for authority in ("", "   ", "x" * 501):
        got = fresh.ask("/fields/approve", method="POST", token=token, form={**form, "authority": authority})
        assert (got.status, _approved(fresh.home)) == (400, set())
    assert fresh.ask("/fields/approve", method="POST", token=token, form=form).status == 303
    assert _approved(fresh.home) == {"home.member_id"}


def test_an_unreadable_settings_file_is_said_loudly_on_every_page(tab: Tab, fresh: World) -> None:
    home = fresh.home
    kept = home.settings.path.read_text()
    home.settings.path.write_text(kept + "\n[broken")
    switching.apply(home, datetime.now(UTC))
    page = enter(tab, fresh, "viewer")
    for place in ("/", "/fields", "/sent", "/history"):
        page.goto(fresh.base + place)
        alert = page.get_by_role("alert").filter(has_text=re.compile("unreadable|cannot be read", re.I))
        assert alert.count() >= 1, place
        assert "What to do" in (alert.first.text_content() or "")
    home.settings.path.write_text(kept)
    switching.apply(home, datetime.now(UTC))
    page.goto(fresh.base + "/fields")
    assert page.get_by_role("alert").count() == 0


def test_a_scheduler_that_says_nothing_is_said_loudly(tab: Tab, fresh: World) -> None:
    page = enter(tab, fresh, "viewer")
    page.goto(fresh.base + "/")
    assert page.get_by_role("alert").filter(has_text="The scheduler is silent").is_visible()


INTRUDE = """() => {
    const script = () => Object.assign(document.createElement("script"), {text: "window.ran = 1"});
    const tries = {
        markup: () => { document.body.innerHTML = "<b>x</b>"; },
        policy: () => trustedTypes.createPolicy("mine", {createHTML: (text) => text}),
        script: () => document.body.append(script()),
        handler: () => { document.body.setAttribute("onclick", "window.ran = 1"); document.body.click(); },
    };
    const tried = {};
    for (const [name, act] of Object.entries(tries)) {
        try { act(); tried[name] = "done"; } catch (error) { tried[name] = error.name; }
    }
    return tried;
}"""
COLOURS = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
FOCUSABLE = """[...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
)].filter((e) => e.checkVisibility()).length"""
FOCUS = """() => {
    const at = document.activeElement;
    if (!at || at === document.body || at === document.documentElement) return null;
    const style = getComputedStyle(at), box = at.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const seen = outlined && box.width > 0 && box.left > -50;
    return {what: at.outerHTML.slice(0, 80), seen};
}"""


def _too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def _brightness(colour: str) -> int:
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def _approved(home: Home) -> set[str]:
    holding = consenting.consent(home, datetime.now(UTC))
    return {field.name for field in home.catalogue.fields.values() if holding.allows(field)}


def _something_waits(home: Home) -> None:
    run_product(home)
    intake.take(home, datetime.now(UTC))
    assert sealing.seal_waiting(home, datetime.now(UTC))
