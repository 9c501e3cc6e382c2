"""Values are explained by the catalogue by which they were sealed, whatever is installed since."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from audit import catalogue as catalogues_of
from audit.method import NOT_MEASURED, NOT_OURS, UNSTATED
from diffgram_home import catalogues, explaining, reading, upgrading
from diffgram_home.models import KeptCatalogue
from tests.store import releases
from tests.store.building import NOW, build, collect_and_seal

LATER = NOW + timedelta(days=1)
METHOD = """
[method."shop.orders:place"]
kinds = ["shop/order-placed"]
version = "{version}"
[method."shop.orders:place".inputs]
order_id = ["order.id"]
"""
FIRST, SECOND = (METHOD.format(version=digit * 16) for digit in "ab")


@pytest.fixture
def home(tmp_path: Path):
    made = releases.upgraded(build(tmp_path), releases.catalogue() + FIRST)
    upgrading.look(made, NOW)
    collect_and_seal(made, [1])
    yield made
    made.close()


def sealed(home) -> bytes:
    (batch,) = reading.pending(home, lines=0).batches
    return batch.body or b""


def value(body: bytes, words: catalogues.Words, key: str = "order_id"):
    shown = explaining.line(body.splitlines()[1], 2, words.catalogue)
    return next(one for one in shown.values if one.path == key)


def test_a_value_says_where_it_was_made_from_what_and_by_which_version(home) -> None:
    found = value(sealed(home), catalogues.of(home, sealed(home)))
    assert [(one.place, one.inputs, one.version) for one in found.made] == [
        ("shop.orders:place", ("order.id",), "a" * 16)
    ]
    assert (found.unmade, found.duration) == ("", NOT_MEASURED)


def test_after_an_upgrade_it_is_explained_by_the_catalogue_that_sealed_it(home) -> None:
    body = sealed(home)
    before = home.catalogue.hash
    newer = releases.upgraded(home, releases.catalogue() + SECOND)
    assert newer.catalogue.hash != before
    words = catalogues.of(newer, body)
    assert (words.hash, words.past) == (before, True)
    assert [one.version for one in value(body, words).made] == ["a" * 16]
    newer.close()


def test_a_release_with_another_method_alone_asks_for_no_decision(home) -> None:
    newer = releases.upgraded(home, releases.catalogue() + SECOND)
    looked = upgrading.look(newer, LATER)
    assert looked is not None
    assert looked.asks == ()
    assert [f.name for f in reading.fields(newer) if f.state == "changed"] == []
    newer.close()


def test_what_is_not_kept_is_explained_by_today_s_and_says_so(home) -> None:
    body = sealed(home)
    with home.store.write() as session:
        session.execute(delete(KeptCatalogue))
    newer = releases.upgraded(home, releases.catalogue() + SECOND)
    words = catalogues.of(newer, body)
    assert (words.past, words.hash == words.catalogue.hash) == (False, False)
    newer.close()


def test_kept_words_that_were_changed_are_not_used(home) -> None:
    body = sealed(home)
    with home.store.write() as session:
        for row in session.scalars(select(KeptCatalogue)):
            row.sources = row.sources.replace("order.id", "member.id")
    newer = releases.upgraded(home, releases.catalogue() + SECOND)
    assert not catalogues.of(newer, body).past
    newer.close()


def test_a_catalogue_is_kept_once_also_where_an_earlier_release_took_notice_of_it(home) -> None:
    with home.store.write() as session:
        session.execute(delete(KeptCatalogue))
    assert upgrading.look(home, LATER) is None
    assert upgrading.look(home, LATER) is None
    with home.store.read() as session:
        (row,) = session.scalars(select(KeptCatalogue))
        assert row.hash == home.catalogue.hash


def test_a_field_of_the_envelope_is_not_made_by_our_code_and_says_so(home) -> None:
    found = {field.name: field for field in reading.fields(home)}
    assert found["home.envelope.source_address"].unmade == NOT_OURS
    assert found["home.envelope.user_agent"].unmade == ""
    assert found["shop.paid"].unmade == UNSTATED


@pytest.mark.parametrize(
    ("typed", "text", "words"),
    [
        ('type = "count"\nunit = "items"\nmaximum = 9\nexample = 1', "-1", "timed out: there is no number"),
        ('type = "duration_ms"\nmaximum = 9\nexample = 1', "-2", "failed: there is no number"),
        ('type = "count"\nunit = "items"\nmaximum = 9\nexample = 1', "1", ""),
        ('type = "flag"\nexample = true', "true", ""),
        ('type = "choice"\nchoices = ["a"]\nexample = "a"', '"other"', "none of the declared choices"),
        ('type = "choice"\nchoices = ["a"]\nexample = "a"', '"a"', ""),
        ('type = "bucket"\nunit = "items"\nbounds = [5]\nexample = "<5"', '"<5"', ""),
    ],
)
def test_what_stands_for_something_else_is_said_in_words(typed: str, text: str, words: str) -> None:
    source = catalogues_of.Source("shop.toml", releases.catalogue(weight=typed))
    field = catalogues_of.load(catalogues_of.core(), source).fields["shop.weight"]
    assert explaining.means(field, text) == words


def test_an_error_says_what_its_unknown_names_mean() -> None:
    field = catalogues_of.read().fields["home.error_log"]
    text = '{"chain":[{"type":"<type>","shapes":[]}],"frames":[["<place>",0]]}'
    assert explaining.means(field, text).count("does not name") == 2


def test_bytes_that_quote_no_catalogue_are_shown_in_today_s_words(home) -> None:
    words = catalogues.of(home, b"no batch\n")
    assert (words.hash, words.past) == ("", False)
