"""The provider stands where every other host stands: settings, egress registry, kernel's list, tripwire."""

from pathlib import Path

import pytest

from diffgram_home import egress, fences, settings
from diffgram_home.errors import SettingsFaults
from diffgram_home.settings import Settings
from tests.identity.conftest import Running, oidc_section
from tests.web.world import write_settings

SECRET = {"DIFFGRAM_HOME_OIDC_SECRET": "x"}


def read(folder: Path, section: str) -> Settings:
    """Settings with this section."""
    path = write_settings(folder)
    path.write_text(path.read_text() + section)
    return settings.read(path, SECRET)


def test_without_the_section_there_is_no_provider(tmp_path: Path) -> None:
    chosen = read(tmp_path, "")
    assert chosen.oidc is None
    assert chosen.kept_from_support == ()
    assert "oidc" not in {d.protocol for d in egress.registry(chosen)}


def test_its_hosts_are_the_customers_in_the_registry(tmp_path: Path, provider: Running) -> None:
    chosen = read(tmp_path, oidc_section(provider, also='["keys.hospital.example:8443", "login.hospital.example"]'))
    found = [(d.host, d.port, d.whose) for d in egress.reachable(chosen) if d.protocol == "oidc"]
    assert found == [
        ("localhost", provider.port, egress.CUSTOMER),
        ("keys.hospital.example", 8443, egress.CUSTOMER),
        ("login.hospital.example", 443, egress.CUSTOMER),
    ]


def test_the_kernel_lets_the_pages_reach_it_and_the_scheduler_not(tmp_path: Path) -> None:
    section = """
[oidc]
issuer = "https://login.hospital.example"
client_id = "diffgram-home"
address = "https://home.hospital.example"
[oidc.roles]
admin = ["home-admins"]
"""
    chosen = read(tmp_path, section)
    addresses = {"login.hospital.example": ["192.0.2.7"]}
    listed = fences.allowed(chosen, addresses)
    units = {part: fences.unit(chosen, listed, "home", part, ()) for part in fences.PARTS}
    assert {part: "IPAddressAllow=192.0.2.7" in text for part, text in units.items()} == {
        "all": True,
        "pages": True,
        "scheduler": False,
    }
    assert "ip daddr 192.0.2.7 tcp dport 443" in fences.ruleset(chosen, listed, "home")


def test_the_secret_is_not_told(tmp_path: Path, provider: Running) -> None:
    assert "'x'" not in repr(read(tmp_path, oidc_section(provider)))


def test_what_support_must_not_read_is_named(tmp_path: Path, provider: Running) -> None:
    assert read(tmp_path, oidc_section(provider)).kept_from_support == ("annotator.input", "annotator.blob")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("issuer", '"http://login.hospital.example"', "setting-value"),
        ("issuer", '"https://login.hospital.example/?a=1"', "setting-value"),
        ("address", '"http://home.hospital.example"', "setting-value"),
        ("address", '"https://home.hospital.example/"', "setting-value"),
        ("scopes", '["profile"]', "setting-value"),
        ("also", '["https://x.example"]', "setting-value"),
        ("resources", '["Everything!"]', "setting-value"),
        ("client_secret", '"x"', "secret-in-file"),
        ("only", '"yes"', "setting-type"),
        ("issuers", '"x"', "setting-unknown"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(
    tmp_path: Path, provider: Running, key: str, value: str, code: str
) -> None:
    with pytest.raises(SettingsFaults) as refused:
        read(tmp_path, oidc_section(provider, **{key: value}))
    assert (f"oidc.{key}", code) in [(fault.key, fault.code) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        ("", "setting-missing"),
        ('owner = ["x"]', "setting-unknown"),
        ('admin = ["x"]\nsupport = ["x"]', "role-alone"),
        ('admin = "x"', "setting-type"),
    ],
)
def test_roles_that_cannot_be_meant_stop_the_start(tmp_path: Path, provider: Running, roles: str, code: str) -> None:
    section = oidc_section(provider).partition("[oidc.roles]")[0] + f"[oidc.roles]\n{roles}\n"
    with pytest.raises(SettingsFaults) as refused:
        read(tmp_path, section)
    assert code in [fault.code for fault in refused.value.faults]
