"""What a value looks like, in the words of the closed grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.types import SHAPE
from event._shape import shape
from tests.event import hostile
from tests.event.samples import SECRET


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        (None, "none"),
        (True, "flag"),
        (0, "integer(1)"),
        (-123456, "integer(6)"),
        (10**19, "integer(20)"),
        (10**20, "integer(<32)"),
        (10**2000, "integer(>=1024)"),
        (1.5, "number"),
        (float("nan"), "number"),
        ("", "empty"),
        ("rose", "word"),
        ("Ärztin", "word"),
        ("project of rose is full", "words(5)"),
        ("it broke (again)!", "words(3)"),
        ("ward 7, bed 3", "text(<32)"),
        ("x7" * 300, "text(<1024)"),
        ("x" * 1024, "text(>=1024)"),
        ("007", "integer(3)"),
        ("3.14", "number"),
        ("1e5", "number"),
        ("2026-11-21", "date"),
        ("2026-11-21T14:01:05Z", "date"),
        ("2026-11-21 14:01:05.123456+01:00", "date"),
        ("10.0.0.7", "ip"),
        ("fe80::1", "ip"),
        (SECRET, "email"),
        ("https://a.example/x?y=1", "url"),
        ("/srv/rose/x.png", "path"),
        ("C:\\Users\\rose", "path"),
        ("notes/rose.txt", "path"),
        ("3f2a9c41-d7e8-4b06-a5b1-c0ffee123456", "uuid"),
        ("3f2a9c41d7e84b06a5b1c0ffee123456", "hex(<64)"),
        ("0x3f2a9c41", "hex(8)"),
        (b"", "bytes(<32)"),
        (bytearray(64), "bytes(<256)"),
        ([1, 2], "list(2)"),
        ((), "list(0)"),
        ({1}, "list(1)"),
        ({"a": 1}, "map(1)"),
        (object(), "object"),
        (ValueError, "object"),
    ],
)
def test_a_value_has_this_shape(value, looks):
    assert shape(value) == looks
    assert SHAPE.fullmatch(looks)


def test_a_value_that_lies_is_an_object():
    assert shape(hostile.Liar(SECRET)) == "object"


@given(st.text() | st.binary() | st.integers() | st.floats() | st.from_regex(r"[0-9a-f:./@ -]{0,60}"))
def test_every_shape_is_of_the_grammar(value):
    assert SHAPE.fullmatch(shape(value))


def test_no_text_takes_long():
    for text in ("a@" * 511, "." * 1023, "0:" * 511, "a/" * 511, "1," * 511, "a " * 511, "x" * 10_000_000):
        assert SHAPE.fullmatch(shape(text))
