"""The slot of known messages: what the gate accepts of an exception that no source explains."""

import json

import pytest

from audit import known
from audit.types import SHAPE

KNOWN = known.Known(
    {
        "python": (
            (("ValueError",), (("invalid literal for int() with base ", ("",), ": ", ("",)),)),
            (("IndexError", "LookupError"), (("list index out of range",),)),
        ),
        "server": (
            (("psycopg.*",), (('relation "', ("table",), '" does not exist'), ("DETAIL:  ", ("~server",)))),
            (("none",), (("Key (", ("",), ") already exists."),)),
        ),
    },
    {"table": frozenset({"member"})},
)
SLOTS = {
    known.EXCEPTION: frozenset({"ValueError", "IndexError", "psycopg.errors.UndefinedTable", "KeyError"}),
    known.FUNCTION: frozenset({"upload"}),
}
TABLE = "psycopg.errors.UndefinedTable"


def accepts(kind: str, at: object, *arguments: object) -> bool:
    return known.derives(KNOWN, SLOTS, kind, at, list(arguments), SHAPE)


def test_it_accepts_what_a_message_makes() -> None:
    assert accepts("IndexError", "known:python:1", ["list index out of range"])
    assert accepts(
        "ValueError", "known:python:0", ["invalid literal for int() with base ", ["integer(2)"], ": ", ["word"]]
    )
    assert accepts(TABLE, "known:server:0", ['relation "', "member", '" does not exist'])
    assert accepts(TABLE, "known:server:0", ['relation "', ["word"], '" does not exist'])


def test_lines_and_messages_within_are_followed_in_order() -> None:
    first = ['relation "', ["word"], '" does not exist', "\n"]
    detail = ["DETAIL:  ", "Key (", ["word"], ") already exists."]
    assert accepts(TABLE, "known:server:0,server:1,server:2", first + detail)
    assert accepts(TABLE, "known:server:0,server:1,-", [*first, "DETAIL:  ", ["text(<32)"]])
    assert accepts(TABLE, "known:server:0,-", [*first, ["text(<32)"]])
    assert not accepts(TABLE, "known:server:0", first + detail)
    assert not accepts(TABLE, "known:server:0,server:1,server:2,-", first + detail)
    assert not accepts(TABLE, "known:server:0,server:2,server:1", first + detail)


def test_arguments_that_are_only_shapes_have_a_dash() -> None:
    assert accepts("IndexError", "known:-,python:1", [["integer(2)"]], ["list index out of range"])
    assert not accepts("IndexError", "known:python:1", [["integer(2)"]], ["list index out of range"])
    assert not accepts("IndexError", "known:-", [["integer(2)"]])


@pytest.mark.parametrize(
    ("kind", "at", "argument"),
    [
        ("IndexError", "known:python:1", ["list index out of Rose"]),
        ("IndexError", "known:python:1", ["list index", " out of range"]),
        ("IndexError", "known:python:1", ["list index out of range", "\n", "Rose"]),
        ("IndexError", "known:python:1", ["list index out of range", "Rose"]),
        ("IndexError", "known:python:1", []),
        ("IndexError", "known:python:1", "list index out of range"),
        ("IndexError", "known:python:0", ["invalid literal for int() with base ", ["integer(2)"], ": ", ["word"]]),
        ("ValueError", "known:python:0", ["invalid literal for int() with base ", ["integer(2)"], ": ", "Rose"]),
        ("ValueError", "known:python:0", ["invalid literal for int() with base ", ["Rose"], ": ", ["word"]]),
        ("LookupError", "known:python:1", ["list index out of range"]),
        ("KeyError", "known:python:1", ["list index out of range"]),
        ("IndexError", "known:python:2", ["list index out of range"]),
        ("IndexError", "known:python:01", ["list index out of range"]),
        ("IndexError", "known:python:1,", ["list index out of range"]),
        ("IndexError", "known:Rose:1", ["list index out of range"]),
        ("IndexError", "python:1", ["list index out of range"]),
        ("IndexError", 7, ["list index out of range"]),
        (TABLE, "known:server:0", ['relation "', "rose", '" does not exist']),
        (TABLE, "known:server:0", ['relation "', "upload", '" does not exist']),
        (TABLE, "known:server:2", ["Key (", ["word"], ") already exists."]),
    ],
)
def test_it_refuses_anything_else(kind: str, at: object, argument: object) -> None:
    assert not accepts(kind, at, argument)


def test_messages_that_hold_themselves_end() -> None:
    at = "known:" + ",".join(["server:1"] * 39 + ["-"])
    assert not accepts(TABLE, at, ["DETAIL:  "] * 39 + [["word"]])
    assert not accepts(TABLE, "known:" + ",".join(["server:1"] * 2_000), ["DETAIL:  "] * 2_000)


def test_the_document_reads_back_as_it_was() -> None:
    written = json.loads(json.dumps(known.document(KNOWN)))
    assert known.from_document(written) == KNOWN
    assert known.document(known.NONE) == {"catalogues": {}, "lists": {}}


@pytest.mark.parametrize("part", ["", "two\nlines", [], ["a", "b"], [7], ["Rose Price"], ["~"], 7, None])
def test_a_part_that_is_none_is_refused(part: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        known.from_document({"catalogues": {"python": [[["ValueError"], [[part]]]]}, "lists": {}})
