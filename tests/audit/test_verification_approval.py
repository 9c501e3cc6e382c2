"""Verifying finds bytes that left without the approval that their case asked for, whichever way leaves are judged."""

import pytest

from audit import _approving, record
from audit.verification import Known
from tests.audit.ledgers import Ledger
from tests.audit.test_foreseen import both as all_ways
from tests.audit.test_ranges import Copy, both

CODE = "approval-missing"
ANN, BEN, CAT = "person:1", "person:2", "person:3"


def asking(level, step="set"):
    """A ledger in which batches went before, and the case then asks."""
    made = Ledger()
    made.mode(1)
    for account, by in ((ANN, "os:0"), (BEN, "os:0"), (CAT, ANN)):
        made.add(record.Person(account=account, actor=by, at=made.at(), change="added", role=None))
    for sequence in range(1, 31):
        made.send(sequence)
    rule(made, level, step)
    return made


def rule(made, to, step="set"):
    entry = {"actor": "os:0", "case": "event", "expires_h": 72, "from_": "none", "source": "person"}
    made.add(record.ApprovalRule(at=made.at(), step=step, to=to, **entry))


def decide(made, head, sealed, actor, decision="approved", sha256=None):
    by = {"actor": actor, "role": None if decision == "expired" else "security", "note": None}
    reason = "other" if decision == "refused" else None
    of = {"case": "event", "sequence": head.sequence, "sha256": sha256 or sealed.sha256}
    made.add(record.BatchDecision(at=made.at(), decision=decision, reason=reason, **by, **of))


def went(level, *actors, made=None, **changes):
    """What is found when a batch went that these approved; the same in ranges and in turn."""
    made = made or asking(level)
    head, sealed = made.seal(31)
    for actor in actors:
        decide(made, head, sealed, actor, **changes)
    made.outcome(made.attempt(head, sealed), head, sealed)
    for sequence in range(32, 60):
        head, sealed = made.seal(sequence)
        for actor in (ANN, BEN):
            decide(made, head, sealed, actor)
        made.outcome(made.attempt(head, sealed), head, sealed)
    return found_in(made)


def found_in(made):
    found, report, taken = both(Copy(made))
    assert taken > 0
    assert report.holds is (not found)
    return [(finding.code, finding.index) for finding in found]


AT = 1 + 3 + 90 + 1
"""The leaf of the batch that is looked at: behind a mode, three people, thirty batches and the rule."""


@pytest.mark.parametrize(
    ("level", "actors"),
    [("none", ()), ("one", ("os:0",)), ("one", (ANN,)), ("two", (ANN, BEN)), ("two", ("os:0", ANN, BEN))],
)
def test_what_enough_people_approved_may_leave(level, actors):
    assert went(level, *actors) == []


@pytest.mark.parametrize(
    ("level", "actors"),
    [("one", ()), ("two", ()), ("two", (ANN,)), ("two", (ANN, ANN)), ("two", ("os:0", ANN)), ("two", (ANN, CAT))],
)
def test_what_nobody_or_too_few_approved_is_found_where_it_was_accepted(level, actors):
    assert went(level, *actors) == [(CODE, AT + len(actors) + 2)]


@pytest.mark.parametrize("decision", ["refused", "expired"])
def test_what_was_refused_or_too_late_may_not_leave_though_somebody_approved_it(decision):
    made = asking("one")
    head, sealed = made.seal(31)
    decide(made, head, sealed, ANN)
    decide(made, head, sealed, "home" if decision == "expired" else BEN, decision)
    made.outcome(made.attempt(head, sealed), head, sealed)
    assert [code for code, _ in found_in(made)] == [CODE]


def test_an_approval_is_of_the_very_bytes():
    assert went("one", ANN, sha256="0" * 64) == [(CODE, AT + 3)]


def test_an_approval_after_the_attempt_comes_too_late():
    made = asking("one")
    head, sealed = made.seal(31)
    attempt = made.attempt(head, sealed)
    decide(made, head, sealed, ANN)
    made.outcome(attempt, head, sealed)
    assert found_in(made) == [(CODE, AT + 3)]


def test_an_attempt_that_the_door_refused_did_not_leave():
    made = asking("one")
    head, sealed = made.seal(31)
    made.outcome(made.attempt(head, sealed), head, sealed, "rejected")
    decide(made, head, sealed, ANN)
    made.outcome(made.attempt(head, sealed), head, sealed)
    assert found_in(made) == []


def test_what_was_carried_without_approval_is_found_at_once():
    made = asking("one")
    head, sealed = made.seal(31)
    made.carry(head, sealed)
    assert found_in(made) == [(CODE, AT + 1)]


def test_a_void_needs_no_approval():
    made = asking("two")
    early = made.seal(31)[1]
    head, void = made.void(31, early.sha256)
    made.outcome(made.attempt(head, void), head, void)
    assert found_in(made) == []


def test_a_rule_holds_from_where_it_was_set_to_where_it_was_lowered():
    assert went("one", made=asking("one", step="asked")) == []
    made = asking("one")
    rule(made, "none")
    assert went("one", made=made) == []


def test_a_rule_that_is_set_between_two_usual_batches_is_followed_at_once():
    made = asking("none")
    rule(made, "one")
    for sequence in range(31, 34):
        made.send(sequence)
    assert [code for code, _ in found_in(made)] == [CODE] * 3
    assert len(all_ways(made, made.leaves, made.bodies, Known())[0]) == 3


def test_beyond_the_bound_bytes_without_a_decision_are_let_pass_and_refused_ones_are_not():
    known = _approving.Approving()
    for number in range(1, _approving.MAX_DECIDED + 3):
        of = {"case": "event", "sequence": number, "sha256": f"{number:064x}", "at": "2026-11-21T14:00:00Z"}
        by = {"actor": ANN, "role": "security", "note": None, "reason": None}
        known.decided(record.BatchDecision(decision="refused" if number % 2 else "approved", **of, **by))
    known.asks["event"] = "one"
    tried = {"at": "2026-11-21T14:00:00Z", "case": "event", "destination": "127.0.0.1:8091", "size_bytes": 1}
    said = [known.lacks(record.Attempt(sequence=n, sha256=f"{n:064x}", **tried)) for n in (1, 2, 3, 4)]
    assert [lacks is None for lacks in said] == [True, True, False, True]
