"""From the product's call to the real corporate's receipt, with real processes at both ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from audit import receipt, record
from diffgram_home import bodies, consenting, enrolment, listing, manifest, models, switching
from tests.corporate import running as corporates
from tests.door.places import ANNOTATOR, Place, found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    """A real corporate that knows the annotator's release."""
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def place(server: corporates.Server, tmp_path: Path) -> Place:
    """An installation that the real corporate enrolled."""
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token())
    return made


def test_what_the_product_said_is_received_with_a_receipt_over_the_very_bytes(place: Place) -> None:
    place.work(messages=1000, batches=2)
    assert [sent.outcome for sent in place.send()] == ["accepted", "accepted"]
    stated = manifest.stored(place.home, place.now())
    for row in place.rows():
        held = receipt.read(row.receipt or "", stated.of(manifest.RECEIPTS))
        with place.home.store.read() as session:
            body = bodies.get(session, row.sha256) or b""
        assert held.sha256 == hashlib.sha256(body).hexdigest()
        assert (held.messages, held.authenticated) == (1000, "mtls+signature")


def test_the_published_list_comes_with_the_first_receipt_and_is_the_one_that_corporate_serves(place: Place) -> None:
    assert listing.releases(place.home) == ()
    place.work()
    place.send()
    shown = listing.releases(place.home)
    assert [one.release for one in shown if one.state == "installed"] == ["annotator 1.0.0"]
    place.work()
    place.send()
    with place.home.store.read() as session:
        leaves = [record.parse(data) for data in session.scalars(select(models.Leaf.data))]
    asked = [one.request for one in leaves if isinstance(one, record.Contact) and "catalogues" in one.request]
    assert asked == ["GET /v1/catalogues/0"] * 2, "asked and answered once; the second receipt brought nothing new"


def test_enrolling_again_with_the_same_token_gives_the_same_answer(server: corporates.Server, tmp_path: Path) -> None:
    token = server.token("St Luke")
    place = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    place.enrol(token)
    place.enrol(token)
    place.work()
    assert [sent.outcome for sent in place.send()] == ["accepted"]


def test_the_same_token_for_another_installation_is_refused(server: corporates.Server, tmp_path: Path) -> None:
    token = server.token("St John")
    found(tmp_path / "one", server.wire, server.root, timeout_s=20).enrol(token)
    with pytest.raises(enrolment.EnrolmentError) as refused:
        found(tmp_path / "two", server.wire, server.root, timeout_s=20).enrol(token)
    assert refused.value.code == "token-used"


def test_a_batch_that_waits_when_its_field_is_withdrawn_goes_as_a_void_and_again_without(place: Place) -> None:
    place.work(messages=3)
    (name,) = [n for n in place.home.catalogue.fields if n.startswith("annotator.") and n.endswith(".member_id")]
    consenting.withdraw(place.home, [name], "os:1000", "security", place.now())
    place.later(seconds=1)
    assert {sent.outcome for sent in place.send()} == {"accepted"}
    assert [(batch.state, batch.void, batch.messages) for batch in place.batches()] == [
        ("voided", "withdrawn", 0),
        ("sent", None, 3),
    ]
    with place.home.store.read() as session:
        assert b"member_id" not in (bodies.get(session, place.batches()[1].sha256) or b"member_id")


def test_a_clock_that_is_a_month_ahead_does_not_stop_sending(place: Place) -> None:
    place.work()
    place.later(days=31)
    assert [(sent.outcome, sent.code) for sent in place.send()] == [
        ("rejected", "certificate-required"),
        ("accepted", None),
    ]


def test_switched_off_nothing_more_arrives(place: Place) -> None:
    place.work()
    switching.set_mode(place.home, "event", None, "off", "os:1000", place.now())
    assert place.send(force=True) == []
    assert place.rows() == []
