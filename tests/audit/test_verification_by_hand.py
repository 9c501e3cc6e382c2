"""Verification of what was carried by hand: it counts as an attempt, and corporate's answer to it ends the number."""

import pytest

from audit.verification import Known
from tests.audit.ledgers import Ledger


def codes(made):
    found, report = made.verify(Known(receipts=None))
    assert report.holds == (not found)
    return [finding.code for finding in found]


def test_a_batch_that_was_carried_and_answered_is_accepted_with_its_receipt():
    made = Ledger()
    head, sealed = made.seal(1)
    made.answer(made.carry(head, sealed), head, sealed)
    found, report = made.verify()
    assert (found, report.accepted, report.receipts, report.pending) == ([], 1, 1, 0)


def test_without_an_answer_it_is_pending_and_no_fault():
    made = Ledger()
    made.carry(*made.seal(1))
    found, report = made.verify()
    assert (found, report.accepted, report.pending) == ([], 0, 1)


def test_it_may_be_carried_again_refused_carried_once_more_and_then_accepted():
    made = Ledger()
    head, sealed = made.seal(1)
    made.carry(head, sealed)
    second = made.carry(head, sealed)
    made.answer(second, head, sealed, "rejected")
    made.answer(second, head, sealed)
    found, report = made.verify()
    assert (found, report.accepted, report.pending) == ([], 1, 0)


def test_carried_and_then_sent_over_a_connection_is_accepted_once():
    made = Ledger()
    head, sealed = made.seal(1)
    made.carry(head, sealed)
    made.outcome(made.attempt(head, sealed), head, sealed)
    assert codes(made) == []


def test_a_batch_that_arrived_by_hand_before_its_void_did_is_no_fault():
    made = Ledger()
    head, sealed = made.seal(1)
    attempt = made.carry(head, sealed)
    made.void(1, sealed.sha256)
    made.answer(attempt, head, sealed)
    found, report = made.verify()
    assert (found, report.accepted, report.receipts) == ([], 1, 1)


def answered_before_it_was_carried(made, head, sealed):
    made.answer(made.attempt(head, sealed), head, sealed)
    return ["outcome-without-attempt", "attempt-open"]


def answered_before_the_file_was_written(made, head, sealed):
    made.answer(made.frontier.size, head, sealed)
    made.carry(head, sealed)
    return ["outcome-without-attempt"]


def answered_for_another_attempt(made, head, sealed):
    made.carry(head, sealed)
    made.answer(0, head, sealed)
    return ["outcome-without-attempt"]


def answered_for_other_bytes(made, head, sealed):
    made.answer(made.carry(head, sealed), head, sealed, sha256="e" * 64)
    return ["outcome-without-attempt"]


def answered_after_it_was_accepted(made, head, sealed):
    attempt = made.carry(head, sealed)
    made.answer(attempt, head, sealed)
    made.answer(attempt, head, sealed)
    return ["outcome-without-attempt"]


def carried_other_bytes_than_were_sealed(made, head, sealed):
    made.carry(head, sealed, sha256="e" * 64)
    return ["attempt-without-batch", "outcome-differs"]


@pytest.mark.parametrize(
    "plant",
    [
        answered_before_it_was_carried,
        answered_before_the_file_was_written,
        answered_for_another_attempt,
        answered_for_other_bytes,
        answered_after_it_was_accepted,
        carried_other_bytes_than_were_sealed,
    ],
)
def test_a_planted_fault_is_found(plant):
    made = Ledger()
    head, sealed = made.seal(1)
    wanted = plant(made, head, sealed)
    assert codes(made) == wanted


def test_a_receipt_by_hand_that_does_not_hold_is_found():
    made = Ledger()
    head, sealed = made.seal(1)
    other = made.receipt(head, sealed, sha256="e" * 64)
    made.answer(made.carry(head, sealed), head, sealed, token=other)
    found, _ = made.verify()
    assert [finding.code for finding in found] == ["receipt-refused"]
