"""What the index says of shipped JavaScript, and what of it allows a place or a class."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from audit import index, scripts
from audit.scripts import Bundle
from audit.types import TYPES
from event import bundles
from event.scripts import Thrown, reduced

SOURCE = """
class QuotaError extends Error {}
class SmallQuotaError extends QuotaError {}
class Basket extends Array {}
class HttpFailure extends lib.RequestException {}
function Old() { this.name = "OldError"; }
const user = { name: "RoseError Miller" };
"""
SHIPPED = index.sealed(replace(index.new("shop 1.0.0", {}, frozenset()), bundles={"shop.js": Bundle(3, 20)}))


def test_a_bundle_has_its_lines_its_longest_line_and_its_error_classes() -> None:
    found = bundles.bundle(SOURCE)
    assert (found.lines, found.longest) == (8, max(map(len, SOURCE.splitlines())))
    assert found.classes == {"QuotaError", "SmallQuotaError", "HttpFailure", "OldError"}


def test_lines_and_columns_are_counted_as_browsers_count_them() -> None:
    assert bundles.bundle("") == Bundle(1, 0)
    assert bundles.bundle("a\r\nb\rc\u2028d\u2029e\n") == Bundle(6, 1)
    assert bundles.bundle("a\x0bb\x0cc\x85d").lines == 1
    assert bundles.bundle("\U0001f600\u00e9").longest == 3


def test_classes_come_from_the_source_map_of_a_minified_bundle(tmp_path: Path) -> None:
    (tmp_path / "shop.js").write_text("class e extends Error{}")
    inner = {"version": 3, "sourcesContent": ["class DeepError extends Error {}"]}
    document = {"version": 3, "sourcesContent": [SOURCE, None], "sections": [{"map": inner}]}
    (tmp_path / "shop.js.map").write_text(json.dumps(document))
    found = bundles.of([tmp_path / "shop.js"], [tmp_path / "shop.js.map"])
    assert found["shop.js"].classes == {"e", "QuotaError", "SmallQuotaError", "HttpFailure", "OldError", "DeepError"}


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '{"version": 2}', '{"version": 3, "sections": 7}', "[" * 100000])
def test_a_map_that_is_none_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "shop.js").write_text("")
    (tmp_path / "shop.js.map").write_text(text)
    with pytest.raises(ValueError, match=r"'shop.js.map' is no source map"):
        bundles.of([tmp_path / "shop.js"], [tmp_path / "shop.js.map"])


def test_names_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    for name in ("a/shop.js", "b/shop.js", "two words.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match="one of that name only"):
        bundles.of([tmp_path / "a/shop.js", tmp_path / "b/shop.js"])
    with pytest.raises(ValueError, match="one of that name only"):
        bundles.of([tmp_path / "two words.js"])
    with pytest.raises(ValueError, match="belongs to no bundle"):
        bundles.of([tmp_path / "a/shop.js"], [tmp_path / "other.js.map"])


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("shop.js:1:1", True),
        ("shop.js:3:21", True),
        ("shop.js:3:22", False),
        ("shop.js:4:1", False),
        ("shop.js:0:1", False),
        ("shop.js:1:0", False),
        ("shop.js:01:1", False),
        ("shop.js:1", False),
        ("rose.js:1:1", False),
        ("shop.js:1:1\n", False),
        ("shop.js:\u0661:1", False),
        ("", False),
    ],
)
def test_a_place_is_a_position_that_exists(place: str, known: bool) -> None:
    assert scripts.has_place(SHIPPED.bundles, place) is known
    log = {"chain": [{"type": "Error", "shapes": []}], "frames": [[place, 1]]}
    assert TYPES["script_log"].make({}, SHIPPED)(log) is known


GOOD = {"chain": [{"type": "Error", "shapes": ["word"]}], "frames": [["shop.js:1:1", 1], ["<place>", 0]]}
BAD = [
    {**GOOD, "user": "Rose"},
    {"chain": GOOD["chain"]},
    {**GOOD, "chain": []},
    {**GOOD, "chain": [{"type": "Rose", "shapes": []}]},
    {**GOOD, "chain": [{"type": "Error", "shapes": ["Rose"]}]},
    {**GOOD, "chain": [{"type": "Error", "shapes": [], "code_text": {}}]},
    {**GOOD, "chain": [{"type": "Error"}] * 9},
    {**GOOD, "frames": [["shop.js:1:1", 2]]},
    {**GOOD, "frames": [["shop.js:1:1", True]]},
    {**GOOD, "frames": [["shop.js:1:1"]]},
    {**GOOD, "frames": [["shop.js:1:1", 1]] * 51},
    {**GOOD, "frames": [["shop:buy:10", 1]]},
    [],
    "Rose",
    None,
]


def test_the_gate_takes_the_form_and_nothing_beside_it() -> None:
    check = TYPES["script_log"].make({}, SHIPPED)
    assert check(GOOD)
    assert [value for value in BAD if check(value)] == []


def test_what_was_thrown_is_reduced_to_what_the_gate_takes() -> None:
    frames = [f"shop.js:{n % 5}:{n % 23}" for n in range(200)]
    value = reduced(Thrown("Rose", "call 0151 4711 Rose", frames), SHIPPED)
    assert TYPES["script_log"].make({}, SHIPPED)(value)
    assert value["chain"] == [{"type": "<type>", "shapes": ["text(<32)"]}]
    assert reduced(Thrown(None, None), SHIPPED) == {"chain": [{"type": "<type>", "shapes": []}], "frames": []}


def test_an_index_with_bundles_is_read_as_it_was_written() -> None:
    whole = replace(SHIPPED, bundles={"shop.js": Bundle(3, 20, frozenset({"QuotaError", "$Error"}))})
    read = index.check(index.encode(whole))
    assert dict(read.bundles) == dict(whole.bundles)
