"""What `event.error` makes of exceptions: types of the index, places, words of their source, shapes; never a value."""

import sys
from dataclasses import replace
from typing import Any

import pytest

import event
from audit import index
from audit.types import TYPES
from event._error import ErrorLog
from tests.event import hostile, samples
from tests.event.hostile import BAD
from tests.event.samples import SECRET
from tests.event.shipped import Shipped

HERE = __name__


def here() -> index.Index:
    """Return an index that knows this module's functions as shipped code."""
    every = {name: ((1, 10_000),) for name, found in globals().items() if callable(found)}
    return index.new(
        "test 1.0.0", {HERE: every}, frozenset({"ValueError", "KeyError", "ExceptionGroup", "RecursionError"})
    )


def log(exception, names=None, product=()):
    value = ErrorLog(names or here(), product).of(exception)
    assert TYPES["error_log"].make({}, names or here())(value), value
    return value


def caught(function, *arguments):
    """Return the exception that a call raises."""
    try:
        function(*arguments)
    except BaseException as fault:
        return fault
    raise AssertionError("nothing was raised")


def types(value):
    return [link["type"] for link in value["chain"]]


def functions(value):
    return [place.split(":")[1] if ":" in place else place for place, _ in value["frames"]]


def fail(*arguments: Any) -> None:
    raise ValueError(*arguments)


def outer() -> None:
    inner()


def inner() -> None:
    fail(SECRET, 17)


def wrapped() -> None:
    try:
        inner()
    except ValueError as fault:
        raise KeyError(SECRET) from fault


def during() -> None:
    try:
        inner()
    except ValueError:
        raise KeyError(SECRET)  # noqa: B904 - the implicit context is the point


def hidden() -> None:
    try:
        inner()
    except ValueError:
        raise KeyError(SECRET) from None


def grouped() -> None:
    raise ExceptionGroup(SECRET, [caught(fail, 1), caught(wrapped)])


def deep(depth: int) -> None:
    if depth:
        deep(depth - 1)
    fail(depth)


def even(depth: int) -> None:
    odd(depth - 1)


def odd(depth: int) -> None:
    if depth < 1:
        fail()
    even(depth - 1)


def test_frames_are_the_places_outermost_first():
    value = log(caught(outer))
    assert functions(value) == ["caught", "outer", "inner", "fail"]
    assert value["frames"][-1] == [f"{HERE}:fail:{fail.__code__.co_firstlineno + 1}", 1]


def test_values_leave_as_shapes():
    assert log(caught(outer))["chain"] == [{"type": "ValueError", "shapes": ["email", "integer(2)"]}]


def test_a_cause_follows_what_it_caused_and_its_deeper_frames_are_there():
    value = log(caught(wrapped))
    assert types(value) == ["KeyError", "ValueError"]
    assert functions(value) == ["caught", "wrapped", "wrapped", "inner", "fail"]


def test_a_context_counts_as_a_cause_unless_it_was_suppressed():
    assert types(log(caught(during))) == ["KeyError", "ValueError"]
    assert types(log(caught(hidden))) == ["KeyError"]


def test_the_members_of_a_group_stand_in_the_chain():
    assert types(log(caught(grouped))) == ["ExceptionGroup", "ValueError", "KeyError", "ValueError"]


def test_a_type_outside_the_index_leaves_as_its_stand_in():
    class Rose(ValueError):
        pass

    assert types(log(Rose("x"))) == ["<type>"]


def test_a_place_outside_the_index_leaves_as_its_stand_in_and_neighbours_are_one():
    value = log(caught(outer), index.EMPTY)
    assert value["frames"] == [["<place>", 0]]


def test_a_line_outside_the_function_is_no_place():
    names = index.new("test 1.0.0", {HERE: {"fail": ((1, 2),)}}, frozenset())
    assert functions(log(caught(fail), names)) == ["<place>"]


def test_what_is_remembered_of_a_line_holds_for_its_module_and_its_lines_only():
    code = compile("def run(n):\n    if n:\n        raise ValueError\n    raise KeyError\n", "x.py", "exec")
    names = index.new("test 1.0.0", {"ours": {"run": ((1, 4),)}}, frozenset({"ValueError", "KeyError"}))
    kept = ErrorLog(names)
    for _ in range(3):
        for module, stands in (("ours", "ours:run:"), ("theirs", "<place>")):
            scope: dict[str, Any] = {"__name__": module}
            exec(code, scope)  # noqa: S102  the same code object in both modules
            for number, line in ((1, "3"), (0, "4")):
                place = kept.of(caught(scope["run"], number))["frames"][-1]
                assert place == ([f"{stands}{line}", 1] if module == "ours" else ["<place>", 0])


@pytest.mark.parametrize(("product", "flag"), [((), 1), (("tests",), 1), ((HERE,), 1), (("test",), 0), (("json",), 0)])
def test_a_frame_says_whether_it_is_in_the_product(product, flag):
    assert {frame[1] for frame in log(caught(outer), product=product)["frames"]} == {flag}


def test_recursion_is_folded():
    value = log(caught(deep, 300))
    assert functions(value) == ["caught", "deep", "deep", "fail"]


def test_mutual_recursion_is_folded():
    assert functions(log(caught(even, 300))) == ["caught", "even", "odd", "even", "odd", "fail"]  # the last odd fails


def test_running_out_of_stack_is_reported_too():
    fault = caught(deep, sys.getrecursionlimit() * 2)
    assert type(fault) is RecursionError
    assert functions(log(fault)) == ["caught", "deep"]


def test_an_exception_that_causes_itself_ends():
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert types(log(first)) == ["ValueError", "KeyError"]


def test_bounds_hold_for_endless_chains_groups_and_frames():
    fault: BaseException = ValueError()
    for _ in range(100):
        link = KeyError(*range(100))
        link.__cause__ = fault
        fault = link
    value = log(ExceptionGroup("x", [fault, ValueError()] * 50))
    assert len(value["chain"]) == 8
    assert max(len(link["shapes"]) for link in value["chain"]) == 8


def test_a_long_way_keeps_its_outer_and_its_inner_end():
    source = "".join(f"def f{n}(): f{n + 1}()\n" for n in range(80)) + "def f80(): raise ValueError\n"
    scope: dict[str, Any] = {"__name__": "long"}
    exec(compile(source, "long.py", "exec"), scope)  # noqa: S102 - eighty functions, made here
    names = index.new("test 1.0.0", {"long": {f"f{n}": ((n + 1, n + 1),) for n in range(81)}}, frozenset())
    value = log(caught(scope["f0"]), names)
    assert functions(value)[:2] == ["<place>", "f0"]
    assert functions(value)[-1] == "f80"
    assert len(value["frames"]) == 50


def test_names_of_absurd_length_do_not_lose_the_message(folder, start):
    name = "f" * 400
    source = "".join(f"def {name}{n}(): {name}{n + 1}()\n" for n in range(60)) + f"def {name}60(): raise ValueError\n"
    scope: dict[str, Any] = {"__name__": "long"}
    exec(compile(source, "long.py", "exec"), scope)  # noqa: S102 - sixty functions, made here
    names = index.new("test 1.0.0", {"long": {f"{name}{n}": ((n + 1, n + 1),) for n in range(61)}}, frozenset())
    event.start(folder, samples.read_catalogue(), names)
    event.error(caught(scope[f"{name}0"]))
    assert samples.messages_in(folder)[0]["error_log"]["frames"][-1] == [f"long:{name}60:61", 1]
    assert event.counts() == {}


def test_the_code_of_an_exception_is_never_called(folder, start):
    start()
    fault, cause = hostile.Hostile(SECRET, 7), caught(fail)
    BaseException.__dict__["__cause__"].__set__(fault, cause)
    event.error(fault)
    assert event.counts() == {}
    assert samples.messages_in(folder)[0]["error_log"]["chain"] == [
        {"type": "<type>", "shapes": ["email", "integer(1)"]},
        {"type": "ValueError", "shapes": []},
    ]


def test_the_code_of_a_metaclass_is_never_called(folder, start):
    start()
    event.error(hostile.Meta("Odd", (Exception,), {"__module__": "odd"})(SECRET))
    assert event.counts() == {}
    assert samples.messages_in(folder)[0]["error_log"]["chain"] == [{"type": "<type>", "shapes": ["email"]}]


@pytest.mark.parametrize("bad", sorted(BAD))
def test_an_argument_can_be_anything(folder, start, bad):
    start()
    event.error(ValueError(BAD[bad]()), project_id=4)
    assert event.counts() == {}
    assert samples.messages_in(folder)[0]["project_id"] == 4
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("bad", sorted(BAD))
def test_what_is_no_exception_is_counted_in_production(folder, start, bad):
    start()
    event.error(BAD[bad]())
    assert event.counts() == {"wrong-type|home/error|error_log": 1} == samples.counts_in(folder)


@pytest.mark.parametrize("bad", sorted(BAD))
def test_what_is_no_exception_raises_in_development(start, bad):
    start(strict=True)
    with pytest.raises(event.EventError, match="hand in the exception itself"):
        event.error(BAD[bad]())


def test_a_kind_without_room_for_an_error_raises_in_development(start):
    start(strict=True)
    with pytest.raises(event.EventError, match="'shop/order-placed' has no field for an error"):
        event.error(ValueError(), kind=samples.KIND)


def test_an_error_is_recorded_beside_its_fields(folder, start):
    start(strict=True)
    event.error(caught(fail, SECRET), project_id=4, release="1.2.3")
    (message,) = samples.messages_in(folder)
    assert message == {
        "kind": "home/error",
        "at": message["at"],
        "project_id": 4,
        "release": "1.2.3",
        "error_log": {"chain": [{"type": "ValueError", "shapes": ["email"]}], "frames": [["<place>", 0]]},
    }


SHOP = """
class Full(Exception):
    def __init__(self, project, used=3):
        super().__init__(f"project {project} is full after {used} inputs")

def full(name):
    raise Full(name)

def group(name):
    try:
        full(name)
    except Full as cause:
        raise ExceptionGroup("two went wrong", [ValueError(name), cause]) from cause

def own(name):
    raise ValueError(name)

def many(name):
    raise ValueError(*[f"a word {name}"] * 3)

def long(name):
    e = None
    try:
        raise ValueError("{}")
    except ValueError:
        raise KeyError("{}", name)
"""


@pytest.fixture
def shop(tmp_path):
    return Shipped(tmp_path, SHOP.replace("{}", "many words and again " * 100))


def said(module, function, value):
    found = log(module.caught(value, of=function), module.index)
    return found, [link.get("code_text") for link in found["chain"]]


def test_the_words_of_the_source_leave_and_the_gate_takes_them(shop):
    found, (words,) = said(shop, "full", SECRET)
    assert found["chain"][0]["type"] == "shop.Full"
    assert words == {
        "at": words["at"],
        "arguments": [["project ", ["email"], " is full after ", ["integer(1)"], " inputs"]],
    }
    assert shop.index.raises["shop"].sites[int(words["at"].removeprefix("shop:"))].position[0] == 7
    assert SECRET not in str(found)


def test_causes_and_members_of_a_group_each_have_their_own_words(shop):
    found, words = said(shop, "group", SECRET)
    assert [link["type"] for link in found["chain"]] == ["ExceptionGroup", "ValueError", "shop.Full"]
    assert [w and w["arguments"][0][0] for w in words] == ["two went wrong", None, "project "]


def test_a_customers_text_has_no_words_however_much_it_looks_like_some(shop):
    for text in ("project x is full after 3 inputs", "two went wrong", SECRET):
        assert said(shop, "own", text)[1] == [None]


def test_a_type_that_is_not_shipped_has_no_words(shop):
    module = replace(shop.index, types=shop.index.types - {"shop.Full"})
    found = log(shop.caught(SECRET, of="full"), module)
    assert found["chain"] == [{"type": "<type>", "shapes": ["text(<64)"]}]


def test_words_that_would_make_a_message_too_long_stay_away_whole(shop):
    _, words = said(shop, "long", SECRET)
    assert [w is None for w in words] == [False, True]


def test_the_words_of_a_release_differ_from_those_of_another_only_where_its_source_does(shop, tmp_path):
    (tmp_path / "other").mkdir()
    other = Shipped(tmp_path / "other", SHOP.replace("is full", "is filled"))
    fault = shop.caught(SECRET, of="full")
    assert "code_text" not in ErrorLog(other.index).of(fault)["chain"][0]
    assert not TYPES["error_log"].make({}, other.index)(ErrorLog(shop.index).of(fault))
