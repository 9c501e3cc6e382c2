"""The routes of this release: each answers with a declared kind, and none may read what the settings forbid."""

from pathlib import Path

import pytest

from audit import catalogue as catalogues
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import open_home
from diffgram_home.settings import read
from support_routes import ROUTES, check_routes
from tests.store.building import build


def test_every_route_of_this_release_may_be_asked() -> None:
    check_routes(ROUTES, catalogues.load(catalogues.core()))
    assert {"configuration", "consent", "health", "issues", "ledger", "queues", "scheduler", "versions"} <= set(ROUTES)


def test_no_installation_starts_where_a_route_reads_what_its_settings_forbid(tmp_path: Path) -> None:
    home = build(tmp_path)
    home.close()
    path = home.settings.path
    assert home.settings.kept_from_support == ()
    given = '[oidc]\nissuer = "https://login.example"\nclient_id = "home"\naddress = "http://127.0.0.1:8080"\n'
    given += 'resources = ["ledger"]\n[oidc.roles]\nadmin = ["it"]\n'
    path.write_text(path.read_text() + given)
    with pytest.raises(SettingsFaults) as no:
        open_home(read(path, {"DIFFGRAM_HOME_OIDC_SECRET": "s" * 40}))
    assert "resource-forbidden" in {fault.code for fault in no.value.faults}
