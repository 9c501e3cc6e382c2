"""Several processes that read one database say of it what one process says, whatever was done to the tables."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from audit import ranges
from benchmarks import _ledgers
from diffgram_home import settings, verifying
from diffgram_home.home import make_home, open_home

NOW = datetime(2026, 11, 22, 6, 0, 0, tzinfo=UTC)
ANOTHER = "UPDATE leaf SET data = (SELECT data FROM leaf WHERE position = 297) WHERE position = 300"
SIZES = ranges.Sizes(range=64, block=16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an installation with a ledger of eleven ranges."""
    folder = tmp_path_factory.mktemp("long")
    path = folder / "diffgram-home.toml"
    path.write_text(f'name = "long"\n[corporate]\nurl = "https://127.0.0.1:9"\nroot = "sha256:{"0" * 64}"\n')
    chosen = settings.read(path, {})
    make_home(chosen)
    home = open_home(chosen)
    maker = _ledgers.Maker(600, True, home.installation)
    for piece in maker.pieces(700, 700):
        _ledgers.store(home, piece)
    _ledgers.end(home, maker)
    home.close()
    return folder


@pytest.fixture
def made(whole, tmp_path):
    """A copy of it."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    home = open_home(settings.read(folder / "diffgram-home.toml", {}))
    yield home
    home.close()


def both(home, progress=None):
    apart = verifying.verify(home, NOW, progress, processes=2, sizes=SIZES)
    limits = tuple(line.replace(f"over {SIZES.block} leaves", "over 1024 leaves") for line in apart.report.not_proved)
    assert replace(apart, report=replace(apart.report, not_proved=limits)) == verifying.verify(home, NOW)
    return apart


def test_a_whole_ledger_holds_and_progress_is_told(made):
    told = []
    found = both(made, lambda done, size: told.append((done, size)))
    assert found.holds
    assert found.report.accepted == 234
    assert told[-1] == (found.report.size, found.report.size)
    assert len(told) > 8


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("UPDATE leaf SET data = CAST(replace(data, '\"sequence\"', '\"sequense\"') AS BLOB)", "record-malformed"),
        ("DELETE FROM leaf WHERE position = 301", "leaf-missing"),
        ("DELETE FROM leaf WHERE position > 650", "head-differs"),
        (ANOTHER, "sequence-repeated"),
        ("UPDATE attempt SET destination = 'elsewhere.example:443' WHERE leaf = 310", "rows-differ"),
        ("DELETE FROM attempt WHERE leaf = 313", "rows-differ"),
        ("UPDATE body SET zstd = (SELECT zstd FROM body ORDER BY sha256 LIMIT 1)", "body-changed"),
        ("DELETE FROM body WHERE sha256 = (SELECT sha256 FROM batch WHERE leaf = 300)", "body-missing"),
        ("UPDATE body SET zstd = x'00'", "body-changed"),
    ],
)
def test_what_was_done_to_the_tables_is_found_alike(made, fault, code):
    with made.store.engine.begin() as connection:
        connection.execute(text(fault))
    assert code in {finding.code for finding in both(made).findings}


def children() -> set[str]:
    """The numbers of the processes that this one began and nobody waited for; other tests' helpers are among them."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            parent = process.read_text().rpartition(")")[2].split()[1]
            found |= {process.parent.name} if parent == str(os.getpid()) else set()
    return found


def test_no_process_is_left_over(made):
    before = children()
    both(made)
    assert children() <= before
