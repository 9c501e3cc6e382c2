"""The index's file: one entry a line, each slot on its own, read when asked for, and one form only."""

import re

import pytest

from audit import index
from audit.errors import IndexFault
from tests.audit.test_code_text import INDEX

DATA = index.encode(INDEX)
BROKEN = {
    "empty": b"",
    "not ended": DATA[:-1],
    "another format": DATA.replace(b"index/2", b"index/1", 1),
    "a head with more": DATA.replace(b'{"format"', b'{"aside":1,"format"', 1),
    "white space": DATA.replace(b'["types",""', b'["types", ""', 1),
    "an unknown slot": DATA.replace(b'["types"', b'["typed"', 1),
    "a line twice": DATA.replace(b'["versions"', b'["types","",[]]\n["versions"', 1),
    "a line out of order": DATA + b'["classes","shop.Late",{}]\n',
    "no line for the types": re.sub(rb'\["types".*\n', b"", DATA),
    "a line that is none": DATA.replace(b'["routes","",[]]', b"routes", 1),
    "names that are none": DATA.replace(b'["routes","",[]]', b'["routes","",{]', 1),
    "a name that is no text": DATA.replace(b'"shop.Full",', b'"shop\xff",', 1),
}
CHANGED = {
    "a site that is none": DATA.replace(b'["Oak"]', b'["Oak",1]', 1),
    "another spelling": DATA.replace(b'["Oak"]', b'["\\u004fak"]', 1),
    "a repeated member": DATA.replace(b'"positional":', b'"positional":[],"positional":', 1),
    "names in disorder": DATA.replace(b'"ValueError","shop.Full"', b'"shop.Full","ValueError"', 1),
    "nonsense": DATA.replace(b'"codes":{}', b'"codes":[]', 1),
    "deeply nested": DATA.replace(b'["Oak"]', b"[" * 100_000 + b"]" * 100_000, 1),
}


def test_what_was_written_is_read():
    read = index.check(DATA)
    assert read == INDEX
    assert read.hash == INDEX.hash
    assert read.raises["shop"] == INDEX.raises["shop"]
    assert read.classes["shop.Full"] == INDEX.classes["shop.Full"]
    assert read.logs["shop"] == INDEX.logs["shop"]
    assert (read.types, read.loggers, dict(read.modules)) == (INDEX.types, INDEX.loggers, INDEX.modules)
    assert index.encode(read) == DATA


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_index_is_refused_at_once(name):
    assert BROKEN[name] != DATA
    with pytest.raises(IndexFault):
        index.parse(BROKEN[name])


@pytest.mark.parametrize("name", CHANGED)
def test_an_entry_that_is_none_is_found_by_the_check(name):
    assert CHANGED[name] != DATA
    with pytest.raises(IndexFault):
        index.check(CHANGED[name])


def test_an_entry_that_is_none_is_a_fault_when_it_is_asked_for_and_only_then():
    read = index.parse(CHANGED["nonsense"])
    assert read.has_type("ValueError")
    with pytest.raises(IndexFault):
        read.logs["shop"]


def test_a_name_that_cannot_stand_in_a_line_is_refused_when_it_is_written():
    with pytest.raises(IndexFault):
        index.new("shop 1.0.0", {'sh"op': {}}, frozenset())


def test_a_module_of_a_library_is_not_the_products():
    sources = {"shop": index.Source("0" * 64), "flask": index.Source("1" * 64, "flask")}
    names = index.Index("shop 1.0.0", {"shop": {}, "flask": {}, "bare": {}}, frozenset(), sources=sources)
    assert [name for name in ("shop", "flask", "bare", "none") if names.is_product(name)] == ["shop", "bare"]
