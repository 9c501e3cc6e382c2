"""Which groups are withheld, and what somebody who knows the total can still tell."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_routes.aggregates import withheld

K = 5
GROUPS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40), min_size=1)


def possible(told: dict[str, int], hidden: frozenset[str], total: int) -> list[dict[str, int]]:
    """Every way in which the hidden groups can add up to the total that is known, and be hidden for it."""
    rest, names = total - sum(told.values()), sorted(hidden)
    ways = []
    for sizes in product(range(rest + 1), repeat=len(names) - 1):
        last = rest - sum(sizes)
        if last >= 0:
            guess = dict(zip(names, (*sizes, last), strict=True))
            if withheld({**told, **guess}, K) == hidden:
                ways.append(guess)
    return ways


@given(GROUPS)
def test_no_small_group_is_told_and_the_hidden_ones_are_enough(sizes):
    hidden = withheld(sizes, K)
    assert {name for name, size in sizes.items() if 0 < size < K} <= hidden
    if hidden and hidden != sizes.keys():
        assert sum(sizes[name] for name in hidden) >= K
        assert sum(sizes[name] > 0 for name in hidden) >= 2


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 14), min_size=2))
def test_whoever_knows_the_total_and_the_rule_still_cannot_tell_a_small_group(sizes):
    hidden = withheld(sizes, K)
    if not hidden or hidden == sizes.keys():
        return
    told = {name: size for name, size in sizes.items() if name not in hidden}
    ways = possible(told, hidden, sum(sizes.values()))
    assert sizes.items() - told.items() <= {pair for way in ways for pair in way.items()}
    for name in hidden:
        if 0 < sizes[name] < K:
            assert len({way[name] for way in ways}) > 1


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 5, "b": 5}, ""),
        ({"a": 4, "b": 5, "c": 9}, "ab"),
        ({"a": 0, "b": 5, "c": 9}, ""),
        ({"a": 1, "b": 1, "c": 9, "d": 7}, "abd"),
        ({"a": 4, "b": 4, "c": 9}, "ab"),
        ({"a": 3, "b": 0, "c": 0}, "abc"),
        ({"a": 3, "b": 70, "c": 0}, "ab"),
        ({"a": 3}, "a"),
    ],
)
def test_the_smallest_groups_that_are_not_empty_go_first(sizes, hidden):
    assert withheld(sizes, K) == frozenset(hidden)


def test_a_group_that_comes_and_goes_around_k_stays_away_until_it_has_twice_as_many():
    assert withheld({"a": 5, "b": 9, "c": 30}, K, "ab") == frozenset("ab")
    assert withheld({"a": 9, "b": 9, "c": 30}, K, "ab") == frozenset("ab")
    assert withheld({"a": 10, "b": 12, "c": 30}, K, "ab") == frozenset()


def test_the_complement_is_the_same_one_as_before_although_another_is_smaller_now():
    before = withheld({"a": 3, "b": 9, "c": 12}, K)
    assert before == frozenset("ab")
    assert withheld({"a": 3, "b": 20, "c": 12}, K, before) == frozenset("ab")


def test_after_small_beginnings_groups_that_are_empty_do_not_hide_the_large_ones_for_ever():
    before = withheld({"a": 3, "b": 0, "c": 0}, K)
    assert withheld({"a": 300, "b": 40, "c": 0}, K, before) == frozenset()


def test_one_group_is_never_missing_alone_although_it_is_large_by_now():
    assert withheld({"a": 7, "b": 30, "c": 20}, K, {"a", "other"}) == frozenset("ac")
