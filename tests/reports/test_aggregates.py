"""Which groups are withheld, and what somebody who knows the total can still tell."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_routes.aggregates import withheld

K, SMALL = 5, 4
GROUPS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40), min_size=1)


@given(GROUPS)
def test_no_small_group_is_told_and_the_hidden_ones_are_enough(sizes):
    hidden = withheld(sizes, K)
    assert {name for name, size in sizes.items() if 0 < size < K} <= hidden
    if hidden and hidden != sizes.keys():
        assert sum(sizes[name] for name in hidden) >= K
        assert sum(sizes[name] > 0 for name in hidden) >= 2


@pytest.mark.parametrize(("names", "most"), [("ab", 20), ("abc", 16), ("abcd", 11)])
def test_whoever_knows_the_total_and_the_rule_still_cannot_tell_a_small_group(names, most):
    """Every way in which so many groups can be filled, by what of it is told: the total, the others, who is missing.

    Where more than `most` things are missing, not every way was made, so nothing is asked of it.
    """
    alike = defaultdict(list)
    for sizes in (dict(zip(names, way, strict=True)) for way in product(range(most + 1), repeat=len(names))):
        hidden = withheld(sizes, SMALL)
        if hidden and hidden != sizes.keys():
            told = tuple((name, sizes[name]) for name in names if name not in hidden)
            alike[hidden, told, sum(sizes.values())].append(sizes)
    asked = 0
    for (hidden, told, total), ways in alike.items():
        if total - sum(size for _, size in told) > most:
            continue
        for name in hidden:
            if any(0 < way[name] < SMALL for way in ways):
                asked += 1
                assert len({way[name] for way in ways}) > 1, (name, ways)
    assert asked or names == "ab", "of two groups both are missing"


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 5, "b": 5}, ""),
        ({"a": 4, "b": 5, "c": 9}, "ac"),
        ({"a": 0, "b": 5, "c": 9}, ""),
        ({"a": 1, "b": 1, "c": 9, "d": 7}, "abcd"),
        ({"a": 4, "b": 4, "c": 9}, "abc"),
        ({"a": 3, "b": 0, "c": 0}, "abc"),
        ({"a": 3, "b": 70, "c": 0}, "ab"),
        ({"a": 3}, "a"),
    ],
)
def test_groups_that_are_not_empty_go_along_the_last_declared_first(sizes, hidden):
    assert withheld(sizes, K) == frozenset(hidden)


def test_a_group_that_comes_and_goes_around_k_stays_away_until_it_has_twice_as_many():
    assert withheld({"a": 5, "b": 9, "c": 30}, K, "ab") == frozenset("ab")
    assert withheld({"a": 9, "b": 9, "c": 30}, K, "ab") == frozenset("ab")
    assert withheld({"a": 10, "b": 12, "c": 30}, K, "ab") == frozenset()


def test_the_complement_is_the_same_one_as_before_although_another_is_smaller_now():
    before = withheld({"a": 3, "b": 9, "c": 12}, K)
    assert before == frozenset("ac")
    assert withheld({"a": 3, "b": 9, "c": 20}, K, before) == frozenset("ac")


def test_after_small_beginnings_groups_that_are_empty_do_not_hide_the_large_ones_for_ever():
    before = withheld({"a": 3, "b": 0, "c": 0}, K)
    assert withheld({"a": 300, "b": 40, "c": 0}, K, before) == frozenset()


def test_one_group_is_never_missing_alone_although_it_is_large_by_now():
    assert withheld({"a": 7, "b": 30, "c": 20}, K, {"a", "other"}) == frozenset("ac")
