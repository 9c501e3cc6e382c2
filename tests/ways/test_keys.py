"""Keys for Sentry SDKs: made and revoked by somebody, in the ledger, and by number only once."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sentry_sdk.utils import Dsn

from audit import record
from diffgram_home import dsns
from diffgram_home.models import Leaf
from tests.store.building import ACTOR, NOW
from tests.ways import site


def test_making_and_revoking_are_in_the_ledger_and_no_number_comes_twice(tmp_path: Path):
    home = site.build(tmp_path)
    first = dsns.make(home, "shop web", ACTOR, NOW)
    dsns.revoke(home, first.number, "person:3", NOW)
    second = dsns.make(home, "shop web", ACTOR, NOW)
    assert (first.number, second.number) == (1, 2)
    assert first.key != second.key
    with home.store.read() as session:
        leaves = [record.parse(row.data) for row in session.query(Leaf).filter_by(type="dsn").order_by(Leaf.position)]
    assert [(leaf.actor, leaf.change, leaf.number) for leaf in leaves] == [  # type: ignore[attr-defined]
        (ACTOR, "made", 1),
        ("person:3", "revoked", 1),
        (ACTOR, "made", 2),
    ]
    assert [(key.number, key.revoked_by) for key in dsns.every(home)] == [(1, "person:3"), (2, None)]
    home.close()


@pytest.mark.parametrize("label", ["", " ", "a" * 61, "Zoë", "<b>", "a\n"])
def test_a_label_that_will_not_do_makes_no_key(tmp_path: Path, label: str):
    home = site.build(tmp_path)
    with pytest.raises(dsns.DsnError):
        dsns.make(home, label, ACTOR, NOW)
    assert dsns.every(home) == ()
    home.close()


def test_what_is_not_there_cannot_be_revoked_and_nothing_twice(tmp_path: Path):
    home = site.build(tmp_path)
    number = dsns.make(home, "shop", ACTOR, NOW).number
    dsns.revoke(home, number, ACTOR, NOW)
    for wrong, code in ((number, "dsn-revoked"), (99, "dsn-unknown")):
        with pytest.raises(dsns.DsnError) as refused:
            dsns.revoke(home, wrong, ACTOR, NOW)
        assert refused.value.code == code
    home.close()


def test_a_dsn_is_one_that_an_sdk_understands(tmp_path: Path):
    home = site.build(tmp_path)
    key = dsns.make(home, "shop", ACTOR, NOW)
    for at in ("https://home.example/", "http://127.0.0.1:8080", "https://home.example/diffgram/"):
        read = Dsn(dsns.address(key, at))
        assert (read.public_key, read.project_id) == (key.key, str(key.number))
        assert re.fullmatch(r"https?://[^/]+(/diffgram)?/api/1/envelope/", read.to_auth("test").get_api_url())
    web = home.settings.web
    assert dsns.own(web) == "http://127.0.0.1:8080"
    with pytest.raises(dsns.DsnError, match="under which address"):
        dsns.own(replace(web, behind_proxy=True))
    home.close()
