"""The pieces of a batch that pages explain: joined, they are the bytes again."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import catalogue as catalogues
from diffgram_home import pieces

CATALOGUE = catalogues.load(catalogues.core())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES), max_size=4), st.booleans())
def test_the_pieces_joined_are_the_bytes(messages: list[dict[str, object]], plain: bool) -> None:
    rows = [json.dumps(message, ensure_ascii=plain, separators=(",", ":")) for message in messages]
    body = "".join(row + "\n" for row in rows).encode("utf-8", "backslashreplace")
    found = pieces.body(body, CATALOGUE)
    assert "".join(line.text + "\n" for line in found.lines).encode() == body
    assert [line.number for line in found.lines] == list(range(1, len(messages) + 1))


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), VALUES, min_size=1))
def test_every_top_level_value_is_one_piece(message: dict[str, object]) -> None:
    line = pieces.line(2, json.dumps(message), CATALOGUE)
    assert {p.key: json.loads(p.text) for p in line.pieces if p.key} == {k: v for k, v in message.items() if k}


def test_a_value_names_its_definition_and_the_kind_is_explained_by_itself() -> None:
    body = b'{"sequence":7}\n{"kind":"home/error","at":"2026-11-21T14:01Z","error_log":{"chain":[]}}\n'
    header, message = pieces.body(body, CATALOGUE).lines
    assert [(p.key, p.field, p.text) for p in header.pieces if p.key] == [("sequence", "home.header.sequence", "7")]
    assert [(p.key, p.field) for p in message.pieces if p.key] == [
        ("kind", ""),
        ("at", "home.at"),
        ("error_log", "home.error_log"),
    ]
    assert pieces.used([header, message]) == ("home.header.sequence", "home.at", "home.error_log")
    assert pieces.kinds([header, message]) == ("home/error",)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"not json\n", b"[1,2]\n", b"{", b"{}\n\n", b'"text"\n'])
def test_bytes_that_are_no_batch_are_shown_as_they_are(body: bytes) -> None:
    found = pieces.body(body, CATALOGUE)
    assert all(not piece.key for line in found.lines for piece in line.pieces)
    assert "\n".join(line.text for line in found.lines) == body.decode("utf-8", "backslashreplace").removesuffix("\n")


def test_a_window_of_lines_says_how_many_there_are() -> None:
    found = pieces.body(b"{}\n" * 10, CATALOGUE, first=4, most=3)
    assert ([line.number for line in found.lines], found.total, found.last) == ([4, 5, 6], 10, 6)
    assert pieces.body(b"{}\n", CATALOGUE, first=9).lines == ()
