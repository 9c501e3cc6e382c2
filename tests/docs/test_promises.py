"""Every promise has its proof: the tests it names exist, are collected, and are never skipped."""

import ast
from pathlib import Path

import pytest

from audit import promises
from audit.promises import Promise

ROOT = Path(__file__).parents[2]
_EVADING = {"skip", "skipif", "xfail", "importorskip", "skipTest"}


def without_proof(kept: tuple[Promise, ...], root: Path) -> list[str]:
    """The tests that promises name and that prove nothing: missing, or able to be skipped."""
    return [test for promise in kept for test in promise.tests if not _proves(root, test)]


def _proves(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    if not name.startswith("test_") or not Path(file).name.startswith("test_") or not (root / file).is_file():
        return False
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    marks = [node.value for node in tree.body if isinstance(node, ast.Assign) and _is_pytestmark(node)]
    return len(found) == 1 and not any(_evades(node) for node in [*found, *marks])


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _evades(node: ast.AST) -> bool:
    return any(
        (isinstance(inner, ast.Attribute) and inner.attr in _EVADING)
        or (isinstance(inner, ast.Name) and inner.id in _EVADING)
        for inner in ast.walk(node)
    )


def test_every_promise_names_tests_that_exist_and_are_never_skipped():
    kept = promises.read()
    assert {promise.source for promise in kept} == set(promises.SOURCES)
    assert without_proof(kept, ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "def test_other(): assert kept()",
        "@pytest.mark.skip\ndef test_it(): assert kept()",
        "@mark.xfail(reason='')\ndef test_it(): assert kept()",
        "def test_it():\n    pytest.skip('no such server')",
        "pytestmark = pytest.mark.skipif(True)\ndef test_it(): assert kept()",
        "def wrap():\n    def test_it(): assert kept()",
    ],
)
def test_a_proof_that_is_renamed_or_skipped_is_found(tmp_path: Path, text: str):
    one = (Promise("diffgram", "It is kept.", "So.", ("test_it.py::test_it",)),)
    (tmp_path / "test_it.py").write_text("def test_it(): assert kept()")
    assert without_proof(one, tmp_path) == []
    (tmp_path / "test_it.py").write_text(text)
    assert without_proof(one, tmp_path) == ["test_it.py::test_it"]


def test_a_proof_whose_file_is_gone_is_found(tmp_path: Path):
    one = (Promise("diffgram", "It is kept.", "So.", ("test_it.py::test_it",)),)
    assert without_proof(one, tmp_path) == ["test_it.py::test_it"]


def test_a_test_that_skips_itself_fails_the_run(pytester: pytest.Pytester):
    """What syntax cannot show, such as a skip in a fixture, is seen when it happens."""
    rule = (ROOT / "tests" / "skipping.py").read_text(encoding="utf-8")
    pytester.makeconftest(rule)
    pytester.makepyfile("import pytest\n@pytest.fixture\ndef server(): pytest.skip('none')\ndef test_it(server): ...")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*nothing is skipped here*"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[promise]]\nsource = 'diffgram'\nsentence = 'a'\nkept = 'b'\ntests = []", "at least one"),
        ("[[promise]]\nsource = 'nobody'\nsentence = 'a'\nkept = 'b'\ntests = ['a::b']", "source"),
        ("[[promise]]\nsource = 'diffgram'\nsentence = ' '\nkept = 'b'\ntests = ['a::b']", "texts"),
        ("[[promise]]\nsource = 'diffgram'\nsentence = 'a'\ntests = ['a::b']", "exactly the keys"),
        ("promised = 1", "[[promise]]"),
    ],
)
def test_a_faulty_entry_is_named(text: str, why: str):
    with pytest.raises(ValueError, match="promise") as refused:
        promises.parse(text)
    assert why in str(refused.value)
