"""The pure part: a Sentry event, whatever it is, becomes an `error_log` that the gate accepts, or nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentry_sdk.utils import event_from_exception

from audit import index
from audit.types import MAX_CHAIN, MAX_FRAMES, TYPES
from event import index as building
from event._error import ErrorLog
from event.sentry._reduction import Reduced, Reduction
from event.sentry.items import WORDS
from tests.ways.running import PRODUCTS, loaded_shop, shop_index
from tests.ways.spelled import SECRET, found_in

MODULE = "shop"
INDEX = shop_index()
shop = loaded_shop()
LOG = ErrorLog(INDEX)
ACCEPTS = TYPES["error_log"].make({}, INDEX)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def raised(function: Any, *arguments: Any) -> BaseException:
    try:
        function(*arguments)
    except BaseException as fault:
        return fault
    raise AssertionError("nothing was raised")


def captured(fault: BaseException, **members: Any) -> dict[str, Any]:
    """Return the event that sentry-sdk makes of an exception."""
    made, _ = event_from_exception(fault)
    return {**made, "platform": "python", **members}


def reduce(document: Any) -> Reduced:
    found = Reduction(LOG).of(document)
    assert found.error_log is None or ACCEPTS(found.error_log), found
    assert set(found.refused) <= WORDS
    return found


def cyclic() -> None:
    """Raise an exception that is its own cause's cause."""
    first, second = ValueError(SECRET), KeyError(SECRET)
    first.__cause__, second.__cause__ = second, first
    raise first


def nested() -> None:
    """Raise a group whose members have causes, with a cause of its own."""
    members = [raised(shop.sell, SECRET), ValueError(SECRET)]
    try:
        shop.sell(SECRET)
    except LookupError as cause:
        raise ExceptionGroup("two", members) from cause


@pytest.mark.parametrize(
    "fault",
    [
        raised(shop.sell, SECRET),
        raised(shop.Shelf("A").take, SECRET, 2),
        raised(shop.sell_many, [SECRET, SECRET]),
        raised(shop.again, SECRET, 40),
        raised(cyclic),
        raised(nested),
        raised(int, SECRET),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_the_same_exception_gives_the_same_chain_and_frames_as_event_error(fault: BaseException):
    found, own = reduce(captured(fault)).error_log, LOG.of(fault)
    assert found is not None
    assert [link["type"] for link in found["chain"]] == [link["type"] for link in own["chain"]]
    told = [link for link in own["chain"] if len(link["shapes"]) == 1]  # of several arguments a message says nothing
    assert [link for link in found["chain"] if link["type"] != "ExceptionGroup"] == told
    assert found["frames"] == own["frames"]
    assert found_in(repr(found).encode()) == []


def test_the_words_are_those_of_the_raise_at_that_place():
    sold, missing = reduce(captured(raised(shop.sell, SECRET))).error_log["chain"]
    assert sold["code_text"]["arguments"] == [["nothing was sold to ", ["text(<32)"]]]
    assert [part for part in missing["code_text"]["arguments"][0] if type(part) is str] == [
        *("shelf ", " keeps no ", " for ", ": reserved for "),
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (24, f"Nothing was sold to {SECRET}"),  # not those words
        (24, f"nothing was sold to {SECRET}\nand a note"[::-1]),
        (22, f"nothing was sold to {SECRET}"),  # not raised there
        (16, f"nothing was sold to {SECRET}"),
        (None, f"nothing was sold to {SECRET}"),
        (24, SECRET),
        (24, 7),
        (24, {"nothing was sold to ": SECRET}),
    ],
)
def test_a_message_that_is_not_what_the_place_says_has_no_words(line: Any, value: Any):
    frame = {"module": "shop", "function": "sell", "lineno": line}
    told = {"type": "LookupError", "value": value, "stacktrace": {"frames": [frame]}}
    [link] = reduce({"platform": "python", "exception": {"values": [told]}}).error_log["chain"]
    assert "code_text" not in link


def test_a_function_is_found_by_its_last_name_and_its_lines():
    places = Reduction(LOG)._places
    assert places.place(MODULE, "take", 15) == f"{MODULE}:Shelf.take:15"
    assert places.place(MODULE, "Shelf.take", 15) == f"{MODULE}:Shelf.take:15"
    assert places.place(MODULE, "take", 3) == "<place>"
    assert places.place(MODULE, "Rose", 15) == "<place>"
    assert places.place("Rose", "take", 15) == "<place>"


def test_of_functions_with_one_name_around_a_line_the_innermost_is_meant():
    names = index.new("n 1", {"m": {"f": ((1, 9),), "f.<locals>.f": ((3, 5),)}}, frozenset())
    places = Reduction(ErrorLog(names))._places
    assert (places.place("m", "f", 4), places.place("m", "f", 8)) == ("m:f:4", "m:f:8")
    assert places._by_last_name("m", "f", 4) == "f.<locals>.f"


def test_a_javascript_frame_is_no_place_even_if_its_names_are_in_the_index():
    document = captured(raised(shop.sell, SECRET), platform="javascript")
    assert reduce(document).error_log["frames"] == [["<place>", 0], ["<place>", 1]]


@pytest.mark.parametrize(
    ("release", "kept"),
    [("shop@1.4.2", "1.4.2"), ("1.4.2", "1.4.2"), ("f3a9c1d", None), (SECRET, None), (7, None), ("@", None)],
)
def test_a_release_is_kept_if_it_is_a_version(release: Any, kept: str | None):
    assert reduce(captured(ValueError("x"), release=release)).values.get("release") == kept


def test_an_event_without_an_exception_is_refused_as_a_message():
    assert reduce({"message": SECRET, "user": {"id": SECRET}}) == Reduced(None, {}, ("message", "user"))
    told = {"exception": {"values": [{"value": SECRET, "stacktrace": {"frames": [{"function": "sell"}]}}]}}
    assert reduce(told) == Reduced(None, {}, ("message",))
    assert reduce({"type": "transaction", "spans": [SECRET]}) == Reduced(None, {}, ("transaction",))


def test_ten_thousand_frames_and_ten_thousand_exceptions_are_cut():
    frames = [{"module": MODULE, "function": "sell", "lineno": 19 + n % 6} for n in range(10_000)]
    values = [{"type": "ValueError", "value": SECRET, "stacktrace": {"frames": frames}}] * 10_000
    log = reduce({"exception": {"values": values}}).error_log
    assert len(log["chain"]) == MAX_CHAIN
    assert len(log["frames"]) <= MAX_FRAMES


@pytest.mark.parametrize(
    "ids", [[0, 0], [1, 2], [0, 1, -1], [0, 5], ["0", "1"], [0, 1, 2, 3], [3, 0, 1, 2], [0, 10**30]]
)
def test_numbers_that_lie_about_the_chain_lose_nothing_and_repeat_nothing(ids: list[Any]):
    values = [
        {"type": "ValueError", "value": str(n), "mechanism": {"exception_id": i, "parent_id": i, "source": "__cause__"}}
        for n, i in enumerate(ids)
    ]
    assert len(reduce({"exception": {"values": values}}).error_log["chain"]) == len(ids)


_TEXTS = st.sampled_from(
    [SECRET, "", "\ud800", "a\u200bb", "\0", "%s {0}", MODULE, "sell", "ValueError", "python", "__cause__", "x" * 3_000]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=12
)
_FRAME = st.fixed_dictionaries({}, optional=dict.fromkeys(("module", "function", "lineno", "vars"), _JSON)) | _JSON
_STACK = st.fixed_dictionaries({"frames": st.lists(_FRAME, max_size=5) | _JSON}) | _JSON
_MECHANISM = (
    st.fixed_dictionaries(
        {"exception_id": st.integers(0, 6) | _JSON, "parent_id": st.integers(0, 6) | _JSON, "source": _TEXTS}
    )
    | _JSON
)
_VALUE = (
    st.fixed_dictionaries(
        {"type": _JSON, "value": _JSON}, optional={"module": _JSON, "mechanism": _MECHANISM, "stacktrace": _STACK}
    )
    | _JSON
)
_EXCEPTION = st.fixed_dictionaries({"values": st.lists(_VALUE, max_size=6) | _JSON}) | st.lists(_VALUE) | _JSON


@QUICK
@given(st.dictionaries(_TEXTS, _JSON, max_size=3), _EXCEPTION, _JSON, _JSON)
def test_whatever_stands_in_an_event_nothing_is_raised_and_nothing_of_it_leaves(rest, exception, platform, release):
    document = {**rest, "exception": exception, "platform": platform, "release": release}
    found = reduce(document)
    assert found_in(repr(found).encode()) == []


NAMES = building.build([], "shop 1.4.2", names=[PRODUCTS / "orders.names.json"])


def of_java(platform: str = "node", **members: Any) -> dict[str, Any]:
    """An event of a program in another language; `members` are those of its one exception."""
    frames = [{"filename": "C:\\\\app\\\\orders.js", "function": "fill", "lineno": 16, "module": SECRET}]
    one = {"type": "QuotaError", "value": f"the cart of {SECRET} is full: 3 of 3", "stacktrace": {"frames": frames}}
    return {"platform": platform, "exception": {"values": [one | members]}}


def declared(document: Any) -> dict[str, Any]:
    found = Reduction(ErrorLog(NAMES)).of(document).error_log
    assert found is not None
    assert TYPES["error_log"].make({}, NAMES)(found)
    assert not found_in(repr(found).encode())
    return found


def test_a_declared_type_place_and_message_of_another_language_are_kept():
    found = declared(of_java())
    assert found["chain"][0]["type"] == "QuotaError"
    assert found["chain"][0]["code_text"]["at"] == "known:names:0"
    assert found["frames"] == [["orders.js:Cart.fill:16", 1]]
    assert declared(of_java(module=SECRET))["chain"][0]["type"] == "QuotaError"


def test_another_platform_another_type_and_another_message_keep_nothing_of_it():
    for platform in ("java", "ruby", SECRET):
        found = declared(of_java(platform))
        assert "code_text" not in found["chain"][0]
        assert found["frames"] == [["<place>", 0]]
    assert declared(of_java(type=SECRET))["chain"][0]["type"] == "<type>"
    for said in (f"the cart of {SECRET}", f"{SECRET} the cart of x is full: 3 of 3", SECRET, 7, None, [SECRET]):
        assert "code_text" not in declared(of_java(value=said))["chain"][0]


@QUICK
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "value", "module", "stacktrace", "frames", "filename", "function", "lineno", "values"]
                ),
                inner,
            )
        ),
    )
)
def test_whatever_such_an_event_is_the_gate_accepts_what_is_left(inner: Any):
    found = Reduction(ErrorLog(NAMES)).of({"platform": "node", "exception": inner}).error_log
    assert found is None or TYPES["error_log"].make({}, NAMES)(found)
