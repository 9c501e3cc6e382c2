"""Every benchmark still runs: a short run of each, held against nothing (benchmarks/__init__.py)."""

import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks

ROOT = Path(__file__).parents[2]
PROGRAMS = (
    *("calls", "corpus", "envelopes", "home_pages", "idle", "ingest"),
    *("issues", "known", "path", "proof", "reports", "tripwire", "words"),
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_and_prints_a_table_and_what_it_is_held_to(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "### " in done.stdout
    assert "goal at " in done.stdout


def test_all_of_them_are_listed_and_tested() -> None:
    found = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert found == set(PROGRAMS)
    assert all(f"python -m benchmarks.{name} " in (benchmarks.__doc__ or "") for name in PROGRAMS)
