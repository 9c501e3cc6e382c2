"""Templates: joined, filled in, and matched as a whole; never in part."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.template import (
    ANYTHING,
    HOLE,
    MOST,
    NO_TEXT,
    Hole,
    filled,
    has_words,
    join,
    join_all,
    literal,
    match,
    percent,
)
from event._formats import braces

GAP = Hole()
PARTS = st.one_of(st.text(max_size=6).map(literal), st.just(HOLE))


@pytest.mark.parametrize(
    ("template", "text", "holes"),
    [
        (("a ", GAP, " b"), "a x b", ["x"]),
        (("a ", GAP, " b"), "a  b", [""]),
        (("a ", GAP, " b"), "a x b ", None),
        (("a ", GAP, " b"), "a b", None),
        (("ab", GAP, "bc"), "abc", None),
        ((GAP, " of ", GAP), "1 of 2 of 3", ["1", "2 of 3"]),
        ((GAP, ",", GAP, ","), "a,b,", ["a", "b"]),
        (("x",), "x", []),
        (("x",), "xx", None),
        ((), "", []),
        (HOLE, "all", ["all"]),
        (("a", GAP, "a", GAP, "a"), "aaa", ["", ""]),
        (("a", GAP, "a", GAP, "a"), "aa", None),
    ],
)
def test_a_template_matches_the_whole_text_or_nothing(template, text, holes):
    assert match(template, text) == holes


@given(st.lists(PARTS, max_size=6), st.data())
def test_what_a_template_wrote_it_matches(pieces, data):
    template = join(*pieces)
    said = [part if isinstance(part, str) else data.draw(st.text(max_size=5)) for part in template]
    holes = match(template, "".join(said))
    assert holes is not None
    filling = iter(holes)
    assert "".join(part if isinstance(part, str) else next(filling) for part in template) == "".join(said)


def test_neighbouring_literals_are_one_and_so_are_neighbouring_holes():
    assert join(("a",), ("b", GAP), HOLE, NO_TEXT, ("c",)) == ("ab", GAP, "c")


def test_named_holes_are_filled_in_and_forgotten_when_there_is_nothing_to_fill_them():
    template = ("to ", Hole("name"), " by ", Hole("other"))
    assert filled(template, {"name": frozenset({("Anna",), ("Bob",)})}) == {("to Anna by ", GAP), ("to Bob by ", GAP)}


def test_too_many_ways_are_anything():
    many = join_all([frozenset({("a",), ("b",)})] * 9)
    assert len(many) <= MOST
    assert any(match(template, "ababababb") is not None for template in many)
    assert join_all([frozenset({("a" * 5_000,)})]) == ANYTHING


def test_a_lone_surrogate_is_a_hole():
    assert literal("a\udce9") == HOLE


def test_marks_alone_are_no_words():
    assert not has_words((": ", GAP, "/7/"))
    assert has_words((": ", GAP, " é"))


def test_a_long_text_is_compared_at_its_ends_only():
    long = "a" + "x" * 70_000 + "b"
    assert match(("a", GAP, "b"), long) is not None
    assert match(("a", GAP, "x", GAP, "b"), long) is None


def test_matching_is_linear():
    text, template = "ab" * 30_000, ("a", *(GAP, "b") * 25, GAP, "c")
    before = time.perf_counter()
    for _ in range(20):
        assert match(template, text) is None
    assert time.perf_counter() - before < 5


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("a %s b", ("a ", GAP, " b")),
        ("%(x)s%%", (GAP, "%")),
        ("%-5.2f|%r", (GAP, "|", GAP)),
        ("%*d %s", (GAP, " ", GAP)),
        ("none", ("none",)),
    ],
)
def test_percent_formats(text, template):
    assert percent(text, lambda _name: ANYTHING) == {template}


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("{} and {}", ("one and ", GAP)),
        ("{0!r:>3} {{}}", (GAP, " {}")),
        ("{name.x}[{1}]", (GAP, "[", GAP, "]")),
        ("{key}", ("value",)),
    ],
)
def test_brace_formats(text, template):
    assert braces(text, [frozenset({("one",)})], {"key": frozenset({("value",)})}) == {template}


def test_what_is_no_format_can_become_anything():
    assert braces("{", [], {}) == ANYTHING
