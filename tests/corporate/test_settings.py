"""corporate.toml: every fault at once, nothing guessed."""

from pathlib import Path

import pytest

from corporate import settings
from corporate.errors import SettingsFaults

GOOD = 'name = "vendor"\nfolder = "data"\n'


def read(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> settings.Settings:
    """Settings of a file with this text."""
    path = tmp_path / "corporate.toml"
    path.write_text(text)
    return settings.read(path, environ or {})


def faults(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    """The faults of a file with this text."""
    with pytest.raises(SettingsFaults) as raised:
        read(tmp_path, text, environ)
    return raised.value.faults


def test_two_lines_are_enough(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.folder == tmp_path / "data"
    assert found.database_url == f"sqlite:///{tmp_path}/data/corporate.db"
    assert (found.wire.port, found.pages.port, found.limits.request_s) == (8091, 8090, 30)


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    listed = faults(
        tmp_path, 'colour = 1\n[wire]\nport = "x"\nshape = 1\n[pages]\nnames = []\n[database]\nurl = "mysql://x"'
    )
    assert len(listed) == 7
    for word in (
        "colour",
        "'name' is missing",
        "'folder' is missing",
        "wire.port",
        "wire.shape",
        "pages.names",
        "database.url",
    ):
        assert any(word in fault for fault in listed), word


@pytest.mark.parametrize(
    "text",
    [
        "[wire]\nport = 65536",
        "[wire]\nworkers = 0",
        "[wire]\nport = true",
        "[limits]\nbody_bytes = 0",
        "certificate_days = 399",
        "wire = 1",
        '[wire]\naddress = "example"',
        '[pages]\ncertificate = "x.pem"',
    ],
)
def test_a_value_that_cannot_work_is_a_fault(tmp_path: Path, text: str) -> None:
    top = text if "=" in text.partition("\n")[0] else ""
    table = "" if top else text
    assert len(faults(tmp_path, f"{GOOD}{top}\n{table}")) == 1


def test_pages_that_others_reach_need_https(tmp_path: Path) -> None:
    address = f'{GOOD}[pages]\naddress = "0.0.0.0"\n'
    assert "certificate" in faults(tmp_path, address)[0]
    assert read(tmp_path, f"{GOOD}[pages]\nbehind_proxy = true\n").pages.https
    assert read(tmp_path, address + 'certificate = "a.crt"\nkey = "a.pem"\n').pages.certificate == tmp_path / "a.crt"
    assert read(tmp_path, f'{GOOD}[pages]\naddress = "::1"\n').pages.https is False


def test_forwarded_headers_are_believed_only_where_nobody_but_the_proxy_can_reach_us(tmp_path: Path) -> None:
    for address in ("::", "192.0.2.7"):
        text = f'{GOOD}[pages]\naddress = "{address}"\nbehind_proxy = true\n'
        for more in ("", 'certificate = "a.crt"\nkey = "a.pem"\n'):
            (fault,) = faults(tmp_path, text + more)
            assert "behind_proxy" in fault
            assert 'write pages.address = "127.0.0.1"' in fault


def test_the_databases_password_may_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    url = "postgresql+psycopg://corporate:secret@db/corporate"
    assert read(tmp_path, GOOD, {settings.DATABASE_VARIABLE: url}).database_url == url
    (tmp_path / "secret").write_text(url + "\n")
    named = {f"{settings.DATABASE_VARIABLE}_FILE": str(tmp_path / "secret")}
    assert read(tmp_path, GOOD, named).database_url == url
    missing = {f"{settings.DATABASE_VARIABLE}_FILE": str(tmp_path / "nothing")}
    assert "cannot be read" in faults(tmp_path, GOOD, missing)[0]


def test_a_missing_or_broken_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsFaults) as raised:
        settings.read(tmp_path / "nothing.toml", {})
    assert "diffgram-corporate init" in raised.value.faults[0]
    assert "not TOML" in faults(tmp_path, "name = ")[0]
