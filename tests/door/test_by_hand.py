"""By hand: a whole round in files for all four cases, with the same proofs, and what is planted is refused."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import carried, container, receipt, signed
from audit.canonical import sha256_hex
from audit.errors import CarriedRefused, SignatureRefused
from corporate import manifest as corporate_manifest
from corporate import releases
from diffgram_home import (
    attempts,
    carrying,
    consenting,
    egress,
    enrolment,
    enrolment_by_hand,
    health,
    manifest,
    models,
    reading,
    sending,
    switching,
    verifying,
)
from diffgram_home.carrying import CarryError
from diffgram_home.errors import HomeError
from tests.door.by_hand import ACTOR, KINDS, Island, Vendor, island, product, vendor


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's catalogue."""
    return product(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def corporate(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Iterator[Vendor]:
    """A corporate that knows the product."""
    made = vendor(tmp_path_factory.mktemp("corporate"), shop)
    yield made
    made.server.store.close()


@pytest.fixture
def place(corporate: Vendor, shop: Path, tmp_path: Path) -> Iterator[Island]:
    """An installation that was enrolled by hand."""
    made = island(tmp_path / "home", corporate.root, shop)
    made.enrol(corporate)
    yield made
    made.home.close()


def refused(place: Island, data: bytes) -> str:
    """The code with which `data` is refused; nothing changes then."""
    before = place.leaves(), [(b.state, b.sha256) for b in place.batches()]
    with pytest.raises((HomeError, CarriedRefused, SignatureRefused)) as no:
        place.into(data)
    assert (place.leaves(), [(b.state, b.sha256) for b in place.batches()]) == before
    assert no.value.hint
    return no.value.code


SEALED = sorted(KINDS.keys() - {"support"})


def test_a_whole_round_for_every_case_has_the_same_proofs_as_over_a_connection(
    place: Island, corporate: Vendor
) -> None:
    place.work(messages=3)
    shown = {batch.case: batch.body for batch in reading.pending(place.home, limit=10, lines=0).batches}
    assert set(shown) == set(SEALED), "of support nothing is sealed but what a grant asks for"
    (data,) = place.out()
    entries = {entry.name: entry.data for entry in container.read(data)}
    assert {case: entries[f"{case}-1.ndjson"] for case in SEALED} == shown
    assert {(row.outcome, row.code, row.destination) for row in place.attempts()} == {("unknown", "carried", "by hand")}
    answers = corporate.bring(data)
    taken = place.into(answers)
    assert sorted((one.case, one.outcome) for one in taken.told) == [(case, "accepted") for case in SEALED]
    assert {(batch.state, batch.last_outcome) for batch in place.batches()} == {("sent", "accepted")}
    keys = manifest.stored(place.home, place.now()).of(manifest.RECEIPTS)
    for row in place.attempts():
        held = receipt.read(row.receipt or "", keys)
        assert (held.sha256, held.authenticated) == (sha256_hex(shown[row.case] or b""), "signature+by-hand")
    place.verify()


def test_the_ledger_says_who_carried_what_before_and_after(place: Island, corporate: Vendor) -> None:
    place.work("event", "licensing")
    before = len(place.leaves())
    (data,) = place.out()
    place.into(corporate.bring(data))
    new = place.leaves()[before:]
    assert new == [
        "carried-out",
        *["attempt-by-hand"] * 2,
        *["outcome"] * 2,
        "carried-in",
        *["outcome-by-hand"] * 2,
        "published",
    ]
    out, back = (row for row in reversed(reading.history(place.home)) if row.what in ("carried-out", "carried-in"))
    assert (out.actor, out.subject, out.after) == (ACTOR, "2 batches", "carried out")
    assert (back.actor, back.subject, back.after) == (ACTOR, "2 answers", "carried in")
    assert sha256_hex(data) in str(out.detail)
    listed = carrying.listed(place.home)
    assert [(row.direction, row.actor) for row in listed] == [("in", ACTOR), ("out", ACTOR)]
    assert listed[1].answered_at is not None


def test_nothing_is_ever_sent_over_a_connection(place: Island) -> None:
    place.work()
    assert egress.reachable(place.home.settings) == ()
    assert sending.send_due(place.home, sending.open_door(place.home), place.now()) == []
    with pytest.raises(sending.SendingError) as no:
        sending.send_due(place.home, sending.open_door(place.home), place.now(), force=True)
    assert no.value.code == "by-hand"
    assert place.attempts() == []


def test_carrying_the_same_again_gives_the_same_bytes(place: Island) -> None:
    place.work()
    assert place.out() == place.out()
    (name,) = {path.name for path in place.stick.iterdir()}
    found = carrying.again(place.home, carrying.listed(place.home)[0].sha256, place.now())
    assert found == (name, (place.stick / name).read_bytes())
    place.verify()


def test_an_answer_to_the_first_of_two_files_is_enough(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (first,) = place.out()
    place.work("browser")
    (second,) = place.out()
    assert len(place.into(corporate.bring(first)).told) == 1
    taken = place.into(corporate.bring(second))
    assert (len(taken.told), taken.known) == (1, 1)
    assert place.out() == []
    place.verify()


def test_more_than_one_file_can_hold_becomes_several(corporate: Vendor, shop: Path, tmp_path: Path) -> None:
    place = island(tmp_path / "home", corporate.root, shop, batch_messages=1)
    place.enrol(corporate)
    place.work("event", messages=carried.MAX_BATCHES + 2)
    seen: list[tuple[int, int]] = []
    files = place.out(progress=lambda done, total: seen.append((done, total)))
    assert [len(container.read(data)) for data in files] == [2 * carried.MAX_BATCHES + 3, 2 * 2 + 3]
    assert seen == [(100, 102), (102, 102)]
    for data in reversed(files):  # in whatever order they arrive
        place.into(corporate.bring(data))
    assert {batch.state for batch in place.batches()} == {"sent"}
    place.verify()
    place.home.close()


def test_until_it_is_answered_it_is_unknown_and_check_says_so_without_alarm(place: Island) -> None:
    place.work("event")
    place.out()
    found = health.findings(health.gather(place.home, place.now()))
    assert [one.level for one in found if one.code == "carried"] == ["notice"]
    assert not [one for one in found if one.code == "not-accepted"]


def test_what_a_person_withdrew_gets_into_no_file(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (first,) = place.out()
    consenting.withdraw(place.home, ["shop.event.order_id"], ACTOR, "security", place.now())
    with pytest.raises(CarryError) as no:
        carrying.again(place.home, sha256_hex(first), place.now())
    assert no.value.code == "file-changed"
    (second,) = place.out()
    assert b"order_id" not in second
    assert b'"void":"withdrawn"' in second
    place.into(corporate.bring(second))
    (third,) = place.out()  # what had been carried is sealed again only when its void was answered
    assert b"order_id" not in third
    place.into(corporate.bring(third))
    assert [(batch.state, batch.messages) for batch in place.batches()] == [("voided", 0), ("sent", 1)]
    place.verify()


def test_a_batch_that_arrived_before_its_void_stands_after_all(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (first,) = place.out()
    answers = corporate.bring(first)
    consenting.withdraw(place.home, ["shop.event.order_id"], ACTOR, "security", place.now())
    place.into(answers)
    assert [(batch.state, batch.messages) for batch in place.batches()] == [("sent", 1)]
    place.verify()


def test_without_approval_of_the_header_nothing_gets_into_a_file(place: Island) -> None:
    place.work("event")
    names = [field.name for field in place.home.catalogue.wrapping()]
    consenting.withdraw(place.home, names, ACTOR, "security", place.now())
    before = place.leaves()
    done = carrying.carry_out(place.home, place.stick, ACTOR, place.now())
    assert (done.files, [one.code for one in done.left]) == ((), ["wrapping-not-approved"])
    assert (place.leaves(), list(place.stick.iterdir())) == (before, [])


def test_a_case_that_is_off_is_not_carried_and_a_case_alone_can_be(place: Island) -> None:
    place.work()
    switching.set_mode(place.home, "browser", None, "off", ACTOR, place.now())
    names = {entry.name for data in place.out(case="licensing") for entry in container.read(data)}
    assert {name for name in names if name.endswith("ndjson")} == {"licensing-1.ndjson"}
    names = {entry.name for data in place.out() for entry in container.read(data)}
    assert "browser-1.ndjson" not in names


def test_licensing_switched_on_keeps_what_was_sealed_while_offline(place: Island, corporate: Vendor) -> None:
    place.work("licensing")
    before = [batch.sha256 for batch in place.batches()]
    switching.set_mode(place.home, "licensing", None, "on", ACTOR, place.now())
    assert [(batch.sha256, batch.void) for batch in place.batches()] == [(before[0], None)]
    (data,) = place.out()
    assert place.into(corporate.bring(data)).told[0].outcome == "accepted"


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_recorded(place: Island) -> None:
    place.work("event")
    before = place.leaves()
    for folder in (Path("/proc"), place.stick / "no-such-folder"):
        with pytest.raises(CarryError) as no:
            carrying.carry_out(place.home, folder, ACTOR, place.now())
        assert no.value.code == "folder-unwritable"
    assert place.leaves() == before


def test_a_full_disk_is_told_and_nothing_is_recorded_or_half_written(place: Island) -> None:
    place.work("event", messages=400)
    before = place.leaves()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(CarryError) as no:
            carrying.carry_out(place.home, place.stick, ACTOR, place.now())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert no.value.code == "disk-full"
    assert list(place.stick.iterdir()) == []
    assert place.leaves() == before


def die_before_the_file_has_its_name(name: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: the process is killed when it is about to give a file its name."""
    if name == "os.rename" and str(arguments[1]).endswith(".out.zip"):
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_before_the_file_has_its_name_the_attempt_is_recorded_and_no_file_is_there(place: Island) -> None:
    place.work("event")
    child = os.fork()
    if child == 0:
        sys.addaudithook(die_before_the_file_has_its_name)
        place.out()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert place.leaves()[-2:] == ["carried-out", "attempt-by-hand"]
    assert list(place.stick.glob("carried-*")) == []
    place.out()
    assert [(row.outcome, row.code) for row in place.attempts()] == [("unknown", "interrupted"), ("unknown", "carried")]
    place.verify()


def test_a_name_that_is_taken_by_something_else_is_told_and_nothing_is_recorded(place: Island) -> None:
    place.work("event")
    place.out()
    (file,) = place.stick.iterdir()
    file.unlink()
    file.mkdir()
    before = place.leaves()
    with pytest.raises(CarryError) as no:
        place.out()
    assert (no.value.code, place.leaves()) == ("folder-unwritable", before)


def test_attempts_of_a_process_that_was_killed_are_unknown_and_can_be_carried_again(
    place: Island, corporate: Vendor
) -> None:
    place.work("event")
    with place.home.store.write() as session:
        batch = session.query(models.Batch).one()
        attempts.begin_by_hand(session, batch, "f" * 64, place.now())
    (data,) = place.out()
    assert [(row.outcome, row.code) for row in place.attempts()] == [("unknown", "interrupted"), ("unknown", "carried")]
    place.into(corporate.bring(data))
    assert [batch.state for batch in place.batches()] == ["sent"]
    place.verify()


def test_refusals_come_back_with_their_reasons_and_a_later_answer_counts(
    corporate: Vendor, shop: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "shop.toml"
    newer.write_text(shop.read_text().replace("something counted", "something else counted"))
    place = island(tmp_path / "home", corporate.root, newer)
    place.enrol(corporate)
    place.work("event")
    (data,) = place.out()
    refusal = corporate.bring(data)
    (told,) = place.into(refusal).told
    assert (told.outcome, told.code) == ("rejected", "unknown-catalogue")
    assert "release add" in told.hint
    assert refused(place, refusal) == "answers-known"
    assert [(batch.state, batch.last_code) for batch in place.batches()] == [("queued", "unknown-catalogue")]
    releases.add(corporate.server.store, [newer], None, None, place.now())
    place.into(corporate.bring(data))
    assert refused(place, refusal) == "answers-known"
    assert [batch.state for batch in place.batches()] == ["sent"]
    place.verify()
    place.home.close()


def answered(place: Island, corporate: Vendor) -> bytes:
    place.work("event", "browser")
    (data,) = place.out()
    return corporate.bring(data)


def test_answers_that_are_here_already_are_refused(place: Island, corporate: Vendor) -> None:
    answers = answered(place, corporate)
    place.into(answers)
    assert refused(place, answers) == "answers-known"


def test_answers_that_were_spoilt_on_the_way_are_refused_whole(place: Island, corporate: Vendor) -> None:
    good = answered(place, corporate)
    entries = container.read(good)
    listed = json.loads(entries[0].data)
    listed["answers"].pop()
    dropped = json.dumps(listed, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    cases = {
        "a changed byte": (good.replace(b'"status":200', b'"status":201', 1), "file-malformed"),
        "a dropped answer": (container.write([container.Entry("list.json", dropped), *entries[1:]]), "signature-wrong"),
        "another order": (container.write([*entries[:1], entries[2], entries[1]]), "list-malformed"),
        "a cut": (good[:-30], "file-cut"),
        "no ZIP": (b"%PDF-1.7", "file-malformed"),
        "a huge file": (bytes(carried.MAX_IN_BYTES + 1), "file-too-large"),
        "batches": ((place.stick / next(place.stick.iterdir())).read_bytes(), "list-differs"),
    }
    for what, (data, code) in cases.items():
        assert (what, refused(place, data)) == (what, code)
    place.into(good)


def test_answers_that_somebody_else_signed_are_refused(place: Island, corporate: Vendor) -> None:
    back = carried.read_in(
        answered(place, corporate), lambda _: signed.ring(corporate.server.keys.receipts.public_key())
    )
    assert refused(place, carried.write_in(back, Ed25519PrivateKey.generate())) == "key-unknown"
    other = Ed25519PrivateKey.generate()
    claims = {"keys": [{"purpose": "receipts", "jwk": signed.to_jwk(other.public_key())}]}
    forged = json.dumps(
        {
            "root": signed.to_jwk(other.public_key()),
            "manifest": signed.sign(json.dumps(claims).encode(), other, signed.MANIFEST),
        }
    ).encode()
    with_manifest = carried.In(back.installation, back.file, forged, back.answers)
    assert refused(place, carried.write_in(with_manifest, other)) == "root-differs"


def test_a_receipt_of_other_bytes_is_refused_even_in_a_list_that_corporate_signed(
    place: Island, corporate: Vendor
) -> None:
    key = corporate.server.keys.receipts
    back = carried.read_in(answered(place, corporate), lambda _: signed.ring(key.public_key()))
    one, two = back.answers
    swapped = carried.Answer(one.case, one.sequence, one.sha256, 200, two.answer)
    assert refused(
        place, carried.write_in(carried.In(back.installation, back.file, back.manifest, (swapped,)), key)
    ) == ("receipt-differs")
    nowhere = carried.Answer("event", 1, "e" * 64, 200, one.answer)
    assert refused(
        place, carried.write_in(carried.In(back.installation, back.file, back.manifest, (nowhere,)), key)
    ) == ("answer-unknown")
    elsewhere = carried.In(back.installation, "e" * 64, back.manifest, back.answers)
    assert refused(place, carried.write_in(elsewhere, key)) == "file-unknown"


def test_answers_for_another_installation_are_refused(
    place: Island, corporate: Vendor, shop: Path, tmp_path: Path
) -> None:
    other = island(tmp_path / "other", corporate.root, shop)
    other.enrol(corporate)
    assert refused(place, answered(other, corporate)) == "other-installation"
    other.home.close()


def test_a_newer_manifest_travels_with_the_answers_and_an_older_one_changes_nothing(
    place: Island, corporate: Vendor
) -> None:
    old = answered(place, corporate)
    before = manifest.version_here(place.home)
    settings = corporate.server.settings
    corporate_manifest.make(settings.folder, settings.name, place.now())
    place.work("support")
    data = place.out()[-1]
    assert place.into(corporate.bring(data)).manifest == before + 1
    assert manifest.stored(place.home, place.now()).version == before + 1
    assert refused(place, old) == "answers-known"
    assert manifest.stored(place.home, place.now()).version == before + 1


def test_a_certificate_is_renewed_by_hand(place: Island, corporate: Vendor) -> None:
    path = place.home.keys.folder / enrolment.CERTIFICATE_FILE
    before = path.read_text()
    place.lead = timedelta(days=20)
    place.work("event")
    (data,) = place.out()
    assert place.into(corporate.bring(data, place.now())).renewed
    assert path.read_text() != before
    assert "enrolment-by-hand" in place.leaves()[-2:]


def test_enrolment_is_recorded_without_the_token_and_trusts_nothing_but_the_pinned_root(
    corporate: Vendor, shop: Path, tmp_path: Path
) -> None:
    place = island(tmp_path / "home", "sha256:" + "0" * 64, shop)
    token, asked = corporate.token("St Luke"), place.stick / "asked.zip"
    enrolment_by_hand.request(place.home, token, asked, ACTOR, place.now())
    answer = corporate.bring(asked.read_bytes())
    with pytest.raises(SignatureRefused) as no:
        enrolment_by_hand.take(place.home, answer, ACTOR, place.now())
    assert no.value.code == "root-differs"
    assert not enrolment.is_enrolled(place.home)
    place.home.close()
    good = island(tmp_path / "good", corporate.root, shop)
    with pytest.raises(CarryError) as other:
        enrolment_by_hand.take(good.home, answer, ACTOR, good.now())
    assert other.value.code == "other-installation"
    good.enrol(corporate)
    changes = [row for row in reading.history(good.home) if row.what == "enrolment-by-hand"]
    assert [(row.actor, row.after) for row in changes] == [(ACTOR, "granted"), (ACTOR, "asked")]
    with good.home.store.read() as session:
        assert not [leaf for leaf in session.query(models.Leaf) if b"dhe_" in leaf.data]
    good.verify()
    good.home.close()


def test_without_an_identity_nothing_is_carried(corporate: Vendor, shop: Path, tmp_path: Path) -> None:
    place = island(tmp_path / "home", corporate.root, shop)
    place.work("event")
    with pytest.raises(CarryError) as no:
        place.out()
    assert no.value.code == "not-enrolled"
    place.home.close()


def test_bytes_that_are_gone_stay_behind_and_hold_up_nothing(place: Island, corporate: Vendor) -> None:
    place.work("event", "browser")
    with place.home.store.write() as session:
        session.query(models.Body).filter(
            models.Body.sha256 == next(b.sha256 for b in place.batches() if b.case == "event")
        ).update({"zstd": None})
    done = carrying.carry_out(place.home, place.stick, ACTOR, place.now())
    assert [(one.case, one.code) for one in done.left] == [("event", "body-missing")]
    assert [file.batches for file in done.files] == [1]


def test_a_row_that_says_otherwise_than_the_ledger_is_found(place: Island, corporate: Vendor) -> None:
    place.work("event")
    (data,) = place.out()
    place.into(corporate.bring(data))
    place.verify()
    for change in ({"outcome": "rejected"}, {"outcome_leaf": None}, {"destination": "127.0.0.1:1"}, {"sequence": 9}):
        with place.home.store.write() as session:
            was = {name: getattr(session.query(models.Attempt).one(), name) for name in change}
            session.query(models.Attempt).update(change)
        found = verifying.verify(place.home, place.now())
        assert "rows-differ" in {finding.code for finding in found.findings}, change
        with place.home.store.write() as session:
            session.query(models.Attempt).update(was)
    place.verify()
