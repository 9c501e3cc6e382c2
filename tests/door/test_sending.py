"""What becomes of a batch when things go wrong on the way: each row of the table of bad luck, against a real server."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

import pytest

from audit import receipt, record, signed
from diffgram_home import (
    attempts,
    bodies,
    egress,
    ledger,
    locks,
    manifest,
    models,
    outbound,
    patience,
    sending,
    switching,
)
from diffgram_home.errors import StoreError
from tests.door.conftest import Misbehaving
from tests.door.places import Place, found

NO = {"message": "no", "hint": "ask", "retry": False}
NOT_YET = {"message": "not yet", "hint": "ask", "retry": True}


def said(status: int, body: Any = "", **headers: str) -> dict[str, Any]:
    """The order to answer this."""
    return {"do": "answer", "status": status, "body": body, "headers": headers}


# what corporate does, outcome, code, the status that came, whether the number is voided for it
BAD_LUCK: list[tuple[dict[str, Any], str, str, int | None, bool]] = [
    (said(400, {"code": "undeclared", **NO}), "rejected", "undeclared", 400, True),
    (said(400, "Bad Request"), "rejected", "status-400", 400, False),
    (said(401, {"code": "signature", **NO}), "rejected", "signature", 401, False),
    (said(403, {"code": "revoked", **NO}), "rejected", "revoked", 403, False),
    (said(404, {"code": "unknown-catalogue", **NOT_YET}), "rejected", "unknown-catalogue", 404, False),
    (said(413, {"code": "too-large", **NO}), "rejected", "too-large", 413, True),
    (said(413, "<html>"), "rejected", "status-413", 413, True),
    ({"do": "early"}, "rejected", "too-large", 413, True),
    (said(429, {"code": "too-many", **NOT_YET}, **{"Retry-After": "7"}), "rejected", "too-many", 429, False),
    (said(500, "<html>"), "unknown", "status-500", 500, False),
    (said(503, {"code": "busy", **NOT_YET}), "unknown", "busy", 503, False),
    (said(302, Location="https://127.0.0.1:1/"), "unknown", "status-302", 302, False),
    (said(200, "<html>welcome</html>"), "unknown", "no-receipt", 200, False),
    (said(200, {"receipt": "a.b.c"}), "unknown", "token-malformed", 200, False),
    ({"do": "wrong-hash"}, "unknown", "receipt-differs", 200, False),
    ({"do": "wrong-key"}, "unknown", "key-unknown", 200, False),
    ({"do": "garbage"}, "unknown", "answer-malformed", None, False),
    ({"do": "half"}, "unknown", "answer-cut", None, False),
    ({"do": "huge"}, "unknown", "answer-too-large", None, False),
    ({"do": "silent"}, "unknown", "too-slow", None, False),
    ({"do": "drip"}, "unknown", "too-slow", None, False),
    ({"do": "close"}, "unknown", "connection-lost", None, False),
    ({"do": "mute"}, "rejected", "too-slow", None, False),
    ({"do": "other-authority"}, "rejected", "certificate-wrong", None, False),
    ({"do": "expired"}, "rejected", "certificate-wrong", None, False),
    ({"do": "wrong-name"}, "rejected", "certificate-wrong", None, False),
]
_NAMES = [" ".join(str(v) for v in (order["do"], order.get("status", ""), code)) for order, _, code, _, _ in BAD_LUCK]


@pytest.mark.parametrize(("order", "outcome", "code", "status", "voided"), BAD_LUCK, ids=_NAMES)
def test_bad_luck_is_recorded_with_its_bytes_tried_again_and_blocks_nothing(
    place: Place,
    corporate: Misbehaving,
    order: dict[str, Any],
    outcome: str,
    code: str,
    status: int | None,
    voided: bool,
) -> None:
    place.work(messages=3, batches=2)
    corporate.order(**order)
    with place.impatient() if code == "too-slow" else contextlib.nullcontext():
        place.send()

    first = place.rows()[0]
    assert (first.sequence, first.outcome, first.code, first.status) == (1, outcome, code, status)
    assert first.detail
    assert_bytes_and_leaves(place, first)

    place.later(minutes=20)
    place.send()
    place.later(minutes=20)
    place.send()
    assert [batch.state for batch in place.batches()] == ["voided" if voided else "sent", "sent"]
    assert place.batches()[0].may_be_received == (outcome == "unknown")
    assert [row.outcome for row in place.rows() if row.sequence == 2] == ["accepted"]
    assert "corporate" not in {notice.subject for notice in place.notices().values()}


def assert_bytes_and_leaves(place: Place, row: models.Attempt) -> None:
    """The ledger has the exact bytes, the attempt before and the outcome after, and both say the same as the row."""
    with place.home.store.read() as session:
        body = bodies.get(session, row.sha256)
        began, ended = ledger.leaf(session, row.leaf), ledger.leaf(session, row.outcome_leaf or -1)
    assert body is not None
    assert hashlib.sha256(body).hexdigest() == row.sha256
    assert isinstance(began, record.Attempt)
    assert (began.sha256, began.sequence, began.destination) == (row.sha256, row.sequence, place.door.destination)
    assert isinstance(ended, record.Outcome)
    assert (ended.attempt, ended.outcome, ended.code, ended.status) == (row.leaf, row.outcome, row.code, row.status)


def test_a_name_that_is_not_found_is_rejected_since_nothing_left(place: Place, corporate: Misbehaving) -> None:
    place.work()
    place.move("https://no-such-host.invalid:8091")
    assert [sent.code for sent in place.send()] == ["name-not-found"]
    assert place.rows()[0].outcome == "rejected"
    assert corporate.all_told() == []


def test_nobody_listening_is_rejected_since_nothing_left(place: Place) -> None:
    place.work()
    place.move("https://127.0.0.1:9")
    assert [sent.code for sent in place.send()] == ["connection-refused"]
    assert place.rows()[0].outcome == "rejected"


def test_what_is_previewed_recorded_sent_and_received_has_one_hash(place: Place, corporate: Misbehaving) -> None:
    place.work(messages=50)
    previewed = place.batches()[0].sha256
    (sent,) = place.send()
    told = corporate.told()
    (row,) = place.rows()
    stated = manifest.stored(place.home, place.now())
    held = receipt.read(row.receipt or "", stated.of(manifest.RECEIPTS))
    assert {previewed, sent.sha256, row.sha256, told["sha256"], held.sha256} == {previewed}
    assert hashlib.sha256(corporate.body(previewed)).hexdigest() == previewed


def test_the_head_of_a_request_says_nothing_beyond_the_envelope(place: Place, corporate: Misbehaving) -> None:
    place.work()
    place.send()
    told = corporate.told()
    assert told["line"] == "POST /v1/batches HTTP/1.1"
    assert set(told["headers"]) == {
        "host",
        "user-agent",
        "accept-encoding",
        "content-length",
        "content-type",
        "content-encoding",
        "diffgram-signature",
    }
    assert told["headers"]["user-agent"] == "diffgram-home"
    assert told["client_certificate"]


def test_the_signature_verifies_with_the_installations_key_over_the_body(place: Place, corporate: Misbehaving) -> None:
    place.work()
    place.send()
    told = corporate.told()
    keys = signed.ring(place.home.keys.installation.public_key())
    body = corporate.body(told["sha256"])
    assert signed.verify(told["headers"]["diffgram-signature"], keys, signed.BATCH, payload=body) == body


def test_a_batch_that_always_fails_does_not_hold_up_the_others(place: Place, corporate: Misbehaving) -> None:
    corporate.order("poison", sequence=1, status=500)
    place.work(batches=4)
    for _ in range(6):
        place.send()
        place.later(seconds=40)
    states = [batch.state for batch in place.batches()]
    assert states == ["queued", "sent", "sent", "sent"]
    assert len([row for row in place.rows() if row.sequence == 1]) > 1
    assert len([row for row in place.rows() if row.sequence > 1]) == 3


def test_a_failing_corporate_is_asked_with_one_batch_at_a_time_and_ever_more_rarely(
    place: Place, corporate: Misbehaving
) -> None:
    place.work(batches=3)
    for _ in range(30):
        corporate.order("answer", status=500)
    asked = []
    for second in range(60):
        asked += [second] * len(place.send())
        place.later(seconds=1)
    assert len(asked) == len(set(asked))
    assert 4 <= len(asked) <= 8  # 1 s, doubled each time, half of it spread
    for _ in range(30 - len(asked)):
        place.send(force=True)
    place.later(hours=1)
    place.send()
    assert [batch.state for batch in place.batches()] == ["sent"] * 3


def test_retry_after_is_honoured_also_when_a_person_asks(place: Place, corporate: Misbehaving) -> None:
    place.work(batches=2)
    corporate.order("answer", status=429, headers={"Retry-After": "600"}, body={"code": "too-many", **NOT_YET})
    assert [sent.code for sent in place.send()] == ["too-many"]
    place.later(seconds=590)
    assert place.send() == []
    with pytest.raises(sending.SendingError) as refused:
        place.send(force=True)
    assert refused.value.code == "asked-to-wait"
    place.later(seconds=15)
    assert [sent.outcome for sent in place.send()] == ["accepted", "accepted"]


def test_retry_after_as_a_date_counts_the_same(place: Place, corporate: Misbehaving) -> None:
    place.work()
    at = place.now().replace(microsecond=0)
    place.later(seconds=0)
    text = (at + patience.LONGEST_WAIT).strftime("%a, %d %b %Y %H:%M:%S GMT")
    corporate.order("answer", status=503, headers={"Retry-After": text})
    place.send()
    place.later(seconds=patience.LONGEST_WAIT.total_seconds() - 30)
    assert place.send() == []
    place.later(seconds=60)
    assert [sent.outcome for sent in place.send()] == ["accepted"]


def test_a_refused_batch_voids_its_number_and_stays_visible(place: Place, corporate: Misbehaving) -> None:
    place.work(messages=4)
    refused = place.batches()[0].sha256
    told = {"code": "undeclared", "undeclared": {"annotator/task-completed.<undeclared>": 4}, **NO}
    corporate.order("answer", status=400, body=told)
    place.send()
    notice = place.notices()["batch-refused"]
    assert "annotator/task-completed.<undeclared>" in (place.rows()[0].detail or "")
    assert "1" in notice.text
    place.later(seconds=5)
    place.send()
    corporate.told()
    lines = corporate.body(corporate.told()["sha256"]).splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["void"] == "refused"
    assert place.batches()[0].state == "voided"
    with place.home.store.read() as session:
        assert (bodies.get(session, refused) or b"").count(b"\n") == 5


def test_an_answer_that_was_lost_is_no_second_batch_at_corporate(place: Place, corporate: Misbehaving) -> None:
    place.work()
    corporate.order("half")
    place.send()
    place.later(minutes=1)
    place.send()
    assert [row.outcome for row in place.rows()] == ["unknown", "accepted"]
    assert len({row.sha256 for row in place.rows()}) == 1


def test_a_killed_attempt_is_unknown_at_the_next_start(place: Place, corporate: Misbehaving) -> None:
    place.work()
    with place.home.store.write() as session:
        attempts.begin(session, session.query(models.Batch).one(), place.door.destination, place.now())
    assert [sent.outcome for sent in place.send()] == ["accepted"]
    assert [(row.outcome, row.code) for row in place.rows()] == [("unknown", "interrupted"), ("accepted", None)]
    assert len(corporate.all_told()) == 1


def test_what_interrupts_a_batch_again_and_again_comes_ever_more_rarely(place: Place) -> None:
    place.work()
    place.door.stop()
    waits = []
    for _ in range(8):
        with place.home.store.write() as session:
            attempts.begin(session, session.query(models.Batch).one(), place.door.destination, place.now())
        now = place.now()
        place.send()
        waits.append(round((place.batches()[0].next_try_at - now).total_seconds()))
    assert waits[0] == 0
    assert waits[-1] >= 30


@pytest.mark.parametrize("error", [StoreError("store-damaged", "no", "restore it"), RuntimeError("0815")])
def test_an_error_before_anything_was_opened_ends_the_attempt_as_rejected(place: Place, error: Exception) -> None:
    def broken() -> Any:
        raise error

    place.work()
    settings = place.home.settings
    registry = egress.reachable(settings)
    place.door = outbound.Door(settings.corporate.url, registry=registry, timeout_s=5, rules=broken)
    place.send()
    (row,) = place.rows()
    assert (row.outcome, row.code) == ("rejected", getattr(error, "code", "not-ready"))
    assert "0815" not in (row.detail or "")
    assert place.batches()[0].next_try_at > place.now()


def test_while_another_process_sends_this_one_does_not(corporate: Misbehaving, tmp_path: Any) -> None:
    place = found(tmp_path / "home", corporate.url, corporate.root, timeout_s=1)  # so long a person waits
    place.work()
    with locks.alone(place.home.settings.folder / "sending.lock") as held:
        assert held
        assert place.send() == []
        with pytest.raises(sending.SendingError) as refused:
            place.send(force=True)
    assert refused.value.code == "sending-busy"
    assert place.rows() == []


def test_off_and_local_open_nothing_not_even_for_a_void(place: Place, corporate: Misbehaving) -> None:
    place.work(batches=2)
    corporate.order("answer", status=400, body={"code": "undeclared", **NO})
    place.send()
    corporate.told()
    corporate.told()
    for mode in ("local", "off"):
        switching.set_mode(place.home, "event", None, mode, "os:1000", place.now())
        place.later(hours=1)
        assert place.send() == []
        assert place.send(force=True) == []
    assert corporate.all_told() == []


def test_without_enrolment_nothing_is_asked_and_the_pages_say_why(corporate: Misbehaving, tmp_path: Any) -> None:
    place = found(tmp_path / "home", corporate.url, corporate.root)
    place.work()
    assert place.send() == []
    assert "enrol" in place.notices()["not-enrolled"].hint
    assert corporate.all_told() == []
    with pytest.raises(sending.SendingError):
        place.send(force=True)
    place.enrol()
    place.send()
    assert "not-enrolled" not in place.notices()


def test_a_new_receipt_key_is_found_in_a_new_manifest(own_corporate: Misbehaving, tmp_path: Any) -> None:
    place = enrolled(own_corporate, tmp_path)
    place.work(batches=2)
    own_corporate.order("rotate")
    assert [sent.outcome for sent in place.send()] == ["accepted", "accepted"]
    assert [told["line"].split()[1] for told in own_corporate.all_told()] == [
        "/v1/batches",
        "/v1/manifest",
        "/v1/batches",
    ]
    stated = manifest.stored(place.home, place.now())
    assert stated.version == 2
    ever = manifest.keys_ever(place.home, manifest.RECEIPTS) or {}
    assert set(ever) > set(stated.of(manifest.RECEIPTS)), "earlier receipts can be verified still"


def test_a_new_authority_is_found_in_a_new_manifest(own_corporate: Misbehaving, tmp_path: Any) -> None:
    place = enrolled(own_corporate, tmp_path)
    place.work()
    own_corporate.order("new-authority")
    place.send()
    place.later(minutes=1)
    codes = [sent.code for sent in place.send()]
    # the old authority issued our own certificate too: it goes without, until corporate sends a fresh one
    assert codes == ["certificate-wrong", "certificate-not-accepted", None]


def test_a_foreign_key_makes_it_fetch_the_manifest_once_an_hour_at_most(place: Place, corporate: Misbehaving) -> None:
    place.work()
    lines = []
    for asked in (2, 1, 1):
        corporate.order("wrong-key")
        place.send()
        place.later(minutes=16)
        lines += [corporate.told()["line"] for _ in range(asked)]
    assert lines.count("GET /v1/manifest HTTP/1.1") == 1


def enrolled(corporate: Misbehaving, tmp_path: Any) -> Place:
    """An installation that is enrolled with this corporate."""
    place = found(tmp_path / "home", corporate.url, corporate.root)
    place.enrol()
    corporate.told()
    corporate.told()
    return place
