"""Approval before sending, as pure rules: how many different people, and these very bytes only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import gate
from audit.approval import LEVELS, Approvals, enough, independent, stricter
from audit.errors import Refused
from tests.audit.samples import CODEC, NOW, collected, header, rules

ANN, BOB, CAT = "person:1", "person:2", "person:3"
ROOT, USER = "os:0", "os:1000"
RULES = rules()
NOBODY: dict[str, frozenset[str]] = {}


@pytest.mark.parametrize(
    ("level", "actors", "is_enough"),
    [
        ("none", [], True),
        ("one", [], False),
        ("one", [ROOT], True),
        ("two", [ANN], False),
        ("two", [ANN, ANN], False),
        ("two", [ANN, BOB], True),
        ("two", [ROOT, USER], False),
        ("two", [ROOT, ANN], False),
        ("two", [ROOT, ANN, BOB], True),
    ],
)
def test_people_are_counted_once_and_users_of_a_machine_are_no_second_person(level, actors, is_enough):
    assert enough(level, actors, NOBODY) is is_enough


def test_an_account_that_the_other_made_is_not_a_second_person_however_far_down_the_line():
    made = {BOB: frozenset({ANN}), CAT: frozenset({BOB}), ANN: frozenset({ROOT})}
    assert not independent(ANN, BOB, made)
    assert not independent(BOB, ANN, made)
    assert not independent(ANN, CAT, made)
    assert independent(ANN, CAT, {ANN: frozenset({ROOT}), CAT: frozenset({ROOT})}), (
        "siblings made each other in no case"
    )


def test_accounts_that_made_each_other_end_the_search():
    assert not independent(ANN, BOB, {BOB: frozenset({ANN}), ANN: frozenset({BOB})})


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS), st.sets(st.sampled_from([ANN, BOB, CAT, ROOT, USER])))
def test_what_is_enough_for_the_stricter_level_is_enough_for_both(one, other, actors):
    assert not enough(stricter(one, other), actors, NOBODY) or (
        enough(one, actors, NOBODY) and enough(other, actors, NOBODY)
    )


def asking(*approved: str) -> gate.Rules:
    return RULES.with_approvals(Approvals(frozenset({"event"}), frozenset(approved)))


def test_the_gate_lets_only_the_approved_bytes_of_an_asking_case_go():
    sealed = gate.seal([collected()], header(), RULES, CODEC)
    assert gate.check(sealed.body, RULES, 1, CODEC, now=NOW)
    assert gate.check(sealed.body, asking(sealed.sha256), 1, CODEC, now=NOW)
    with pytest.raises(Refused) as no:
        gate.check(sealed.body, asking("0" * 64), 1, CODEC, now=NOW)
    assert no.value.code == "waits-for-approval"
    assert no.value.hint


def test_a_void_needs_no_approval_since_it_carries_nothing():
    void = gate.void(header(void="withdrawn"), RULES, CODEC)
    assert gate.check(void.body, asking(), 1, CODEC, now=NOW).messages == []


def test_other_cases_are_not_asked_about():
    sealed = gate.seal([collected()], header(), RULES, CODEC)
    others = RULES.with_approvals(Approvals(frozenset({"browser"}), frozenset()))
    assert gate.check(sealed.body, others, 1, CODEC, now=NOW)
