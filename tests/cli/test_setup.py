"""`init`, where the settings file is looked for, and what bad settings get."""

import os
import stat
import tomllib

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import FINGERPRINT, INIT, NOWHERE, Shell


def test_init_makes_settings_keys_database_and_spool_with_the_right_permissions(shell: Shell):
    keys = shell.folder / "data/keys"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert modes == {"installation.pem": 0o600, "ledger.pem": 0o600, "pages.key": 0o600}
    assert stat.S_IMODE((shell.folder / "data/spool").stat().st_mode) == 0o2770
    assert stat.S_IMODE((shell.folder / "data/home.db").stat().st_mode) == 0o600
    assert tomllib.loads(shell.settings.read_text())["cases"]["event"] == "local"


def test_init_again_makes_what_is_missing_and_keeps_what_exists(shell: Shell):
    keys = shell.folder / "data/keys"
    before = {name: (keys / name).read_bytes() for name in ("installation.pem", "ledger.pem", "pages.key")}
    (keys / "pages.key").unlink()
    shell.ok("init")
    after = {name: (keys / name).read_bytes() for name in before}
    assert after["installation.pem"] == before["installation.pem"]
    assert after["ledger.pem"] == before["ledger.pem"]
    assert len(after["pages.key"]) == 32


def test_init_does_not_write_over_an_existing_settings_file(shell: Shell):
    before = shell.settings.read_bytes()
    done = shell("init", "--name", "other", "--corporate-url", NOWHERE, "--root", FINGERPRINT)
    assert done.returncode == Exit.FINDING
    assert "exists already" in done.stderr
    assert shell.settings.read_bytes() == before


def test_init_says_what_is_missing(empty: Shell):
    done = empty("init", "--name", "here")
    assert done.returncode == Exit.USAGE
    assert "--corporate-url, --root" in done.stderr
    assert list(empty.folder.iterdir()) == []


def test_init_lists_every_wrong_value_and_writes_nothing(empty: Shell):
    done = empty("init", "--name", "no spaces", "--corporate-url", "http://plain", "--root", "sha256:12")
    assert done.returncode == Exit.SETTINGS
    for key in ("'name'", "'corporate.url'", "'corporate.root'"):
        assert key in done.stderr
    assert list(empty.folder.iterdir()) == []


def test_init_pins_the_files_of_a_product_by_their_hash(empty: Shell):
    missing = empty(*INIT, "--product-catalogue", "shop.toml")
    assert missing.returncode == Exit.STORAGE
    assert '"shop.toml"' in missing.stderr or "shop.toml" in missing.stderr
    (empty.folder / "shop.toml").write_text('[catalogue]\nnamespace = "shop"\n')
    empty.ok(*INIT, "--product-catalogue", "shop.toml")
    (empty.folder / "shop.toml").write_text('[catalogue]\nnamespace = "shop2"\n')
    changed = empty("fields")
    assert changed.returncode == Exit.SETTINGS
    assert "SHA-256" in changed.stderr


def test_without_settings_it_says_where_it_looked_and_what_to_do(empty: Shell):
    done = empty("egress")
    assert done.returncode == Exit.SETTINGS
    for word in ("diffgram-home.toml", "/etc/diffgram-home/diffgram-home.toml", "--config", "init"):
        assert word in done.stderr


def test_the_settings_file_is_named_before_or_after_the_command_or_by_the_environment(shell: Shell, empty: Shell):
    path = str(shell.settings)
    expected = shell.json("egress")
    assert empty.json("--config", path, "egress") == expected
    assert empty.json("egress", "--config", path) == expected
    done = empty("egress", "--json", DIFFGRAM_HOME_CONFIG=path)
    assert done.returncode == Exit.DONE
    over = empty("egress", "--config", path, DIFFGRAM_HOME_CONFIG="/nowhere.toml")
    assert over.returncode == Exit.DONE, "the command line must win over the environment"


def test_bad_settings_are_listed_all_at_once_each_with_what_to_do(shell: Shell):
    broken = shell.settings.read_text().replace('address = "127.0.0.1"', 'address = "0.0.0.0"\ncolour = "red"')
    shell.settings.write_text(broken.replace("port = 8080", "port = 99999") + "\n[spol]\n")
    done = shell("cases")
    assert done.returncode == Exit.SETTINGS
    problems = [line for line in done.stderr.splitlines() if line.startswith("  ")]
    assert len(problems) == 4
    for word in ("'web.colour'", "'spol'", "'web.port'", "'web.address'", "did you mean 'spool'?"):
        assert word in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[web\n"])
def test_an_unreadable_settings_file_is_a_sentence_and_not_a_traceback(empty: Shell, content: bytes | None):
    target = empty.folder / "diffgram-home.toml"
    target.mkdir() if content is None else target.write_bytes(content)
    done = empty("fields")
    assert done.returncode == Exit.SETTINGS
    assert str(target) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_is_gone_is_named_with_what_to_do(shell: Shell):
    (shell.folder / "data").rename(shell.folder / "elsewhere")
    done = shell("fields")
    assert done.returncode == Exit.STORAGE
    assert "diffgram-home init" in done.stderr
    assert "Traceback" not in done.stderr


def test_enrolling_where_nobody_answers_is_told_apart_from_a_refusal(shell: Shell):
    done = shell("enrol", "--token-file", "-", typed="a-token-nobody-knows\n")
    assert done.returncode == Exit.NOT_REACHED
    assert "to do:" in done.stderr


def test_enrolling_with_a_token_that_does_not_exist_is_a_refusal(empty: Shell, corporate):
    empty.ok("init", "--name", "here", "--corporate-url", corporate.wire, "--root", corporate.root)
    done = empty("enrol", "--token-file", "-", typed="a-token-nobody-knows\n")
    assert done.returncode == Exit.FINDING
    assert "to do:" in done.stderr


def test_enrolling_twice_changes_nothing(ready: Shell):
    certificate = (ready.folder / "data/keys/certificate.pem").read_bytes()
    assert ready.ok("enrol", "--token-file", "-", typed="whatever-token\n") == "enrolled already\n"
    assert (ready.folder / "data/keys/certificate.pem").read_bytes() == certificate


def test_accounts_are_made_listed_and_changed(shell: Shell):
    (shell.folder / "password").write_text("correct horse battery staple\n")
    shell.ok("account", "add", "alice", "--role", "admin", "--role", "security", "--password-file", "password")
    again = shell("account", "add", "alice", "--role", "viewer", "--password-file", "password")
    assert again.returncode == Exit.FINDING
    shell.ok("account", "add", "bob", "--role", "viewer", "--password-file", "password")
    shell.ok("account", "roles", "bob", "--role", "operator")
    shell.ok("account", "password", "bob", "--password-file", "-", typed="another horse battery staple\n")
    assert shell("account", "password", "carol", "--password-file", "password").returncode == Exit.FINDING
    assert shell("account", "add", "dave", "--role", "king", "--password-file", "password").returncode == Exit.USAGE
    assert shell("account", "add", "dave", "--role", "viewer", "--password-file", "-").returncode == Exit.USAGE
    listed = {a["name"]: sorted(a["roles"]) for a in shell.json("account", "list")}
    assert listed == {"alice": ["admin", "security"], "bob": ["operator"]}
    assert [line.split()[:3] for line in shell.ok("account", "list").splitlines()[1:]] == [
        ["alice", "person:1", "admin,"],
        ["bob", "person:2", "operator"],
    ]
    shell.ok("account", "remove", "bob")
    last = shell("account", "remove", "alice")
    assert (last.returncode, "would have the role 'admin'" in last.stderr) == (Exit.FINDING, True)
    told = [change for change in shell.lines("history") if change["what"] == "person"]
    assert ("person:2", "removed") in {(change["subject"], change["after"]) for change in told}
    assert "bob (person:2)" in shell.ok("history")
    assert {change["actor"] for change in told} == {f"os:{os.getuid()}"}
    assert {a["name"]: bool(a["disabled_at"]) for a in shell.json("account", "list")} == {"alice": False, "bob": True}


def test_an_account_is_deleted_with_its_name_but_never_the_last_admin(shell: Shell):
    (shell.folder / "password").write_text("correct horse battery staple\n")
    shell.ok("account", "add", "alice", "--role", "admin", "--password-file", "password")
    shell.ok("account", "add", "bob", "--role", "viewer", "--password-file", "password")
    assert shell("account", "delete", "bob").returncode == Exit.DECISION, "nobody said yes"
    assert "person:2" in shell.ok("account", "delete", "bob", "--yes")
    assert [one["name"] for one in shell.json("account", "list")] == ["alice"]
    assert "bob" not in shell.ok("history")
    assert "person:2" in shell.ok("history")
    last = shell("account", "delete", "alice", "--yes")
    assert (last.returncode, "would have the role 'admin'" in last.stderr) == (Exit.FINDING, True)
