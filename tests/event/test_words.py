"""The words of a raise that ran: those of its source at that place, whole, or none; and nobody's code is called."""

import subprocess
import sys
import types

import pytest

from audit.index import encode
from event._fingerprint import fingerprint
from event.index import build
from tests.event import hostile, samples
from tests.event.samples import SECRET
from tests.event.shipped import Shipped, caught

SIMPLE = """
def run(name):
    raise ValueError(f"no such member {name}")
"""
CLASSES = """
class Full(Exception):
    def __init__(self, project, used=3):
        self.message = f"project {project} is full after {used} inputs"
        super().__init__(self.message)

class Fuller(Full):
    def __init__(self, project):
        super().__init__(project, used="too many")

class Said(Exception):
    text = "the store is shut"
    def __init__(self, *more, code=None):
        super().__init__(self.text, *more)

class Later(Said):
    text = "the store opens later"

def run(kind, *values):
    raise globals()[kind](*values)

def full(name):
    raise Full(name)

def fuller(name):
    raise Fuller(name)

def shut():
    raise Said

def later(name):
    raise Later(f"than {name} thinks")
"""


@pytest.fixture
def shipped(tmp_path):
    return lambda source, running=None, **options: Shipped(tmp_path, source, running, **options)


def body(*lines):
    return "def run(name, other=None):\n" + "".join(f"    {line}\n" for line in lines)


def test_literals_leave_and_values_leave_as_shapes(shipped):
    assert shipped(SIMPLE).said(SECRET) == [["no such member ", ["email"]]]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["raise ValueError('a name %s is taken' % name)"], [["a name ", ["word"], " is taken"]]),
        (["raise ValueError('{} is taken'.format(name))"], [[["word"], " is taken"]]),
        (["raise ValueError('taken: ' + name)"], [["taken: ", ["word"]]]),
        (["m = f'first {name}'", "m = f'second {name}'", "raise ValueError(m)"], [["second ", ["word"]]]),
        (["m = name", "m = 'the second'", "raise ValueError(m)"], [["the second"]]),
        (["raise ValueError('some ' + name if name else 'none at all')"], [["some ", ["word"]]]),
        (["e = ValueError(f'kept {name}')", "raise e"], [["kept ", ["word"]]]),
        (["raise ValueError('a word', name, 7)"], [["a word"], [["word"]], [["integer(1)"]]]),
        (["raise ValueError('no'); raise KeyError('never')"], [["no"]]),
        (["if not name: raise ValueError('no name')", "raise ValueError('a name')"], [["a name"]]),
        (["assert not name, f'a name: {name}'"], [["a name: ", ["word"]]]),
        (["m = 'these'", "m += ': ' + name", "raise ValueError(m)"], [["these: ", ["word"]]]),
        (["raise ValueError(', '.join(['one', name]))"], [["one, ", ["word"]]]),
        (
            ["try:\n        int('x')\n    except ValueError:\n        raise KeyError('no number') from None"],
            [["no number"]],
        ),
    ],
)
def test_a_message_is_known_however_it_came_about(shipped, lines, words):
    assert shipped(body(*lines)).said("Anna") == words


@pytest.mark.parametrize(
    "lines",
    [
        ["raise ValueError(name)"],
        ["raise ValueError(name or 'no name was given')"],
        ["raise other"],
        ["raise other or ValueError('no other')"],
        ["m = 'these:'", "for n in (name, name): m += ' ' + n", "raise ValueError(m)"],
        ["raise ValueError(*[f'a name {name}'])"],
        ["e = ValueError('a name')", "e.args = (name,)", "raise e"],
        ["raise ValueError(name % 'x' if other else name + '')"],
        ["m = f'{name} is a member' if other is None else f'{name} a member'", "raise ValueError(m)"],
        ["raise ValueError(b'a name')"],
        ["raise KeyError(name)"],
        ["{}[name]"],
    ],
)
def test_without_exactly_one_template_there_are_no_words(shipped, lines):
    fault = KeyError("the other")
    said = shipped(body(*lines)).said("Anna is", fault if "raise other" in lines[0] else None)
    assert said is None


def test_a_text_that_imitates_a_template_changes_nothing_but_shapes(shipped):
    module = shipped(body("raise ValueError(f'no member {name} in {name}')"))
    assert module.said("a in no member b in c") == [["no member ", ["word"], " in ", ["words(13)"]]]
    assert shipped(body("raise ValueError(name)")).said("no member a in b") is None


def test_a_class_makes_its_own_message(shipped):
    module = shipped(CLASSES)
    assert module.said("Anna", of="full") == [["project ", ["word"], " is full after ", ["integer(1)"], " inputs"]]
    assert module.said("Anna", of="fuller") == [["project ", ["word"], " is full after too many inputs"]]
    assert module.said(of="shut") == [["the store is shut"]]
    assert module.said("Anna", of="later") == [["the store opens later"], ["than ", ["word"], " thinks"]]


def test_a_class_that_was_changed_has_no_words(shipped):
    module = shipped(CLASSES)

    def other(self, project):
        Exception.__init__(self, f"project {project} is full after 3 inputs")

    module.names["Full"].__init__ = other
    assert module.said("Anna", of="full") is None


def test_a_class_of_somebody_else_has_no_words(shipped):
    module = shipped(SIMPLE)

    class Other(ValueError):
        def __init__(self, text):
            super().__init__(text)

    class New(ValueError):
        def __new__(cls, text):
            return super().__new__(cls, text)

    for kind in (Other, New):
        module.names["ValueError"] = kind
        assert module.said("Anna") is None


def test_code_that_differs_from_the_index_has_no_words(shipped):
    patched = SIMPLE.replace("name}", "name} here")
    assert shipped(SIMPLE, patched).said("Anna") is None
    assert shipped(SIMPLE, "\n" + SIMPLE).said("Anna") is None


def test_the_same_code_in_another_module_has_no_words(shipped):
    module = shipped(SIMPLE)
    module.names["__name__"] = "plugin"
    assert module.said("Anna") is None


def test_executed_code_has_no_words(shipped):
    module = shipped(body("exec('raise ValueError(\"no such member\")')"))
    assert module.said("Anna") is None


@pytest.mark.parametrize("level", [0, 1, 2])
def test_optimised_code_is_known_too(shipped, level):
    source = '"""Doc."""\n' + SIMPLE.replace("    raise", '    """Doc."""\n    assert name\n    raise')
    assert shipped(source, optimize=level).said("Anna") == [["no such member ", ["word"]]]


def test_code_without_columns_is_known_too(tmp_path):
    (tmp_path / "shop.py").write_text(
        body("if not name: raise ValueError('no'); raise KeyError('x')", "raise ValueError('a'); raise ValueError('b')")
    )
    (tmp_path / "shop.index").write_bytes(encode(build([tmp_path / "shop.py"], "shop 1.0.0")))
    program = (
        "import shop, pathlib; from audit import index; from event.words import Words\n"
        "try: shop.run('Anna')\n"
        "except ValueError as fault:\n"
        "    assert None in list(shop.run.__code__.co_positions())[-1]\n"
        "    words = Words(index.parse(pathlib.Path('shop.index').read_bytes()))\n"
        "    print(words.of(fault, 'ValueError')['arguments'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "no_debug_ranges", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{samples.ROOT}:{tmp_path}", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[['a']]\n", done.stderr


def test_the_first_raise_counts_however_often_it_is_raised_again(shipped):
    module = shipped(SIMPLE)

    def again():
        try:
            module.names["run"](SECRET)
        except ValueError as fault:
            raise fault

    assert module.told(caught(again)) == [["no such member ", ["email"]]]


def test_members_of_a_group_and_causes_are_asked_one_by_one(shipped):
    module = shipped(
        body("try:\n        int('x')\n    except ValueError as e:\n        raise ExceptionGroup('two', [e]) from e")
    )
    fault = module.caught("Anna")
    assert module.told(fault) == [["two"], [["list(1)"]]]
    assert module.told(fault.__cause__) == [["invalid literal for int() with base ", ["integer(2)"], ": ", ["word"]]]


def test_an_exception_that_was_never_raised_has_no_words(shipped):
    assert shipped(SIMPLE).told(ValueError("no such member Anna")) is None


def test_a_text_of_another_class_is_not_looked_into(shipped):
    module = shipped(body("raise ValueError(name)"))
    source = body("e = ValueError('a name')", "e.args = (name,)", "raise e")
    for each in (module, shipped(source)):
        assert each.said(hostile.Liar("a name")) is None


def test_no_code_of_the_exception_its_class_or_its_values_is_called(shipped):
    module = shipped(body("raise other(f'a word for {1}', name)"))
    assert module.said(hostile.Nosy(), hostile.Hostile) == [["a word for ", ["integer(1)"]], [["object"]]]
    asked = ("__eq__", "__hash__", "__name__", "__module__", "__repr__")  # the interpreter's own raise asks for others
    meta = type("Meta", (type,), {name: vars(hostile.Meta)[name] for name in asked})
    assert module.said(hostile.Liar(SECRET), meta("Odd", (Exception,), {"__module__": "odd"})) == [
        ["a word for ", ["integer(1)"]],
        [["object"]],
    ]


def test_names_that_lie_in_a_class_are_not_compared(shipped):
    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__
        armed = False

        def __eq__(self, other):
            assert not Name.armed, "code of a class was called"
            return False

    kind = types.new_class("Even", (Exception,), {}, lambda names: names.update({Name("__init__"): 1}))
    module = shipped(body("raise other('a word')"))
    fault = module.caught("x", kind)
    Name.armed = True
    assert module.told(fault) == [["a word"]]


def test_a_fingerprint_changes_with_whatever_code_does_and_with_nothing_else():
    texts = ("x + 'a'", "x + 'b'", "y + 'a'", "x - 'a'", "x in {'a', 'b', 'c'}", "x in {'a', 'b', 'd'}")
    codes = [compile(text, "name", "exec") for text in texts]
    assert len(set(map(fingerprint, codes))) == len(texts)
    assert fingerprint(compile(texts[0], "another name", "exec")) == fingerprint(codes[0])


@pytest.mark.parametrize("text", ["a\udce9b", "a\x00b", "", "x" * 200_000, "é\u202e\u200b"])
def test_values_of_every_kind_leave_as_shapes(shipped, text):
    ((first, (shaped,), last),) = shipped(body("raise ValueError(f'a {name} b')")).said(text)
    assert (first, last) == ("a ", " b")
    assert shaped in {"text(<32)", "text(>=1024)", "empty"}


def test_a_traceback_that_was_made_up_has_no_words_but_its_own(shipped):
    module = shipped(SIMPLE)
    real = module.caught("Anna").__traceback__.tb_next
    forged = ValueError(SECRET).with_traceback(types.TracebackType(None, real.tb_frame, real.tb_lasti, 1))
    assert module.told(forged) is None
    forged = ValueError("no such member Anna").with_traceback(types.TracebackType(None, real.tb_frame, 2, 1))
    assert module.told(forged) is None


def test_deep_recursion_is_walked(shipped):
    module = shipped(body("if name: run(name - 1)", "raise ValueError('the end of the way')"))
    assert module.said(400) == [["the end of the way"]]
