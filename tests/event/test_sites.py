"""The raise sites made at build time: what each `raise` can say, through names, branches, functions and classes."""

import pytest

from audit import index
from audit.template import ANYTHING, HOLE, Hole
from event.index import build

GAP = Hole()


@pytest.fixture
def handed(tmp_path):
    """Return what the last `raise` of a module hands over, as its first argument."""

    def read(source: str, **others: str):
        for name, text in {"shop": source, **others}.items():
            (tmp_path / f"{name}.py").write_text(text)
        found = build([tmp_path], "shop 1.0.0").raises["shop"].sites[-1].arguments
        return found.positional[0] if found.positional else None

    return read


@pytest.mark.parametrize(
    ("source", "templates"),
    [
        ("raise E('a b')", {("a b",)}),
        ("raise E(x)", ANYTHING),
        ("m = 'a' if x else 'b'\nraise E(m)", {("a",), ("b",)}),
        ("m = 'a'\nif x:\n    m = 'b'\nraise E(m)", {("a",), ("b",)}),
        ("if x:\n    m = 'a'\nelse:\n    m = f'b {x}'\nraise E(m)", {("a",), ("b ", GAP)}),
        ("if x:\n    m = 'a'\n    raise E(m)\nm = 'b'\nraise E(m)", {("b",)}),
        ("m = 'a'\nfor y in x:\n    m = 'b'\nraise E(m)", {("a",), ("b",)}),
        ("m = 'a'\nwhile x:\n    m += 'b'\nraise E(m)", ANYTHING),
        ("try:\n    m = f()\nexcept E:\n    m = 'b'\n    raise E(m)", {("b",)}),
        ("m = 'a'\ntry:\n    m = 'b'\n    f()\nexcept E:\n    raise E(m)", {("a",), ("b",)}),
        ("m = 'a'\ntry:\n    m = 'b'\n    f()\nfinally:\n    raise E(m)", {("a",), ("b",)}),
        ("with x:\n    m = 'a'\nraise E(m)", {("a",)}),
        ("with x as m:\n    raise E(m)", ANYTHING),
        ("m, n = 'a', 'b'\nraise E(n)", {("b",)}),
        ("m, n = x\nraise E(n)", ANYTHING),
        ("for m in x:\n    pass\nraise E(m)", ANYTHING),
        ("import m\nraise E(m)", ANYTHING),
        ("try:\n    f()\nexcept E as m:\n    raise E(m)", ANYTHING),
        ("match x:\n    case 1:\n        m = 'a'\n    case m:\n        pass\nraise E(m)", ANYTHING),
        ("if (m := 'a b'):\n    raise E(m)", {("a b",)}),
        ("raise E(x or 'b')", ANYTHING),
        ("raise E(None)", {(Hole("-"),)}),
        ("raise E(f'{x:>3}{x!r}{1}')", ANYTHING),
        ("raise E(('a %s' if x else 'b %s') % x)", {("a ", GAP), ("b ", GAP)}),
        ("m = 'a %s'\nraise E(m % x)", {("a ", GAP)}),
        ("raise E(x % 'a')", ANYTHING),
        ("raise E(x.format('a'))", ANYTHING),
        ("raise E('a' + str(x) + 'b')", {("a", GAP, "b")}),
        ("raise E(1 + x)", ANYTHING),
        ("raise E('a', 'b') if x else E('c')", {("a",), ("c",)}),
        ("raise E(_('a {}').format(x))", {("a ", GAP)}),
        ("def g():\n    nonlocal m\n    m = x\nm = 'a'\ng()\nraise E(m)", ANYTHING),
        ("raise E(limit())", {("under ", GAP)}),
        ("raise E(LATE)", ANYTHING),
        ("raise E(twice('a'))", {("a and a",)}),
        ("raise E(endless('a'))", ANYTHING),
        ("raise E(made_of_many('a'))", ANYTHING),
        ("raise E(far('here'))", {("far from here",)}),
        ("raise E(other.FAR)", {("far away",)}),
        ("raise E(again.far('here'))", {("far from here",)}),
    ],
)
def test_what_a_raise_can_say(handed, source, templates):
    head = """
import other
import other as again
from other import far
LIMIT = 'under %d'
LATE = 'a'
def late():
    global LATE
    LATE = 'b'
def limit():
    return LIMIT % 3
def twice(x):
    return f'{x} and {x}'
def endless(x):
    return endless(x)
def made_of_many(x):
    yield x
"""
    inner = "".join(f"    {line}\n" for line in source.splitlines())
    if "nonlocal" in source:
        inner = inner.replace("    m = 'a'", "    m = 'a'", 1)
    others = {"other": "FAR = 'far away'\ndef far(x):\n    return 'far from ' + x\n"}
    assert handed(f"{head}def run(x):\n{inner}", **others) == templates


def test_a_method_reads_its_class_and_the_bases_of_it(handed):
    source = """
import other

class Shop(other.Base):
    name = 'the shop'

    def run(self):
        raise E(f'{self.name}, {self.place}, {self.owner}')
"""
    other = (
        "class Base:\n    place = 'the town'\n    owner = 'nobody'\n    def sell(self, to):\n        self.owner = to\n"
    )
    assert handed(source, other=other) == {("the shop, the town, ", GAP)}


def test_a_message_of_too_many_ways_is_unknown(handed):
    ways = "".join(f"    if x: m = {f'way {n}'!r}\n" for n in range(40))
    assert handed(f"def run(x):\n    m = 'a'\n{ways}    raise E(m)\n") == ANYTHING


def test_what_a_class_makes_of_a_raise_is_read_back_as_it_was(tmp_path):
    (tmp_path / "shop.py").write_text(
        "class E(Exception):\n    def __init__(self, x='é'):\n        super().__init__(x)\nraise E\n"
    )
    made = build([tmp_path / "shop.py"], "shop 1.0.0")
    found = index.check(index.encode(made))
    assert found.raises["shop"] == made.raises["shop"]
    assert found.classes["shop.E"] == made.classes["shop.E"]
    assert len(found.sources["shop"].sha256) == 64
    assert found.classes["shop.E"].defaults == (("x", frozenset({("é",)})),)
    assert HOLE not in found.classes["shop.E"].arguments.positional[0]
