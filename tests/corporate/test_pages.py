"""The pages: who may see them, what they show, and how they look to a browser."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, expect

from corporate.app import create_app
from corporate.pages.guarding import HEADERS, OPEN, PROGRAMS
from tests.browser import open_tab
from tests.corporate.filling import fill
from tests.corporate.pretend import Pretend
from tests.corporate.running import PASSWORD, Server, command, found, running
from tests.corporate.visiting import Visitor


@pytest.fixture(scope="module")
def shown(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Pretend]]:
    """A server with something to look at, and its installation with every trouble."""
    folder = tmp_path_factory.mktemp("shown")
    with running(*found(folder, make_url())) as server:
        yield server, fill(server, folder)


@pytest.fixture
def visitor(shown: tuple[Server, Pretend]) -> Visitor:
    """Somebody who has not signed in."""
    return Visitor(shown[0])


def test_every_page_but_the_sign_in_is_closed_to_strangers(shown: tuple[Server, Pretend], visitor: Visitor) -> None:
    app = create_app(shown[0].settings, "pages")
    closed = 0
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<int(\(.*?\))?:\w+>", "1", re.sub(r"<(path:)?\w+>", "x", rule.rule))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if rule.endpoint in OPEN:
                continue
            answer = visitor.ask(method, path)
            wanted = (401, None) if path.startswith(PROGRAMS) else (303, "/sign-in")
            assert (answer.status, answer.headers.get("Location")) == wanted, rule
            closed += 1
    assert closed >= 11


def test_every_answer_has_the_strict_headers(visitor: Visitor) -> None:
    assert visitor.sign_in() == 303
    for path in ("/", "/received", "/tokens", "/releases", "/nothing", "/static/corporate.css"):
        answer = visitor.ask("GET", path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert ("no-store" in answer.headers.get("Cache-Control", "")) == ("static" not in path)
    assert "require-trusted-types-for 'script'" in HEADERS["Content-Security-Policy"]


def test_a_wrong_password_and_an_unknown_name_look_alike(visitor: Visitor) -> None:
    visitor.ask("GET", "/sign-in")
    answers = [
        visitor.ask("POST", "/sign-in", {"name": name, "password": "wrong password"})
        for name in ("nobody", "administrator")
    ]
    assert [answer.status for answer in answers] == [401, 401]
    assert answers[0].data.replace(b"nobody", b"administrator") == answers[1].data
    assert visitor.ask("GET", "/").status == 303


def test_guessing_is_slowed_down_for_that_name_only(visitor: Visitor) -> None:
    visitor.ask("GET", "/sign-in")
    tried = [visitor.ask("POST", "/sign-in", {"name": "a.guess", "password": "x" * 12}) for _ in range(7)]
    assert [answer.status for answer in tried[:5]] == [401] * 5
    assert tried[-1].status == 429
    assert int(tried[-1].headers["Retry-After"]) >= 1
    assert visitor.sign_in() == 303


def test_the_session_is_new_after_the_sign_in_and_gone_after_the_sign_out(visitor: Visitor) -> None:
    visitor.ask("GET", "/sign-in")
    before = visitor.cookie
    assert visitor.sign_in() == 303
    assert visitor.cookie != before
    kept = visitor.cookie
    assert visitor.ask("GET", "/").status == 200
    assert visitor.ask("POST", "/sign-out").status == 303
    visitor.cookie = kept
    assert visitor.ask("GET", "/").status == 303


def test_a_form_of_another_site_is_refused(shown: tuple[Server, Pretend], visitor: Visitor) -> None:
    visitor.sign_in()
    other = Visitor(shown[0])
    other.ask("GET", "/sign-in")
    for token in ("", "0" * 64, "é", other.form):
        answer = visitor.ask("POST", "/tokens", {"customer": "Forged", "form": token})
        assert answer.status == 403
    assert b"Forged" not in visitor.ask("GET", "/tokens").data


def test_another_host_name_is_refused(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/sign-in", Host="evil.example").status == 400


def test_an_installation_page_shows_what_is_wrong(shown: tuple[Server, Pretend], visitor: Visitor) -> None:
    visitor.sign_in()
    words = visitor.ask("GET", f"/installations/{shown[1].id}").data.decode()
    for word in (
        "St Mary&#39;s Hospital",
        "4–5, 7",
        "other bytes under one number",
        "two roots for one ledger size",
        "consent was withdrawn",
        "home/error.&lt;undeclared&gt;",
    ):
        assert word in words, word
    assert visitor.ask("GET", "/installations/" + "0" * 32).status == 404


def test_received_events_are_filtered_and_paged(shown: tuple[Server, Pretend], visitor: Visitor) -> None:
    visitor.sign_in()

    def lines(query: str) -> int:
        return visitor.ask("GET", f"/received?{query}").data.count(b"<pre")

    assert lines("") == 14
    assert lines(f"installation={shown[1].id}") == 8
    assert lines("kind=home%2Ferror&case=event") == 14
    assert (lines("case=support"), lines("kind=none%2Fsuch"), lines("before=0.0"), lines("before=x.y")) == (0, 0, 0, 14)
    first = re.search(rb"/batches/(\d+)#m(\d+)", visitor.ask("GET", "/received").data)
    assert first
    assert lines(f"before={int(first[1])}.{int(first[2])}") == 13


def test_the_exact_bytes_and_the_receipt_can_be_taken_home(shown: tuple[Server, Pretend], visitor: Visitor) -> None:
    visitor.sign_in()
    number = re.search(rb"/batches/(\d+)", visitor.ask("GET", f"/installations/{shown[1].id}").data)
    assert number
    page = f"/batches/{number[1].decode()}"
    body = visitor.ask("GET", f"{page}/body").data
    assert f'"installation":"{shown[1].id}"'.encode() in body
    assert visitor.ask("GET", f"{page}/receipt").data.count(b".") == 2
    said = visitor.ask("GET", page).data.decode()
    listed = said[said.index('id="fields"') :]
    kinds = re.findall(r"<h3><code>([^<]+)</code></h3>(.*?)</dl>", listed, re.DOTALL)
    assert kinds
    for _, of_kind in kinds:
        keys = re.findall(r"<dt><code>([^<]+)</code></dt>", of_kind)
        assert len(keys) == len(set(keys)) > 0, "each field once, under its kind of message"
    for nowhere in (999999, 2**63, 10**30):
        assert visitor.ask("GET", f"/batches/{nowhere}").status == 404
        assert visitor.ask("GET", f"/received?before={nowhere}.{nowhere}").status == 200


def test_a_batch_can_be_looked_at_after_the_key_for_receipts_was_rotated(tmp_path: Path) -> None:
    with running(*found(tmp_path, "")) as server:
        one, visitor = Pretend(server, tmp_path), Visitor(server)
        one.enrol()
        one.send(one.seal(1))
        visitor.sign_in()
        assert b"holds, by the key of today" in visitor.ask("GET", "/batches/1").data
        _spoil(tmp_path, ".ey", ".eY")
        assert b"DOES NOT HOLD" in visitor.ask("GET", "/batches/1").data
        _spoil(tmp_path, ".eY", ".ey")
        private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (server.settings.keys / "receipts.pem").write_bytes(private)
        command(server.config, "manifest")
        later = visitor.ask("GET", "/batches/1")
        assert later.status == 200
        assert b"by an earlier key of ours" in later.data


def _spoil(folder: Path, was: str, becomes: str) -> None:
    with sqlite3.connect(folder / "data" / "corporate.db") as store:
        store.execute("UPDATE batch SET receipt = replace(receipt, ?, ?)", (was, becomes))


def test_a_nul_in_what_was_asked_for_is_refused(visitor: Visitor) -> None:
    visitor.ask("GET", "/sign-in")
    assert visitor.ask("POST", "/sign-in", {"name": "a\0b", "password": "x" * 12}).status == 400
    visitor.sign_in()
    for query in ("kind=%00", "installation=a%00", "case=%00", "x=1&x=%00", "%00=1"):
        assert visitor.ask("GET", f"/received?{query}").status == 400, query
    for path in ("/installations/%00", "/nothing%00"):
        assert visitor.ask("GET", path).status == 400, path
    assert visitor.ask("POST", "/tokens", {"customer": "a\0b"}).status == 400


def test_a_token_is_shown_once(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.ask("GET", "/tokens")
    made = visitor.ask("POST", "/tokens", {"customer": "New customer", "days": "1"})
    token = re.search(rb"dhe_[\w-]{43}", made.data)
    assert (made.status, bool(token)) == (201, True)
    later = visitor.ask("GET", "/tokens").data
    assert b"New customer" in later
    assert b"dhe_" not in later
    assert visitor.ask("POST", "/tokens", {"customer": " "}).status == 400


def test_revoking_needs_the_box_and_holds(shown: tuple[Server, Pretend], visitor: Visitor, tmp_path: Path) -> None:
    one = Pretend(shown[0], tmp_path)
    assert one.enrol(shown[0].token("To be revoked")).status == 201
    visitor.sign_in()
    page = f"/installations/{one.id}"
    visitor.ask("GET", page)
    visitor.ask("POST", f"{page}/revoke")
    assert one.send(one.seal(1)).status == 200
    visitor.ask("POST", f"{page}/revoke", {"understood": "yes"})
    assert one.send(one.seal(2)).status == 403
    one.use("")


# ---- in Chromium -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1200, "dark")])
def test_it_works_with_the_keyboard_alone_and_nothing_is_wider_than_the_window(
    shown: tuple[Server, Pretend], chromium: Browser, width: int, scheme: str
) -> None:
    server, one = shown
    tab = open_tab(chromium, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = tab.page
    page.goto(server.pages)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("administrator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=with something to look at")
    for path in ("/", f"/installations/{one.id}", "/received", "/batches/1", "/carried", "/tokens", "/releases"):
        page.goto(server.pages + path, wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus can be seen"
    assert tab.said == []
    tab.context.close()
