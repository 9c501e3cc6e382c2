"""Words of shipped source: the gate lets pass what the index derives from site and type, and nothing near it."""

from typing import Any

import pytest

from audit import index
from audit.index import Index
from audit.sites import Arguments, Construct, Site, Sites
from audit.template import ANYTHING, Hole
from audit.types import TYPES

GAP = Hole()
FULL = ("project ", GAP, " is full")
SECRET = "Rose"


def known(*templates: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset(templates)


def site(*positional: frozenset[Any], **options: Any) -> Site:
    return Site((1, 1, 0, 9), Arguments(positional, **options))


INDEX = index.sealed(
    Index(
        "shop 1.0.0",
        {"shop": {"buy": ((1, 9),)}},
        frozenset({"ValueError", "shop.Full", "shop.Odd"}),
        raises={
            "shop": Sites(
                {},
                (
                    site(known(FULL, ("sold out",))),
                    site(ANYTHING),
                    site(known(("Rose is away",)), is_open=True),
                    site(known(("Oak",))),
                ),
            )
        },
        classes={
            "shop.Full": Construct(
                frozenset(), ("name",), (), Arguments((known(("no room for ", Hole("name"))),)), as_passed=False
            )
        },
        logs={"shop": Sites({}, (site(known(("sold %s of %d, 100%%",))), site(known(FULL))))},
        loggers=frozenset({"shop"}),
    )
)
CHECK = TYPES["error_log"].make({}, INDEX)
LOGGED = TYPES["code_text"].make({}, INDEX)


def error(arguments: Any, at: Any = "shop:0", name: str = "ValueError", **more: Any) -> dict[str, Any]:
    words = {"at": at, "arguments": arguments, **more}
    return {"chain": [{"type": name, "shapes": ["word"], "code_text": words}], "frames": []}


@pytest.mark.parametrize(
    ("arguments", "at", "name"),
    [
        ([["project ", ["word"], " is full"]], "shop:0", "ValueError"),
        ([["sold out"]], "shop:0", "ValueError"),
        ([["sold out"], [["email"]]], "shop:0", "ValueError"),
        ([[["word"]], ["Oak"]], "shop:2", "nothing"),
        ([["Rose is away"], [["integer(3)"]]], "shop:2", "ValueError"),
        ([["no room for project ", ["word"], " is full"]], "shop:0", "shop.Full"),
        ([["no room for sold out"]], "shop:0", "shop.Full"),
        ([["no room for ", ["uuid"]]], "shop:1", "shop.Full"),
        ([["sold out"]], "shop:0", "shop.Odd"),
    ],
)
def test_what_site_and_class_yield_passes(arguments, at, name):
    assert CHECK(error(arguments, at, name)) is (name != "nothing")


@pytest.mark.parametrize(
    "value",
    [
        error([["project Rose is full"]]),
        error([["project ", "Rose", " is full"]]),
        error([["project ", ["Rose"], " is full"]]),
        error([["project ", ["word", "Rose"], " is full"]]),
        error([["project ", ["word"], " is full", ["word"]]]),
        error([["project ", ["word"]]]),
        error([[" is full", ["word"], "project "]]),
        error([["PROJECT ", ["word"], " is full"]]),
        error([["sold out"], ["Rose"]]),
        error([["sold out", ""]]),
        error([[["word"]]]),
        error([[]]),
        error([]),
        error(["sold out"]),
        error({"0": ["sold out"]}),
        error([["sold out"]], at="shop:1"),
        error([["Rose is away"]], at="shop:0"),
        error([["Oak"]], at="shop:4"),
        error([["Oak"]], at="shop:-1"),
        error([["Oak"]], at="shop:03"),
        error([["Oak"]], at="shop:٣"),
        error([["Oak"]], at="shop:" + "3" * 400),
        error([["Oak"]], at="shop"),
        error([["Oak"]], at=""),
        error([["Oak"]], at=3),
        error([["Oak"]], at="rose:3"),
        error([["Oak"]], at="shop:3", name="<type>"),
        error([["sold out"]], name="shop.Full"),
        error([["sold out"]], Rose=1),
        error([["sold out"]] + [[["word"]]] * 8),
        error([["sold out"], [{"word": 1}]]),
        error([["project ", [["word"]], " is full"]]),
        {"chain": [{"type": "ValueError", "shapes": [], "code_text": None}], "frames": []},
        {"chain": [{"type": "ValueError", "shapes": [], "code_text": "sold out"}], "frames": []},
        {"chain": [{"type": "ValueError", "shapes": [], "words": {}}], "frames": []},
    ],
)
def test_everything_else_is_refused(value):
    assert not CHECK(value)
    assert not CHECK(value)  # what was remembered of the first look changes nothing


def test_a_call_of_logging_is_its_format_with_shapes_in_it_or_the_message_as_it_stands():
    def logged(*argument: Any, at: str = "shop:0") -> bool:
        return LOGGED({"at": at, "arguments": [list(argument)]})

    assert logged("sold ", ["word"], " of ", ["integer(2)"], ", 100%")
    assert logged("sold %s of %d, 100%%")
    assert logged("project ", ["word"], " is full", at="shop:1")
    assert not logged("sold ", ["word"], " of 12, 100%")
    assert not logged("sold Rose of ", ["integer(2)"], ", 100%")
    assert not logged(["word"])
    assert not logged("sold out", at="shop:0")
    assert not LOGGED({"at": "shop:0", "arguments": [["sold %s of %d, 100%%"], [["word"]]]})


def test_sites_that_are_none_fill_no_memory():
    check = TYPES["error_log"].make({}, INDEX)
    for number in range(10_000):
        assert not check(error([["Oak"]], at=f"shop:{number + 9}"))
    assert check(error([["Oak"]], at="shop:3"))


def test_loggers_are_those_of_the_index():
    check = TYPES["logger"].make({}, INDEX)
    assert check("shop")
    assert check("<logger>")
    assert not check("rose")
    assert not check(7)
