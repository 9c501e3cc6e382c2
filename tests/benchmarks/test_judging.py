"""The judge of benchmarks/words.py sees a leak, a false word and a lost word when there is one."""

import pytest

from benchmarks import _raising
from benchmarks._customers import SECRETS
from benchmarks._judging import is_compiled, judge, shown
from benchmarks._tallying import caught
from benchmarks.words import planted

SECRET = SECRETS[0]


def verdict(function, out):
    fault = caught(function, SECRET)
    return judge(fault, out, [SECRET], shown(fault))


def test_every_planted_fault_is_caught():
    assert planted() == []


@pytest.mark.parametrize("piece", [SECRET, "uill", "ROSA", SECRET.encode().hex()[2:8], "cm9zYWxpbmQ"])
def test_any_four_characters_of_a_secret_in_any_spelling_are_a_leak(piece):
    assert verdict(_raising.f_string, [["project ", [piece]]]).leaks
    assert verdict(_raising.f_string, [["project ", piece]]).leaks


def test_words_of_another_message_are_false():
    assert verdict(_raising.f_string, [["no such colour: "]]).false
    assert verdict(_raising.f_string, [[", add at least one", "project "]]).false


def test_words_are_counted_as_the_message_says_them():
    kept = verdict(_raising.f_string, [["project ", ["email"], " has no labels, add at least one"]])
    assert (kept.leaks, kept.false, kept.said, kept.kept) == ((), (), 8, 8)
    lost = verdict(_raising.f_string, None)
    assert (lost.said, lost.kept) == (8, 0)


def test_what_no_raise_raised_is_told_apart():
    assert is_compiled(caught(int, "x"))
    assert not is_compiled(caught(_raising.f_string, SECRET))
