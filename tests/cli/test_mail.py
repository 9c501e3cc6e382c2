"""mail test, mail list, mail show: through the tripwire, by a mail server of the test."""

import hashlib
from pathlib import Path

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell
from tests.store.mail_server import MailServer


@pytest.fixture
def server(shell: Shell, tmp_path: Path):
    one = MailServer(tmp_path)
    settings = shell.folder / "diffgram-home.toml"
    settings.write_text(settings.read_text() + "\n" + one.toml("anna@shop.example", "bob@shop.example"))
    yield one
    one.close()


def test_a_test_letter_arrives_at_each_address_and_its_bytes_are_those_in_the_ledger(shell: Shell, server: MailServer):
    said = shell.ok("mail", "test")
    assert said.splitlines() == ["anna@shop.example: accepted", "bob@shop.example: accepted"]
    arrived = {to: data for _, to, data in server.taken}
    listed = shell.lines("mail", "list")
    assert {one["to"]: one["sha256"] for one in listed} == {
        to: hashlib.sha256(data).hexdigest() for to, data in arrived.items()
    }
    shown = shell.ok("mail", "show", str(listed[0]["number"]))
    assert shown.splitlines() == arrived[listed[0]["to"]].decode().splitlines()
    assert shell.ok("mail", "list").count("accepted") == 2
    assert shell.ok("egress").count("mail") >= 1
    assert [c["what"] for c in shell.lines("history")][:2] == ["mail", "mail"]
    assert "incident" not in shell("check").stdout


def test_a_test_that_fails_says_why_and_check_does_too(shell: Shell, server: MailServer):
    server.orders.put("refuse-address")
    server.orders.put("no-starttls")
    done = shell("mail", "test")
    assert done.returncode == Exit.NOT_REACHED
    first, second = done.stdout.splitlines()
    assert "refused the address: 550" in first
    assert "offers no STARTTLS" in second
    assert "offers no STARTTLS" in shell("check").stdout


def test_without_mail_in_the_settings_there_is_nothing_to_test(shell: Shell):
    done = shell("mail", "test")
    assert (done.returncode, "[mail]" in done.stderr) == (Exit.SETTINGS, True)
    assert "no letter" in shell.ok("mail", "list")
    assert shell("mail", "show", "1").returncode == Exit.NOT_FOUND
