"""The eleven checks of docs/acceptance.md name tests that exist and are never skipped."""

import re
from pathlib import Path

from audit.promises import Promise
from tests.docs.test_promises import ROOT, without_proof

ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)


def checks(page: Path) -> dict[int, Promise]:
    """Number of the check → what it says, with the tests named for it."""
    rows = ROW.findall(page.read_text(encoding="utf-8"))
    return {int(n): Promise("", text, "", tuple(re.findall(r"`([^`]+)`", tests))) for n, text, tests in rows}


def test_each_of_the_eleven_checks_has_tests_that_are_never_skipped():
    found = checks(ROOT / "docs" / "acceptance.md")
    assert list(found) == list(range(1, 12))
    assert all(check.tests for check in found.values())
    assert without_proof(tuple(found.values()), ROOT) == []


def test_a_check_whose_test_is_gone_is_found(tmp_path: Path):
    page = tmp_path / "acceptance.md"
    page.write_text("| 1 | it holds | `tests/test_it.py::test_it` `test_other.py::test_it` |\n")
    assert without_proof(tuple(checks(page).values()), tmp_path) == [
        "tests/test_it.py::test_it",
        "test_other.py::test_it",
    ]
