"""Names files: what a product in another language declares, checked hard, in the index and in the gate."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit import index
from audit.types import TYPES
from event import names
from event.index import build, main
from event.names import NamesFault

GOOD: dict[str, Any] = {
    "format": "diffgram-names/1",
    "platforms": ["node", "java"],
    "types": ["QuotaError", "com.acme.OrderException", "App\\StockError", "*errors.errorString"],
    "places": {"orders.js": {"Cart.fill": [[10, 40], [60, 61]], "?": [[1, 9]]}, "com.acme.Orders": {"save": [[3, 3]]}},
    "messages": [{"types": ["QuotaError"], "messages": ["the cart of {} is full", "no {{room}} is left"]}],
}


def written(folder: Path, document: Any, name: str = "shop.names.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def fault(folder: Path, **change: Any) -> str:
    with pytest.raises(NamesFault) as no:
        names.read([written(folder, GOOD | change)])
    return str(no.value)


def test_what_is_declared_stands_in_the_index_in_its_own_slots_and_in_one_form(tmp_path: Path):
    made = build([], "shop 1.4.2", names=[written(tmp_path, GOOD)])
    data = index.encode(made)
    found = index.check(data)
    assert found.types >= set(GOOD["types"])
    assert found.has_place("orders.js:Cart.fill:61")
    assert not found.has_place("orders.js:Cart.fill:41")
    assert found.is_product("com.acme.Orders")
    assert found.known.lists["platform"] == {"node", "java"}
    assert found.known.catalogues["names"] == (
        (("QuotaError",), (("the cart of ", ("",), " is full"), ("no {room} is left",))),
    )
    assert data == index.encode(build([], "shop 1.4.2", names=[written(tmp_path, GOOD)]))


def test_the_gate_takes_declared_words_and_no_others(tmp_path: Path):
    accepts = TYPES["error_log"].make({}, build([], "shop 1.4.2", names=[written(tmp_path, GOOD)]))

    def log(kind: str, *argument: Any, at: str = "known:names:0", place: str = "orders.js:?:5") -> dict[str, Any]:
        said = {"at": at, "arguments": [list(argument)]}
        return {"chain": [{"type": kind, "shapes": ["word"], "code_text": said}], "frames": [[place, 1]]}

    good = ("the cart of ", ["word"], " is full")
    assert accepts(log("QuotaError", *good))
    assert not accepts(log("QuotaError", "the cart of ", "rose", " is full"))
    assert not accepts(log("QuotaError", *good, at="known:names:1"))
    assert not accepts(log("com.acme.OrderException", *good))
    assert not accepts(log("RoseError", *good))
    assert not accepts(log("QuotaError", *good, place="orders.js:rose:5"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "diffgram-names/2"}, "of format"),
        ({"more": 1}, "exactly"),
        ({"platforms": []}, "no platform"),
        ({"platforms": ["python"]}, "cannot be a platform"),
        ({"platforms": ["javascript"]}, "cannot be a platform"),
        ({"types": ["Quota Error"]}, "cannot be a type"),
        ({"types": ["Quota\nError"]}, "cannot be a type"),
        ({"types": ['"']}, "cannot be a type"),
        ({"types": ["Ro\u200bse"]}, "cannot be a type"),
        ({"types": ["1234"]}, "cannot be a type"),
        ({"types": ["A" * 201]}, "cannot be a type"),
        ({"types": ["psycopg.errors.*"]}, "cannot be a type"),
        ({"types": [7]}, "cannot be a type"),
        ({"types": "QuotaError"}, "no list"),
        ({"types": [*GOOD["types"], "QuotaError"]}, "twice"),
        ({"places": []}, "no object"),
        ({"places": {"a:b": {}}}, "cannot be a module"),
        ({"places": {"../../x y": {}}}, "cannot be a module"),
        ({"places": {'a"b': {}}}, "cannot be a module"),
        ({"places": {"a.js": {"call me": [[1, 2]]}}}, "cannot be a function"),
        ({"places": {"a.js": {"f": []}}}, "no ranges"),
        ({"places": {"a.js": {"f": [[2, 1]]}}}, "no ranges"),
        ({"places": {"a.js": {"f": [[1, 5], [5, 6]]}}}, "no ranges"),
        ({"places": {"a.js": {"f": [[1, 10**6]]}}}, "no ranges"),
        ({"places": {"a.js": {"f": [[True, 2]]}}}, "no ranges"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["rose"]}]}, "fewer than two words"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["{}"]}]}, "fewer than two words"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["a {} b"]}]}, "fewer than two words"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["the cart of {column}"]}]}, "a hole with a name"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["the cart of {}{} is full"]}]}, "side by side"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["the cart of { is full"]}]}, "stray brace"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["the cart\nis full"]}]}, "one line"),
        ({"messages": [{"types": ["QuotaError"], "messages": ["the cart of {} is full" * 99]}]}, "at most 1000"),
        ({"messages": [{"types": ["Other"], "messages": ["the cart of {} is full"]}]}, "does not declare"),
        ({"messages": [{"types": [], "messages": ["the cart of {} is full"]}]}, "no type"),
        ({"messages": GOOD["messages"] * 2}, "stated twice"),
        ({"messages": [{"types": ["QuotaError"]}]}, "exactly types and messages"),
    ],
)
def test_a_hostile_or_careless_file_is_refused_with_what_is_wrong(tmp_path: Path, change: dict[str, Any], word: str):
    said = fault(tmp_path, **change)
    assert word in said
    assert "build again" in said


@pytest.mark.parametrize(
    ("text", "word"),
    [("[" * 100_000, "no JSON"), ("[]", "no object"), ("\ufeff{}", "no JSON"), (" " * (names.MAX_BYTES + 1), "larger")],
)
def test_what_is_no_such_file_is_refused_before_anything_of_it_is_read(tmp_path: Path, text: str, word: str):
    with pytest.raises(NamesFault, match=word):
        names.read([written(tmp_path, text)])


def test_everything_is_said_once_and_all_faults_are_told_together(tmp_path: Path):
    twice = json.dumps(GOOD)[:-1] + ', "types": []}'
    with pytest.raises(NamesFault, match="'types' stands twice"):
        names.read([written(tmp_path, twice)])
    with pytest.raises(NamesFault, match="declared by two files"):
        names.read([written(tmp_path, GOOD), written(tmp_path, GOOD, "second.json")])
    said = fault(tmp_path, types=["a b", "c d"], platforms=["Node"])
    assert all(word in said for word in ("'a b'", "'c d'", "'Node'", "does not declare"))
    many = fault(tmp_path, types=[f"{n} x" for n in range(100)])
    assert "(and 8" in many
    assert len(many) < 3000


def test_a_declared_module_that_is_source_too_is_refused(tmp_path: Path):
    (tmp_path / "orders.py").write_text("")
    path = written(tmp_path, GOOD | {"places": {"orders": {"save": [[1, 2]]}}})
    with pytest.raises(NamesFault, match="source here too"):
        build([tmp_path / "orders.py"], "shop 1.4.2", names=[path])


def test_the_command_takes_names_with_no_source_at_all_and_says_what_is_wrong(tmp_path: Path, capsys):
    out = tmp_path / "shop.index"
    path = written(tmp_path, GOOD)
    assert main(["--release", "shop 1.4.2", "--names", str(path), "-o", str(out)]) == 0
    assert index.check(out.read_bytes()).has_type("QuotaError")
    with pytest.raises(SystemExit):
        main(["--release", "shop 1.4.2", "--names", str(written(tmp_path, "{}")), "-o", str(tmp_path / "no")])
    assert "no index was made" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
