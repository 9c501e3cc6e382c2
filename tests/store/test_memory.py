"""Verifying holds no more of a long ledger than of a short one, from the store and from an export."""

import tracemalloc

import pytest

from benchmarks._ledgers import Maker, end, store
from diffgram_home import settings, verifying
from diffgram_home.home import make_home, open_home
from tests.store.building import NOW

SHORT, LONG = 4_500, 18_000  # the short one is beyond the 2,048 leaves that a verification remembers
MOST = 1.2


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory):
    """Installations with a short and a long ledger, and an export of each."""
    made = {}
    for entries in (SHORT, LONG):
        folder = tmp_path_factory.mktemp("ledger")
        path = folder / "diffgram-home.toml"
        path.write_text(f'name = "long"\n[corporate]\nurl = "https://127.0.0.1:9"\nroot = "sha256:{"0" * 64}"\n')
        make_home(settings.read(path, {}))
        home = open_home(settings.read(path, {}))
        maker = Maker(300, True, home.installation)
        for piece in maker.pieces(entries, 1_500):
            store(home, piece)
        end(home, maker)
        verifying.export_to(home, folder / "ledger.ndjson", NOW)
        made[entries] = home, folder / "ledger.ndjson"
    yield made
    for home, _ in made.values():
        home.close()


def peak_bytes(work):
    """The most that was allocated while `work` ran; a first run has loaded what stays."""
    tracemalloc.start()
    try:
        assert work().holds
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_entries_of_the_store(ledgers):
    verifying.verify(ledgers[SHORT][0], NOW)
    short, long = (peak_bytes(lambda home=ledgers[n][0]: verifying.verify(home, NOW)) for n in (SHORT, LONG))
    assert long < short * MOST, f"{short} bytes for {SHORT} entries, {long} for {LONG}"


def test_memory_does_not_grow_with_the_entries_of_an_export(ledgers):
    verifying.verify_file(ledgers[SHORT][1])
    short, long = (peak_bytes(lambda path=ledgers[n][1]: verifying.verify_file(path)) for n in (SHORT, LONG))
    assert long < short * MOST, f"{short} bytes for {SHORT} entries, {long} for {LONG}"


def test_progress_is_told_along_the_way(ledgers):
    told = []
    verifying.verify(ledgers[SHORT][0], NOW, lambda done, total: told.append((done, total)))
    assert len(told) > 10
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] >= SHORT
