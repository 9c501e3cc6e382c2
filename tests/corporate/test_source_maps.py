"""Reading source maps: what a place of a bundle comes from, and what a hostile map gets."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corporate import source_maps
from corporate.errors import OperatorError
from corporate.source_maps import Original
from tests.corporate.mapping import Segment, mappings, source_map, vlq
from tests.node import modules, node

__all__ = ["modules"]
BUNDLE = "a(1);bb(22);\nccc(333)\n"
SOURCE = "first\nsecond\nthird\n"
SEGMENTS: list[Segment] = [(0, 0, 0, 0, 0), (0, 5, 0, 1, 2), (1, 0, 0, 2, 0)]


def find(found: source_maps.SourceMap, line: int, column: int) -> Original | None:
    """By the chunks, as the database is asked."""
    before = [chunk for chunk in source_maps.chunks(found) if (chunk.line, chunk.column) <= (line, column)]
    return source_maps.find(before[-1].data, line, column) if before else None


def test_a_place_between_two_positions_is_that_of_the_one_before_it_in_its_line() -> None:
    found = source_maps.read(source_map(SEGMENTS, ["a.ts"], [SOURCE]), BUNDLE)
    assert find(found, 0, 4) == Original(0, 0, 0)
    assert find(found, 0, 11) == Original(0, 1, 2)
    assert find(found, 1, 7) == Original(0, 2, 0)
    assert find(found, 2, 0) is None


def test_a_large_map_is_looked_up_in_one_of_its_chunks() -> None:
    many: list[Segment] = [(0, n * 3, 0, n % 3, n) for n in range(source_maps.CHUNK * 2 + 5)]
    found = source_maps.read(source_map(many, ["a.ts"], [None]), "x" * 40_000)
    assert len(list(source_maps.chunks(found))) == 3
    for n in (0, 1, source_maps.CHUNK - 1, source_maps.CHUNK, source_maps.CHUNK * 2 + 4):
        assert find(found, 0, n * 3 + 2) == Original(0, n % 3, n)


def test_positions_out_of_order_and_twice_are_put_in_order() -> None:
    text = ",".join((vlq(5) + "AAA", vlq(-5) + "ACA", "AACA", "EAAA"))
    found = source_maps.read(source_map([], ["a.ts"], [SOURCE], mappings=text), BUNDLE)
    assert find(found, 0, 1) == Original(0, 2, 0)
    assert find(found, 0, 6) == Original(0, 0, 0)
    assert len(found) == 3


def test_sections_are_read_as_one_map() -> None:
    parts = [
        {"offset": {"line": line, "column": 0}, "map": json.loads(source_map([(0, 0, 0, line, 1)], [name], [SOURCE]))}
        for line, name in ((0, "a.ts"), (1, "b.ts"))
    ]
    found = source_maps.read(json.dumps({"version": 3, "sections": parts}).encode(), BUNDLE)
    assert [source.name for source in found.sources] == ["a.ts", "b.ts"]
    assert find(found, 1, 3) == Original(1, 1, 1)


def test_what_stands_for_nothing_of_the_vendors_has_no_original() -> None:
    found = source_maps.read(source_map([], ["a.ts"], [SOURCE], mappings="AAAA,K"), BUNDLE)
    assert find(found, 0, 2) == Original(0, 0, 0)
    assert find(found, 0, 9) is None


def test_columns_count_as_browsers_count_them() -> None:
    found = source_maps.read(source_map([(0, 4, 0, 0, 0)], ["a.ts"], [SOURCE]), "𝔸𝔹")
    assert find(found, 0, 4) == Original(0, 0, 0)


def test_a_bundle_of_a_real_bundler_leads_from_a_real_throw_to_its_line(modules: Path, tmp_path: Path) -> None:
    (tmp_path / "lib.ts").write_text("export function share(n: number): number {\n  return nothing.at(n);\n}\n")
    (tmp_path / "app.ts").write_text(
        'import { share } from "./lib";\ndeclare const nothing: any;\n\nfunction start(name: string) {\n'
        "  const much = name.length;\n\n  share(much);\n}\nstart('Ärger');\n"
    )
    bundler = modules / ".bin" / "esbuild"
    flags = ("--bundle", "--minify", "--sourcemap=external", "--format=iife")
    built = node(bundler, tmp_path / "app.ts", *flags, f"--outfile={tmp_path / 'app.js'}")
    assert built.returncode == 0, built.stderr
    thrown = node(tmp_path / "app.js").stderr
    places = [(int(a) - 1, int(b) - 1) for a, b in re.findall(r"app\.js:(\d+):(\d+)", thrown)][:2]
    bundle = (tmp_path / "app.js").read_text()
    found = source_maps.read((tmp_path / "app.js.map").read_bytes(), bundle)
    originals = [find(found, *place) for place in places]
    assert originals[0] is not None
    assert (found.sources[originals[0].source].name, originals[0].line + 1) == ("lib.ts", 2)


HOSTILE: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "is not JSON"),
    "no object": (b"[]", "is no source map"),
    "other bytes": (b"\xff\xfe\x00", "is not JSON"),
    "a huge number": (b'{"version":' + b"9" * 5000 + b"}", "is not JSON"),
    "deep": (b'{"version":3,"x":' + b"[" * 200_000, "is nested too deeply"),
    "another version": ({"version": 2}, "has another version"),
    "true for a version": ({"version": True}, "has another version"),
    "no mappings": ({}, "has no mappings"),
    "mappings of another kind": ({"mappings": [1]}, "has no mappings"),
    "other letters": ({"mappings": "AA\u0100"}, "has no mappings"),
    "no digits": ({"mappings": "!!!!"}, "cannot be read"),
    "an endless number": ({"mappings": "g" * 10_000}, "cannot be read"),
    "a number that does not end": ({"mappings": "AAAg"}, "cannot be read"),
    "two numbers": ({"mappings": "AA"}, "cannot be read"),
    "a column before the bundle": ({"mappings": "DAAA"}, "points before its bundle"),
    "a line beyond the bundle": ({"mappings": ";;;;;;AAAA"}, "is not of this bundle"),
    "a column beyond the bundle": ({"mappings": vlq(500) + "AAA"}, "is not of this bundle"),
    "a source that is not there": ({"mappings": "ACAA"}, "points at no source of its own"),
    "a line before its source": ({"mappings": "AADA"}, "points at no source of its own"),
    "a line beyond its source": ({"mappings": "AA" + vlq(900) + "A"}, "points beyond a source"),
    "sums beyond 32 bits": ({"mappings": ",".join(["+/////B" + "AAA"] * 9)}, "points before its bundle"),
    "too many lines": ({"mappings": ";" * 1_000_001}, "has too many segments"),
    "too many segments": ({"mappings": "," * 5_000_001}, "has too many segments"),
    "too many sources": ({"sources": ["a"] * 20_001}, "has sources that cannot be read"),
    "sources that are none": ({"sources": "a.ts"}, "has sources that cannot be read"),
    "a source that is a number": ({"sources": [7]}, "has a source that is no text"),
    "a root that is none": ({"sourceRoot": 7}, "has sources that cannot be read"),
    "a bomb": ({"sourcesContent": ["x" * 5_000_000]}, "brings a source that is too large"),
    "more contents than sources": ({"sourcesContent": ["", "", ""]}, "brings more contents"),
    "contents that are none": ({"sourcesContent": [[]]}, "has a source that is no text"),
    "sections that are none": ({"sections": {}}, "has sections that cannot be read"),
    "too many sections": ({"sections": [{}] * 1_001}, "has sections that cannot be read"),
    "a section without a place": ({"sections": [{"map": {}}]}, "has a section without a place"),
    "a section of sections": (
        {"sections": [{"offset": {"line": 0, "column": 0}, "map": {"version": 3, "sections": []}}]},
        "has a section without a map of its own",
    ),
    "a section to be fetched": (
        {"sections": [{"offset": {"line": 0, "column": 0}, "url": "https://evil.example/a.map"}]},
        "has a section without a map of its own",
    ),
    "sections at one place": (
        {
            "sections": [
                {"offset": {"line": 0, "column": 0}, "map": {"version": 3, "sources": [], "mappings": ""}},
                {"offset": {"line": 0, "column": 0}, "map": {"version": 3, "sources": [], "mappings": ""}},
            ]
        },
        "has sections out of order",
    ),
    "sections that overlap": (
        {
            "sections": [
                {"offset": {"line": 0, "column": 0}, "map": {"version": 3, "sources": ["a"], "mappings": ";;AAAA"}},
                {"offset": {"line": 1, "column": 0}, "map": {"version": 3, "sources": ["a"], "mappings": "AAAA"}},
            ]
        },
        "has sections that overlap",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_map_is_refused_with_the_reason(name: str) -> None:
    given, reason = HOSTILE[name]
    whole = {"version": 3, "sources": ["a.ts"], "sourcesContent": [SOURCE]}
    if name == "no mappings":
        whole = {"version": 3, "sources": ["a.ts"]}
    data = given if isinstance(given, bytes) else json.dumps(whole | given).encode()
    with pytest.raises(OperatorError, match=reason) as refused:
        source_maps.read(data, BUNDLE)
    assert len(refused.value.message) < 300


def test_a_map_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(OperatorError, match="is too large"):
        source_maps.read(b" " * (source_maps.MOST_BYTES + 1), BUNDLE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(["sources", "sourcesContent", "sourceRoot", "mappings", "names", "sections", "file", "version"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, JSON), st.text(alphabet="AACDEg9/+,;!", max_size=40))
def test_whatever_a_map_says_it_is_read_or_refused(more: dict[str, Any], text: str) -> None:
    whole = {"version": 3, "sources": ["a", "b"], "mappings": text}
    with suppress(OperatorError):
        source_maps.read(json.dumps(whole | more).encode(), BUNDLE)


SMALL = st.integers(0, 9)
PLACES = st.tuples(st.integers(0, 30), st.integers(0, 50), st.integers(0, 3), SMALL, SMALL)


@settings(max_examples=100, deadline=None)
@given(st.lists(PLACES, unique_by=lambda segment: segment[:2]))
def test_what_is_written_is_what_is_found(given_segments: list[Segment]) -> None:
    ordered = sorted(given_segments)
    made = source_map(ordered, ["a", "b", "c", "d"], [], mappings=mappings(ordered))
    found = source_maps.read(made, "\n".join(["x" * 50] * 31))
    for line, column, source, its_line, its_column in ordered:
        assert find(found, line, column) == Original(source, its_line, its_column)


@pytest.mark.parametrize(
    ("root", "name", "label"),
    [
        ("", "../../src/app.ts", "src/app.ts"),
        ("https://evil.example/x", "app.ts", "evil.example/x/app.ts"),
        ("/root", "webpack:///./src/a.ts?1f3b", "src/a.ts"),
        ("", "/etc/passwd", "etc/passwd"),
        ("", "..\\..\\windows\\a.ts", "windows/a.ts"),
        ("", "file:///C:/a.ts", "a.ts"),
        ("", "a\x00\x1b[2J\u202eb.ts", "a??[2J?b.ts"),
        ("", "", "?"),
        ("../..", "../..", "?"),
        ("", "x" * 5000, "x" * 300),
    ],
)
def test_a_name_is_a_label_without_scheme_or_way_upwards(root: str, name: str, label: str) -> None:
    assert source_maps.label(root, name) == label
