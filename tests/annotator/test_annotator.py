"""The annotator, run as a product is: what it tells, and what it never does."""

from __future__ import annotations

import ast
import base64
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit import catalogue, index, modes
from event import spool
from tests.annotator.product import CATALOGUE, EXAMPLE, INDEX, ROOT, serving, use

SECRET = "SECRETROSE4711"
CASES = {"event": "on", "browser": "local", "support": "off", "licensing": "offline"}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return data folder and spool of an annotator that was used in every way, with secrets in all that is typed."""
    folder = tmp_path_factory.mktemp("used")
    where = folder / "spool"
    where.mkdir()
    known = catalogue.read(CATALOGUE)
    on, _ = modes.advance(modes.ALL_OFF, CASES, modes.effective(known, CASES, {}), 0)
    (where / "modes").write_bytes(modes.pack(on))
    with serving(folder / "data", where, workers=2) as visitor:
        use(visitor, SECRET)
    return folder / "data", where


def _messages(where: Path) -> list[dict[str, Any]]:
    segments = spool.segments(where)
    return [frame.message for s in segments for frame in spool.frames(s.path.read_bytes(), True)]


def test_each_act_and_each_fault_is_told_once(used: tuple[Path, Path]) -> None:
    assert Counter(message["kind"] for message in _messages(used[1])) == {
        "annotator/totals": 1,
        "annotator/project-created": 1,
        "annotator/input-uploaded": 1,
        "annotator/task-completed": 1,
        "annotator/export-finished": 1,
        "home/error": 5,
        "home/log": 2,
    }


def test_what_is_logged_is_told_in_the_words_of_its_source(used: tuple[Path, Path]) -> None:
    told = [m for m in _messages(used[1]) if m["kind"] == "home/log"]
    said = [(m["logger"], m["level"], m["words"]["arguments"][0]) for m in told]
    numbers = ["integer(1)"]
    full = ["project ", numbers, " holds ", numbers, " of ", numbers, " inputs"]
    failed = ["Exception on ", ["path"], " [", ["word"], "]"]
    assert sorted(said) == [("annotator.app", "error", failed), ("annotator.work", "warning", full)]
    assert any(m["place"].startswith("flask.app:Flask.log_exception:") for m in told)


def test_the_errors_are_real_ones_with_their_places(used: tuple[Path, Path]) -> None:
    errors = [m["error_log"] for m in _messages(used[1]) if m["kind"] == "home/error"]
    first = {error["chain"][0]["type"] for error in errors}
    assert first == {
        "ZeroDivisionError",
        "annotator.work.QuotaError",
        "annotator.work.TaskDone",
        "annotator.labels.LabelFileError",
    }
    places = [place for error in errors for place, in_product in error["frames"] if in_product]
    shipped = index.parse(INDEX.read_bytes())
    assert any(place.startswith("annotator.exporting:export:") for place in places)
    assert all(shipped.has_place(place) for place in places)
    said = [link["code_text"]["arguments"] for error in errors for link in error["chain"] if "code_text" in link]
    shapes = ["text(<32)"], ["text(<32)"], ["integer(1)"], ["integer(1)"]
    words = "project ", " of ", " is full: ", " of "
    full = [part for pair in zip(words, shapes, strict=True) for part in pair]
    assert [[*full, " inputs"]] in said


def test_nothing_that_was_typed_or_uploaded_reaches_the_spool(used: tuple[Path, Path]) -> None:
    data, where = used
    kept = b"".join(path.read_bytes() for path in data.iterdir())
    told = b"".join(path.read_bytes() for path in where.iterdir())
    assert SECRET.encode() in kept, "the positive control: the secret is in the product's own database"
    assert len(told) > 1000
    for form in _forms(SECRET):
        assert form not in told


def test_every_message_is_one_that_the_gate_takes(used: tuple[Path, Path]) -> None:
    known, shipped = catalogue.read(CATALOGUE), index.parse(INDEX.read_bytes())
    for message in _messages(used[1]):
        fields = known.of_kind(message["kind"])
        assert message.keys() - {"kind"} <= fields.keys()
    assert shipped.release.startswith("annotator ")


def test_the_export_holds_what_the_user_typed_so_the_product_keeps_it(used: tuple[Path, Path]) -> None:
    with sqlite3.connect(used[0] / "annotator.db") as database:
        assert database.execute("SELECT text FROM annotation").fetchall() == [(f"note {SECRET}",)]
        assert database.execute("SELECT blob FROM annotation").fetchall() == [(SECRET.encode(),)]


def test_totals_are_counted_by_the_queries_of_the_catalogue(used: tuple[Path, Path]) -> None:
    program = (
        "import json, sys; from pathlib import Path; from audit.catalogue import read; from annotator import totals; "
        "print(json.dumps(totals.counted(Path(sys.argv[1]), read(Path(sys.argv[2])))))"
    )
    counted = json.loads(_run(program, used[0] / "annotator.db", CATALOGUE))
    assert counted == {
        "members": 1,
        "projects": 1,
        "inputs": 1,
        "tasks_open": 0,
        "tasks_completed": 1,
        "annotations": 1,
        "stored_size_bytes": len(f"a text with {SECRET}"),
    }


def test_a_count_that_takes_too_long_or_fails_is_told_as_such_and_not_guessed(used: tuple[Path, Path]) -> None:
    program = """
import sys
from pathlib import Path
from annotator.totals import _count
database = Path(sys.argv[1])
endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
print(_count(database, endless, 0.05), _count(database, "SELECT count(*) FROM nothing", 1), end="")
"""
    assert _run(program, used[0] / "annotator.db") == "-1 -2"


def test_the_annotator_needs_the_base_install_only() -> None:
    for path in (EXAMPLE / "annotator").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [module] if module else [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in names} & {"diffgram_home", "corporate"}


def _run(program: str, *arguments: Path) -> str:
    path = f"import sys; sys.path[:0] = [{str(EXAMPLE)!r}, {str(ROOT)!r}]\n"
    return subprocess.run(
        [sys.executable, "-c", path + program, *arguments], capture_output=True, text=True, check=True, cwd="/"
    ).stdout


def _forms(secret: str) -> list[bytes]:
    """The secret as itself, in base64 at any offset, in hexadecimal, and in UTF-16."""
    raw = secret.encode()
    offsets = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    return [raw, *offsets, raw.hex().encode(), secret.encode("utf-16-le"), msgspec.json.encode(secret[::-1])]
