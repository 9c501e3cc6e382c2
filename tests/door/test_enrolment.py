"""Enrolment, renewal and the manifest: nothing is trusted on first use, nothing is lost when an answer is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509

from audit import record
from audit.errors import SignatureRefused
from diffgram_home import enrolment, ledger, manifest, models
from diffgram_home.enrolment import EnrolmentError
from diffgram_home.exchange import Unknown
from tests.door.conftest import Misbehaving
from tests.door.places import TOKEN, Place, found


@pytest.fixture
def stranger(corporate: Misbehaving, tmp_path: Path) -> Place:
    """An installation that corporate does not know."""
    return found(tmp_path / "home", corporate.url, corporate.root)


def steps(place: Place) -> list[str]:
    """What the ledger says about contacts and enrolment, in order."""
    with place.home.store.read() as session:
        entries = [ledger.leaf(session, position) for position in range(ledger.standing(session).size)]
    return [f"{e.type} {e.step}" for e in entries if isinstance(e, record.Contact | record.Enrolment)]


def certificate(place: Place) -> x509.Certificate:
    """The certificate that is kept."""
    return x509.load_pem_x509_certificate((place.home.keys.folder / enrolment.CERTIFICATE_FILE).read_bytes())


def test_enrolment_pins_the_root_first_and_hands_in_the_token_only_then(
    stranger: Place, corporate: Misbehaving
) -> None:
    stranger.enrol()
    first, second = corporate.told(), corporate.told()
    assert (first["line"], first["size_bytes"]) == ("GET /v1/manifest HTTP/1.1", 0)
    assert second["line"] == "POST /v1/enrolment HTTP/1.1"
    assert set(json.loads(corporate.body(second["sha256"]))) == {"token", "installation", "csr"}
    assert not first["client_certificate"]
    assert not second["client_certificate"]
    assert certificate(stranger).public_key() == stranger.home.keys.installation.public_key()
    assert (stranger.home.keys.folder / enrolment.CERTIFICATE_FILE).stat().st_mode & 0o777 == 0o600


def test_every_step_is_in_the_ledger_and_the_token_nowhere(stranger: Place) -> None:
    stranger.enrol()
    assert steps(stranger) == ["contact asked", "contact answered", "enrolment asked", "enrolment granted"]
    with stranger.home.store.read() as session:
        leaves = b"".join(session.scalars(models.Leaf.__table__.select().with_only_columns(models.Leaf.data)))
    assert TOKEN.encode() not in leaves


def test_another_root_than_the_pinned_one_gets_no_token(corporate: Misbehaving, tmp_path: Path) -> None:
    place = found(tmp_path / "home", corporate.url, "sha256:" + "0" * 64)
    with pytest.raises(SignatureRefused) as refused:
        place.enrol()
    assert refused.value.code == "root-differs"
    assert corporate.told()["line"].startswith("GET ")
    assert corporate.all_told() == []
    assert not enrolment.is_enrolled(place.home)


def test_the_token_is_not_handed_to_a_server_whose_certificate_is_not_corporates(
    stranger: Place, corporate: Misbehaving
) -> None:
    corporate.order("good")
    corporate.order("other-authority")
    with pytest.raises(enrolment.HomeError) as refused:
        stranger.enrol()
    assert refused.value.code == "certificate-wrong"
    assert [told.get("line", "") for told in (corporate.told(), corporate.told())] == ["GET /v1/manifest HTTP/1.1", ""]
    assert steps(stranger)[-1] == "enrolment refused"


def test_a_lost_answer_is_got_again_with_the_same_token(stranger: Place, corporate: Misbehaving) -> None:
    corporate.order("good")
    corporate.order("half")
    with pytest.raises(Unknown):
        stranger.enrol()
    assert not enrolment.is_enrolled(stranger.home)
    stranger.enrol()
    assert enrolment.is_enrolled(stranger.home)
    assert steps(stranger)[3] == "enrolment unknown"


def test_corporates_refusal_is_told_in_its_words(stranger: Place) -> None:
    with pytest.raises(EnrolmentError) as refused:
        enrolment.enrol(stranger.home, stranger.door, "another-token", "os:1000", stranger.now())
    assert (refused.value.code, refused.value.args[0]) == ("token-unknown", "the token is not known")


@pytest.mark.parametrize("token", ["", "short", "with space in it", "line\nbreak-in-it", "é" * 20])
def test_what_cannot_be_a_token_is_not_sent(stranger: Place, corporate: Misbehaving, token: str) -> None:
    with pytest.raises(EnrolmentError) as refused:
        enrolment.enrol(stranger.home, stranger.door, token, "os:1000", stranger.now())
    assert refused.value.code == "token-malformed"
    assert corporate.all_told() == []


def test_a_certificate_for_another_key_is_not_kept(stranger: Place, corporate: Misbehaving) -> None:
    corporate.order("good")
    corporate.order("foreign-certificate")
    with pytest.raises(SignatureRefused) as refused:
        stranger.enrol()
    assert refused.value.code == "certificate-unusable"
    assert not enrolment.is_enrolled(stranger.home)


@pytest.mark.parametrize("order", ["garbage", "huge", "close", "silent"])
def test_a_manifest_that_is_none_changes_nothing(stranger: Place, corporate: Misbehaving, order: str) -> None:
    corporate.order(order)
    with stranger.impatient(), pytest.raises((SignatureRefused, enrolment.HomeError)):
        stranger.enrol()
    assert not (stranger.home.keys.folder / manifest.FILE).exists()
    assert steps(stranger) == ["contact asked", "contact failed"]


def test_a_fresh_certificate_rides_on_a_receipt(place: Place, corporate: Misbehaving) -> None:
    before = certificate(place)
    place.work(batches=2)
    corporate.order("good", fresh=True, days=60)
    corporate.order("good", fresh=True, days=20)  # not newer than the one just taken
    place.send()
    assert (certificate(place).not_valid_after_utc - before.not_valid_after_utc).days == 30
    assert steps(place)[-1] == "enrolment renewed"
    assert steps(place).count("enrolment renewed") == 1


def test_an_expired_certificate_is_not_shown_and_replaced_by_the_answer(place: Place, corporate: Misbehaving) -> None:
    place.later(days=31)
    place.work()
    corporate.order("require-certificate")
    assert [(sent.outcome, sent.code) for sent in place.send()] == [
        ("rejected", "certificate-required"),
        ("accepted", None),
    ]
    assert [told["client_certificate"] for told in (corporate.told(), corporate.told())] == [False, True]


def test_a_certificate_that_the_server_does_not_accept_is_left_away_at_once(
    place: Place, corporate: Misbehaving
) -> None:
    place.work()
    corporate.order("refuse-certificate")
    assert [(sent.outcome, sent.code) for sent in place.send()] == [
        ("unknown", "certificate-not-accepted"),
        ("accepted", None),
    ]
    corporate.told()
    assert corporate.told()["client_certificate"] is False


def test_an_older_manifest_does_not_replace_a_newer_one(own_corporate: Misbehaving, tmp_path: Path) -> None:
    place = found(tmp_path / "home", own_corporate.url, own_corporate.root)
    own_corporate.order("rotate")
    place.enrol()
    own_corporate.order("downgrade")
    with pytest.raises(SignatureRefused) as refused:
        enrolment.refresh(place.home, place.door, place.now())
    assert refused.value.code == "manifest-older"
    assert manifest.stored(place.home, place.now()).version == 2
    assert manifest.version_here(place.home) == 2


def test_a_manifest_whose_date_is_over_is_fetched_again_before_anything_is_sent(
    place: Place, corporate: Misbehaving
) -> None:
    place.work()
    place.later(days=301)
    assert place.send() == []
    assert [told["line"] for told in (corporate.told(),)] == ["GET /v1/manifest HTTP/1.1"]
    assert "clock" in place.notices()["manifest-expired"].hint
    assert place.rows() == []


def test_a_manifest_that_was_changed_on_the_disk_is_fetched_again(place: Place, corporate: Misbehaving) -> None:
    place.work()
    path = place.home.keys.folder / manifest.FILE
    path.write_bytes(path.read_bytes().replace(b"manifest", b"manifesto"))
    assert [sent.outcome for sent in place.send()] == ["accepted"]
    assert manifest.stored(place.home, place.now()).corporate == "Misbehaving Inc"
