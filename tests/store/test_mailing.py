"""Letters to administrators: about what, to whom, recorded before, once; and a mail server that means no good."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from audit import record
from audit.difference import ASPECTS
from diffgram_home import egress, fences, health, letter, mailing, pruning, reading, settings, upgrading, verifying
from diffgram_home.errors import SettingsFaults
from diffgram_home.exchange import NotReached, Taken, Unknown
from diffgram_home.home import Home, make_home, open_home
from diffgram_home.letter import Letter
from diffgram_home.models import Leaf
from diffgram_home.outbound import MailDoor
from tests.store import releases
from tests.store.building import NOW, build, write_files
from tests.store.mail_server import MailServer
from tests.store.test_listing import MORE, Corporate, hear, sources
from tests.store.test_listing import OURS as INSTALLED

ROOT = Path(__file__).parents[2]
LATER = NOW + timedelta(days=1)
NEWER = sources(INSTALLED[1][1] + MORE)
ONE = Letter("home@shop.example", "anna@shop.example", NOW, "ab" * 16, "shop", "test", "http://127.0.0.1:8080/check")
SENDING = """
import os, sys
from datetime import datetime
from pathlib import Path
from diffgram_home import mailing, settings
from diffgram_home.home import open_home
home = open_home(settings.read(Path(sys.argv[1]), os.environ))
mailing.send_due(home, mailing.open_door(home), datetime.fromisoformat(sys.argv[2]))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    one = MailServer(tmp_path)
    yield one
    one.close()


@pytest.fixture
def home(tmp_path: Path, server: MailServer) -> Iterator[Home]:
    one = build(tmp_path, more=server.toml())
    upgrading.look(one, NOW)
    yield one
    one.close()


def opened(folder: Path, environ: dict[str, str] | None = None) -> Home:
    found = settings.read(folder / "diffgram-home.toml", environ or {})
    make_home(found)
    return open_home(found)


def told(home: Home) -> None:
    """Let the installation hear of a release that asks for one more field."""
    assert hear(home, Corporate(INSTALLED, NEWER))


def send(home: Home, now=NOW, timeout_s: float = 30) -> None:
    named = home.settings.mail
    assert named is not None
    mailing.send_due(home, MailDoor(named, registry=egress.reachable(home.settings), timeout_s=timeout_s), now)


def leaves(home: Home) -> list[record.Record]:
    with home.store.read() as session:
        rows = session.query(Leaf).where(Leaf.type.in_(("mail", "mailed"))).order_by(Leaf.position)
        return [record.parse(row.data) for row in rows]


def outcomes(home: Home) -> list[tuple[str, str | None]]:
    return [(line.outcome, line.code) for line in mailing.listed(home)]


def notices(home: Home) -> set[str]:
    return {notice.code for notice in reading.notices(home)}


def killed(home: Home, when: Event) -> None:
    """Send in a process of its own, and kill it `when` that is set."""
    path = home.settings.path
    process = subprocess.Popen([sys.executable, "-c", SENDING, str(path), NOW.isoformat()], cwd=ROOT)
    try:
        assert when.wait(60)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_published_release_that_changes_what_may_leave_is_mailed_once_with_names_and_no_more(home, server):
    told(home)
    send(home)
    send(home, LATER)
    [(sender, to, data)] = server.taken
    assert (sender, to) == ("home@shop.example", "anna@shop.example")
    found = letter.read(data)
    assert (found.about, found.release, found.changes) == ("published", "shop 2.0.0", (("added", "shop.boxes"),))
    assert found.page == "http://127.0.0.1:8080/releases"
    assert b"something counted" not in data, "a definition's words are no names"
    assert outcomes(home) == [("accepted", None)]
    assert not {mailing.FAILS, mailing.UNSURE} & notices(home)


def test_an_installed_release_is_mailed_when_it_asks_for_a_decision_and_only_for_what_is_material(home, server):
    home = releases.upgraded(home, releases.catalogue({"paid": ("something counted", "something else counted")}))
    upgrading.attend(home, LATER)
    send(home, LATER)
    assert server.taken == [], "words alone are nobody's mail"
    home = releases.upgraded(home, releases.catalogue(weight=releases.WEIGHT))
    upgrading.attend(home, LATER)
    upgrading.attend(home, LATER)
    send(home, LATER)
    [found] = [letter.read(data) for _, _, data in server.taken]
    assert (found.about, found.changes, found.since) == ("installed", (("added", "shop.weight"),), LATER)
    home.close()


def test_the_bytes_are_in_the_ledger_before_a_connection_opens_and_their_end_after_it(home, server):
    told(home)
    server.orders.put("refuse-address")
    send(home)
    send(home, LATER)
    first, no, second, yes = leaves(home)
    [line] = mailing.listed(home)
    assert isinstance(first, record.Mail)
    assert (first.sha256, first.destination, first.about) == (line.sha256, f"127.0.0.1:{server.port}", "published")
    assert first.sha256 == second.sha256, "a retry is the same bytes"
    assert (no.outcome, no.code, no.status) == ("rejected", "address-refused", 550)
    assert (yes.outcome, yes.code, yes.status) == ("accepted", None, 250)
    assert mailing.exact(home, line.number) == server.taken[0][2]
    assert verifying.verify(home, LATER).holds
    assert [c.subject for c in reading.history(home) if c.what == "mail"] == [f"catalogue {line.subject}"] * 2


def test_each_address_gets_its_own_letter_and_one_that_is_named_no_more_gets_none(tmp_path, server):
    home = build(tmp_path, more=server.toml("anna@shop.example", "bob@shop.example"))
    told(home)
    home.close()
    path = home.settings.path
    path.write_text(path.read_text().replace("'bob@shop.example'", "'cleo@shop.example'"))
    home = opened(tmp_path)
    send(home)
    assert [to for _, to, _ in server.taken] == ["anna@shop.example"]
    assert sorted(outcomes(home)) == [("accepted", None), ("rejected", "not-in-settings")]
    home.close()


def test_without_mail_in_the_settings_nothing_is_written_and_nothing_is_opened(tmp_path):
    home = build(tmp_path)
    told(home)
    mailing.send_due(home, mailing.open_door(home), NOW)
    assert (mailing.listed(home), mailing.open_door(home), leaves(home)) == ((), None, [])
    assert [d for d in egress.registry(home.settings) if d.protocol == "mail"] == []
    home.close()


@pytest.mark.parametrize("order", ["refuse-address", "refuse-letter", "later", "no-starttls", "no-to-starttls", "http"])
def test_a_letter_that_never_arrived_is_told_and_tried_again_with_patience(home, server, order):
    told(home)
    server.orders.put(order)
    send(home)
    assert notices(home) >= {mailing.FAILS}
    assert mailing.FAILS in {finding.code for finding in health.findings(health.gather(home, NOW))}
    send(home, NOW + timedelta(seconds=1))
    assert server.connections == 1, "not at every tick"
    send(home, LATER)
    assert len(server.taken) == 1
    assert mailing.FAILS not in notices(home)


@pytest.mark.parametrize("order", ["huge", "endless", "silent"])
def test_a_server_without_measure_or_words_is_given_up_within_bounds(home, server, order):
    told(home)
    server.orders.put(order)
    send(home, timeout_s=2)
    [(outcome, code)] = outcomes(home)
    assert (outcome, code) == ("waits", {"silent": "too-slow", "endless": "answer-too-large"}.get(order, code))
    assert server.said == []
    send(home, LATER)
    assert len(server.taken) == 1


@pytest.mark.parametrize("order", ["cut-after-letter", "cut-in-letter", "silent-after-letter"])
def test_what_may_have_arrived_is_told_and_never_sent_again(home, server, order):
    told(home)
    server.orders.put(order)
    send(home, timeout_s=2)
    send(home, LATER)
    assert server.connections == 1
    assert outcomes(home)[0][0] == "unknown"
    assert mailing.UNSURE in notices(home)
    assert verifying.verify(home, LATER).holds


def test_killed_before_the_letter_it_goes_again_and_killed_after_it_never(home, server):
    told(home)
    server.orders.put("silent")
    killed(home, server.connected)
    mailing.close_interrupted(home, NOW)
    assert outcomes(home) == [("waits", "interrupted")]
    with home.store.write() as session:
        session.execute(text("UPDATE mail SET next_try_at = NULL"))
    server.orders.put("silent-after-letter")
    killed(home, server.heard)
    send(home, LATER)
    assert outcomes(home) == [("unknown", "interrupted")]
    assert server.connections == 2
    assert verifying.verify(home, LATER).holds


def test_no_password_and_no_letter_is_said_without_the_tls_that_was_asked_for(tmp_path, server):
    write_files(tmp_path, more=server.toml())
    home = opened(tmp_path, {"DIFFGRAM_HOME_MAIL_PASSWORD": "correct horse"})
    told(home)
    server.orders.put("no-starttls")
    send(home)
    assert outcomes(home) == [("waits", "tls-not-offered")]
    assert [line for line in server.said if not line.upper().startswith("EHLO")] == []
    server.said.clear()
    server.orders.put("inject")
    send(home, LATER)
    assert len(server.taken) == 1, "what was injected before TLS is not listened to"
    assert any(line.startswith("AUTH") for line in server.said)
    home.close()


def test_a_wrong_password_is_told_as_that(tmp_path, server):
    write_files(tmp_path, more=server.toml())
    home = opened(tmp_path, {"DIFFGRAM_HOME_MAIL_PASSWORD": "wrong horse"})
    told(home)
    send(home)
    assert outcomes(home) == [("waits", "sign-in-refused")]
    home.close()


@pytest.mark.parametrize("tls", ["tls", "none"])
def test_tls_from_the_first_byte_and_none_to_this_machine_work_as_well(tmp_path, tls):
    server = MailServer(tmp_path, tls)
    home = build(tmp_path, more=server.toml())
    told(home)
    send(home)
    assert len(server.taken) == 1
    home.close()
    server.close()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_certificate_that_is_not_the_servers_ends_it_before_a_word(tmp_path, tls, wrong):
    server = MailServer(tmp_path, tls, "mail.elsewhere.example" if wrong == "name" else "127.0.0.1")
    home = build(tmp_path, more=server.toml())
    if wrong == "authority":
        trustme.CA().cert_pem.write_to_path(str(server.ca_file))
    told(home)
    send(home)
    assert outcomes(home) == [("waits", "certificate-wrong")]
    assert {line.split(" ")[0].upper() for line in server.said} <= {"EHLO", "STARTTLS"}
    home.close()
    server.close()


def test_a_test_says_how_it_ended_for_each_address_and_wakes_what_waits(home, server):
    told(home)
    server.orders.put("later")
    send(home)
    server.orders.put("refuse-address")
    door = mailing.open_door(home)
    [(to, no)] = mailing.test(home, door, "os:7", NOW)
    assert (to, no.outcome, no.status) == ("anna@shop.example", "rejected", 550)
    [(_, yes)] = mailing.test(home, door, "os:7", NOW)
    assert yes.outcome == "accepted"
    assert [e.actor for e in leaves(home) if isinstance(e, record.Mail) and e.about == "test"] == ["os:7", "os:7"]
    send(home, NOW + timedelta(seconds=1))
    assert [letter.read(data).about for _, _, data in server.taken] == ["test", "published"]
    send(home, LATER)
    assert len(server.taken) == 2, "a test that failed is not tried again"


def test_a_letter_is_given_up_after_a_week_and_its_bytes_go_by_age(home, server):
    told(home)
    server.orders.put("later")
    send(home)
    send(home, NOW + timedelta(days=8))
    assert outcomes(home) == [("rejected", "gave-up")]
    pruning.prune(home, NOW + timedelta(days=500))
    assert mailing.exact(home, 1) is None


def test_the_door_takes_a_letter_to_an_address_of_the_settings_and_nothing_else(home, server):
    door = mailing.open_door(home)
    assert door.send_letter(letter.write(ONE), lambda: None) == Taken(None, 250)
    before = server.connections
    for data in (
        b"anything at all\r\n",
        letter.write(ONE) + b"a value\r\n",
        letter.write(replace(ONE, to="eve@shop.example")),
        letter.write(replace(ONE, sender="eve@shop.example")),
    ):
        with pytest.raises(NotReached):
            door.send_letter(data, lambda: None)
    elsewhere = MailDoor(home.settings.mail, registry=(), timeout_s=1)
    with pytest.raises(NotReached, match="not in the egress registry"):
        elsewhere.send_letter(letter.write(ONE), lambda: None)
    assert server.connections == before


def test_only_mailing_hands_letters_to_the_door_and_only_two_places_tell_it_of_changes():
    calls = {
        (path.relative_to(ROOT).as_posix(), node.attr)
        for path in sorted((ROOT / "diffgram_home").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and (node.attr == "send_letter" or (isinstance(node.value, ast.Name) and node.value.id == "mailing"))
    }
    assert calls == {
        ("diffgram_home/mailing.py", "send_letter"),
        ("diffgram_home/listing.py", "published"),
        ("diffgram_home/upgrading.py", "installed"),
        ("diffgram_home/scheduler.py", "open_door"),
        ("diffgram_home/scheduler.py", "send_due"),
        *(("diffgram_home/cli/mail.py", name) for name in ("open_door", "test", "listed", "exact")),
    }


def test_the_mail_server_stands_in_the_registry_as_the_customers_and_in_the_kernels_list(home, server):
    [found] = [d for d in egress.registry(home.settings) if d.protocol == "mail"]
    assert (found.host, found.port, found.whose) == ("127.0.0.1", server.port, egress.CUSTOMER)
    listed = fences.allowed(home.settings, {})
    rule = f'ip daddr 127.0.0.1 tcp dport {server.port} counter name "declared" accept  # mail'
    assert rule in fences.ruleset(home.settings, listed, "home")


@pytest.mark.parametrize(
    ("change", "code", "key"),
    [
        (('host = "127.0.0.1"', 'host = "mail.example"'), "tls-required", "mail.tls"),
        (("to = ['anna@shop.example']", "to = []"), "setting-value", "mail.to"),
        (("to = ['anna@shop.example']", 'to = ["anna"]'), "setting-value", "mail.to"),
        (('from = "home@shop.example"', 'from = "home@shop.example\\r\\nBcc: eve@x"'), "setting-value", "mail.from"),
        (('host = "127.0.0.1"', 'host = "Mail Host"'), "setting-value", "mail.host"),
        (('host = "127.0.0.1"', 'host = "127.0.0.1"\npassword = "horse"'), "secret-in-file", "mail.password"),
    ],
)
def test_settings_of_mail_that_cannot_be_meant_stop_the_start(tmp_path, server, change, code, key):
    server.tls = "none"
    path = write_files(tmp_path, more=server.toml().replace(*change))
    with pytest.raises(SettingsFaults) as raised:
        settings.read(path, {})
    assert (code, key) in {(fault.code, fault.key) for fault in raised.value.faults}


def test_a_password_comes_from_the_environment_and_never_goes_without_tls(tmp_path, server):
    (tmp_path / "secret").write_text("horse\n")
    path = write_files(tmp_path, more=server.toml())
    found = settings.read(path, {"DIFFGRAM_HOME_MAIL_PASSWORD_FILE": str(tmp_path / "secret")})
    assert found.mail.password == "horse"
    assert "horse" not in repr(found)
    path = write_files(tmp_path, more=server.toml().replace("starttls", "none"))
    with pytest.raises(SettingsFaults, match="there is a password"):
        settings.read(path, {"DIFFGRAM_HOME_MAIL_PASSWORD": "horse"})


_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}\.[a-z][a-z0-9_.-]{0,20}", fullmatch=True)
_HOW = st.lists(st.sampled_from(ASPECTS), min_size=1, max_size=3, unique=True).map(", ".join)


@given(
    st.sampled_from(("published", "installed")),
    st.lists(st.tuples(_HOW, _NAMES), max_size=5).map(tuple),
    st.integers(0, 1000),
    st.none() | st.from_regex(r"[!-~][ -~]{0,40}", fullmatch=True),
)
def test_reading_what_was_written_gives_it_back(about, changes, more, release):
    one = replace(ONE, about=about, changes=changes, more=more, release=release, since=NOW, catalogue="ab" * 32)
    assert letter.read(letter.write(one)) == one


def test_a_release_whose_name_is_not_plain_is_left_out():
    assert letter.printable("shop 1.2.0") == "shop 1.2.0"
    assert letter.printable("shop\r\nBcc: eve@x") is None
    assert letter.printable("größer") is None


def test_unknown_says_that_the_letter_may_have_left(home, server):
    server.orders.put("cut-after-letter")
    handed = []
    with pytest.raises(Unknown):
        mailing.open_door(home).send_letter(letter.write(ONE), lambda: handed.append(server.said[-1]))
    assert handed == ["DATA"], "before the first byte, and after the server said that it listens"
