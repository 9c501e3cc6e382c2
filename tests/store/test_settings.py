"""The settings file: every fault at once, each with what to do; secrets only from the environment."""

from pathlib import Path

import pytest

from diffgram_home import settings
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import read_product
from tests.store.building import write_files

ROOT = "sha256:" + "a" * 64
GOOD = f'name = "st-mary-hospital"\n[corporate]\nurl = "https://home.diffgram.example"\nroot = "{ROOT}"\n'


def parse(text, environ=None):
    return settings.parse(text, Path("/srv/home/diffgram-home.toml"), environ or {})


def faults(text, environ=None):
    with pytest.raises(SettingsFaults) as error:
        parse(text, environ)
    return {(fault.code, fault.key) for fault in error.value.faults}


def test_the_smallest_file_has_safe_defaults():
    found = parse(GOOD)
    assert found.folder == Path("/srv/home/data")
    assert found.database_url == "sqlite:////srv/home/data/home.db"
    assert found.spool.folder == Path("/srv/home/data/spool")
    assert (found.web.address, found.web.port, found.web.loopback) == ("127.0.0.1", 8080, True)
    assert dict(found.cases) == {"event": "local", "browser": "local", "support": "off", "licensing": "offline"}


def test_every_fault_is_told_at_once_with_what_to_do():
    text = """nmae = "x"
    [web]
    address = "0.0.0.0"
    port = "8080"
    workers = 0
    key = "missing.key"
    [database]
    url = "mysql://root:secret@host/db"
    [corporate]
    url = "http://home.diffgram.example/path"
    root = "sha256:abc"
    trust = "everybody"
    proxy = "http://me:secret@proxy:3128"
    timeout = 3
    [product]
    catalogue = [{ file = "none.toml", sha256 = "x" }, 3]
    [cases]
    event = "yes"
    licensing = "off"
    evnet = "on"
    [kinds]
    "shop/order-placed" = true
    [keep]
    local_days = 0
    """
    with pytest.raises(SettingsFaults) as error:
        parse(text)
    found = {(fault.code, fault.key) for fault in error.value.faults}
    assert found == {
        ("setting-missing", "name"),
        ("setting-unknown", "nmae"),
        ("https-required", "web.address"),
        ("setting-type", "web.port"),
        ("setting-value", "web.workers"),
        ("file-missing", "web.key"),
        ("setting-missing", "web.certificate"),
        ("secret-in-file", "database.url"),
        ("setting-value", "database.url"),
        ("setting-value", "corporate.url"),
        ("setting-value", "corporate.root"),
        ("setting-value", "corporate.trust"),
        ("setting-value", "corporate.proxy"),
        ("setting-unknown", "corporate.timeout"),
        ("file-missing", "product.catalogue[0].file"),
        ("setting-value", "product.catalogue[0].sha256"),
        ("setting-type", "product.catalogue[1]"),
        ("setting-value", "cases.event"),
        ("setting-value", "cases.licensing"),
        ("setting-unknown", "cases.evnet"),
        ("setting-type", "kinds.shop/order-placed"),
        ("setting-value", "keep.local_days"),
    }
    assert all(fault.hint for fault in error.value.faults)
    assert "secret@" not in str(error.value)
    assert "did you mean 'name'" in str(error.value)


@pytest.mark.parametrize("host", ["münchen.example", "a b", "[fe80::1%25eth0]", "a\u200b.example", "a" * 300])
def test_a_host_that_the_ledger_could_not_write_down_is_a_fault_at_the_start(host):
    assert faults(GOOD.replace("home.diffgram.example", host)) == {("setting-value", "corporate.url")}


def test_a_missing_table_is_one_fault():
    assert faults('name = "x"') == {("setting-missing", "corporate")}


def test_what_is_no_toml_names_the_line():
    with pytest.raises(SettingsFaults, match="line 2"):
        parse('name = "x"\n[corporate\n')


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsFaults, match="diffgram-home init"):
        settings.read(tmp_path / "none.toml", {})


def test_a_secret_comes_from_a_variable_or_its_file(tmp_path):
    url = "postgresql+psycopg://home:secret@db/home"
    file = tmp_path / "url"
    file.write_text(url + "\n")
    assert parse(GOOD, {"DIFFGRAM_HOME_DATABASE_URL": url}).database_url == url
    assert parse(GOOD, {"DIFFGRAM_HOME_DATABASE_URL_FILE": str(file)}).database_url == url


def test_a_secret_given_twice_or_from_an_unreadable_file_is_a_fault(tmp_path):
    both = {"DIFFGRAM_HOME_PROXY": "http://a:1", "DIFFGRAM_HOME_PROXY_FILE": str(tmp_path / "x")}
    assert ("secret-twice", "DIFFGRAM_HOME_PROXY") in faults(GOOD, both)
    assert faults(GOOD, {"DIFFGRAM_HOME_PROXY_FILE": str(tmp_path / "x")}) == {("settings-unreadable", "")}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_https(address):
    assert parse(GOOD + f'[web]\naddress = "{address}"\n').web.loopback


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "home.example"])  # noqa: S104
def test_any_other_address_does(address):
    text = GOOD + f'[web]\naddress = "{address}"\n'
    assert faults(text) == {("https-required", "web.address")}
    assert faults(text + "behind_proxy = true\n") == {("proxy-elsewhere", "web.behind_proxy")}


def test_a_proxy_is_believed_only_where_nobody_else_reaches_the_port():
    assert parse(GOOD + "[web]\nbehind_proxy = true\n").web.behind_proxy


def test_pinned_files_that_differ_and_unknown_kinds_are_told_together(tmp_path):
    path = write_files(tmp_path, more='[kinds]\n"shop/order-plced" = "off"\n"shop/order-placed" = "offline"\n')
    (tmp_path / "shop.index").write_text("{}")
    with pytest.raises(SettingsFaults) as error:
        read_product(settings.read(path, {}))
    assert {fault.code for fault in error.value.faults} == {
        "file-differs", "kind-unknown", "setting-value", "index-malformed",
    }  # fmt: skip
