"""What a licence comes to: by its dates, its place, what was withdrawn, how fresh that news is, and in any order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import signed
from licensing import licence
from licensing.clock import AHEAD, Believed
from licensing.codes import CODES
from licensing.judging import Held, Place, Verdict, judge, signed_times
from licensing.withdrawals import State
from tests.licensing.samples import (
    DAY,
    ELSEWHERE,
    FRESH,
    HERE,
    KEY,
    PLACE,
    START,
    held,
    issued,
    key,
    listed,
    made,
    spelt,
)

SECOND = timedelta(seconds=1)
TERM, GRACE = START + 365 * DAY, START + 395 * DAY
FULL = {"seats": 50, "sso": True, "edition": "gold", "requests": 1000}
LEFT = {"seats": 50, "sso": False, "edition": "free", "requests": 10}


def at(when: datetime, *licences: str, lists: tuple[str, ...] = (), place: Place = PLACE) -> Verdict:
    """The verdict at a time."""
    return judge(held(*licences, lists=lists), place, Believed(when))


@pytest.mark.parametrize(
    ("when", "code", "until"),
    [
        (START - SECOND, "NOT_YET_VALID", START),
        (START, "VALID", TERM - 30 * DAY),
        (TERM - 30 * DAY, "EXPIRES_SOON", TERM),
        (TERM - SECOND, "EXPIRES_SOON", TERM),
        (TERM, "GRACE", GRACE),
        (GRACE - SECOND, "GRACE", GRACE),
        (GRACE, "EXPIRED", None),
        (GRACE + 4000 * DAY, "EXPIRED", None),
    ],
)
def test_each_date_brings_its_code_and_says_when_the_next_one_is(
    when: datetime, code: str, until: datetime | None
) -> None:
    verdict = at(when, issued())
    assert (verdict.code.name, verdict.until) == (code, until)
    assert verdict.entitled == (FULL if CODES[code].valid else LEFT)


def test_without_a_licence_nothing_is_granted_and_what_to_do_is_said() -> None:
    verdict = at(START)
    assert (verdict.code.name, verdict.entitled, verdict.valid) == ("NOT_FOUND", {}, False)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (Place("another", "production", HERE), "PRODUCT_SCOPE_MISMATCH"),
        (Place("annotator", "test", HERE), "ENVIRONMENT_SCOPE_MISMATCH"),
        (Place("annotator", "production", ELSEWHERE), "FINGERPRINT_SCOPE_MISMATCH"),
    ],
)
def test_a_licence_of_another_place_grants_nothing_here(place: Place, code: str) -> None:
    verdict = at(START, issued(), place=place)
    assert (verdict.code.name, verdict.entitled) == (code, {})


def test_a_licence_that_names_no_installation_is_bound_to_none() -> None:
    assert at(START, issued(installations=[]), place=Place("annotator", "production", ELSEWHERE)).valid


@pytest.mark.parametrize("state", ["suspended", "revoked", "superseded", "transferred"])
def test_what_is_withdrawn_counts_from_its_moment_and_is_told_before(state: State) -> None:
    lists = (listed(1, START, gone=(state, START + 10 * DAY)),)
    before, then = at(START + 9 * DAY, issued(), lists=lists), at(START + 10 * DAY, issued(), lists=lists)
    assert (before.code.name, [one.name for one in before.warnings]) == ("VALID", ["ENDS_SOON"])
    assert before.until == START + 10 * DAY
    assert (then.code.name, then.entitled) == (state.upper(), LEFT)


def test_a_newer_list_without_the_entry_reinstates_and_an_older_one_does_not() -> None:
    gone, back = listed(2, START, gone=("suspended", START)), listed(3, START + DAY)
    assert at(START + 2 * DAY, issued(), lists=(gone, back)).valid
    assert at(START + 2 * DAY, issued(), lists=(gone, listed(1, START + DAY))).code.name == "SUSPENDED"


def test_a_list_that_somebody_else_signed_counts_for_nothing() -> None:
    theirs = held(issued(), lists=(listed(9, START, gone=("revoked", START)),))
    verdict = judge(Held(theirs.licences, theirs.withdrawals, theirs.licence_keys, {}), PLACE, Believed(START))
    assert verdict.valid
    assert verdict.refused == {"KEY_UNKNOWN": 1}


def test_missing_news_are_told_for_weeks_before_anything_is_limited() -> None:
    token = issued(freshness=FRESH)
    assert at(START + 30 * DAY - SECOND, token).code.name == "VALID"
    assert at(START + 30 * DAY, token).code.name == "STATUS_STALE_SOON"
    assert at(START + 90 * DAY, token).code.name == "STATUS_STALE"
    assert at(START + 90 * DAY, token, lists=(listed(1, START + 80 * DAY),)).code.name == "VALID"


def test_a_licence_that_needs_no_news_never_gets_stale() -> None:
    assert at(TERM - 40 * DAY, issued()).code.name == "VALID"


def test_a_file_ends_before_its_licence_and_a_newer_file_goes_on() -> None:
    short = issued(file_expires=spelt(START + 60 * DAY))
    assert at(START + 30 * DAY, short).code.name == "FILE_EXPIRES_SOON"
    assert at(START + 60 * DAY, short).code.name == "FILE_EXPIRED"
    assert at(START + 60 * DAY, short, issued(sequence=2)).code.name == "VALID"


def test_the_highest_sequence_counts_even_where_it_grants_less() -> None:
    small = issued(sequence=2, license_expires=spelt(START + DAY), exp=spelt(START + 2 * DAY))
    assert at(START + 3 * DAY, issued(), small).code.name == "EXPIRED"


def test_of_two_licences_the_one_that_grants_now_counts() -> None:
    old = issued()
    next_year = issued(
        licence="c" * 32, nbf=spelt(TERM), license_expires=spelt(TERM + 365 * DAY), exp=spelt(TERM + 365 * DAY),
        issued_at=spelt(TERM - DAY),
    )  # fmt: skip
    assert at(START, old, next_year).licence == made()
    renewed = at(TERM, old, next_year)
    assert (renewed.code.name, renewed.licence and renewed.licence.licence) == ("VALID", "c" * 32)


def test_what_cannot_be_read_is_counted_and_spoils_nothing() -> None:
    verdict = at(START, "nonsense", issued(), licence.issue(made(), key("somebody")))
    assert verdict.valid
    assert verdict.refused == {"SIGNATURE_INVALID": 1, "KEY_UNKNOWN": 1}


def test_where_nothing_can_be_read_the_code_says_why_of_the_last_one() -> None:
    assert at(START, licence.issue(made(), key("somebody")), "nonsense").code.name == "SIGNATURE_INVALID"
    assert at(START, "nonsense", licence.issue(made(), key("somebody"))).code.name == "KEY_UNKNOWN"


def test_what_is_wrong_with_the_clock_is_told_beside_the_licence() -> None:
    verdict = judge(held(issued()), PLACE, Believed(START, AHEAD))
    assert (verdict.code.name, [one.name for one in verdict.warnings]) == ("VALID", ["CLOCK_AHEAD"])


def test_documents_bear_times_that_a_clock_can_be_held_to() -> None:
    assert sorted(signed_times(held(issued(), "nonsense", lists=(listed(1, START + DAY),)))) == [START, START + DAY]


def test_several_warnings_are_told_the_most_pressing_first() -> None:
    token = issued(freshness=FRESH, file_expires=spelt(START + 380 * DAY))
    verdict = at(TERM - 5 * DAY, token, lists=(listed(1, START + 320 * DAY),))
    assert verdict.code.name == "EXPIRES_SOON"
    assert [one.name for one in verdict.warnings] == ["FILE_EXPIRES_SOON", "STATUS_STALE_SOON"]


MOMENTS = st.integers(-400, 2000).map(lambda days: START + days * DAY)


@given(MOMENTS, MOMENTS)
def test_no_later_date_makes_an_ended_licence_count_again(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    token = issued(freshness=FRESH, file_expires=spelt(START + 380 * DAY))
    ended = {"EXPIRED", "FILE_EXPIRED", "STATUS_STALE"}
    if at(earlier, token).code.name in ended:
        assert at(later, token).code.name in ended


TOKENS = (
    issued(),
    issued(sequence=2, license_expires=spelt(START + 200 * DAY), exp=spelt(START + 220 * DAY)),
    issued(sequence=2, plan="silver"),
    issued(licence="c" * 32, issued_at=spelt(START + DAY), nbf=spelt(START + DAY)),
    "nonsense",
)
LISTS = (listed(1), listed(2, START + DAY, gone=("suspended", START + 5 * DAY)), listed(2, START + 2 * DAY))


@given(st.permutations(TOKENS), st.permutations(LISTS), MOMENTS)
def test_the_order_of_arrival_changes_nothing(tokens: list[str], lists: list[str], when: datetime) -> None:
    expected = judge(held(*TOKENS, lists=LISTS), PLACE, Believed(when))
    assert judge(held(*tokens, *tokens, lists=(*lists, *lists[:1])), PLACE, Believed(when)).code == expected.code
    again = judge(held(*tokens, lists=tuple(lists)), PLACE, Believed(when))
    assert again == expected


def test_the_keys_for_licences_sign_no_lists() -> None:
    swapped = Held([issued()], [listed(1, gone=("revoked", START))], *[signed.ring(KEY.public_key())] * 2)
    assert judge(swapped, PLACE, Believed(START)).valid
