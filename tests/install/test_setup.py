"""Steps of `install/run` that are done again when what they were made from changes."""

from __future__ import annotations

import argparse
from pathlib import Path

import _setup

from audit import catalogue as catalogues
from diffgram_home import settings
from diffgram_home.home import read_reporters


def test_corporate_gets_the_release_again_when_any_file_of_it_changed(tmp_path: Path) -> None:
    assert _setup.ROOT / "audit/outbound_fields.toml" in _setup.RELEASE, "a batch names core and product together"
    places = _setup.make_places(argparse.Namespace(data=tmp_path), tmp_path, tmp_path)
    copies = [tmp_path / str(number) for number, _ in enumerate(_setup.RELEASE)]
    for copy, file in zip(copies, _setup.RELEASE, strict=True):
        copy.write_bytes(file.read_bytes())
    _setup._mark(places, "release", *copies)
    assert not _setup._is_new(places, "release", *copies)
    for copy in copies:
        kept = copy.read_bytes()
        copy.write_bytes(kept + b"\n")
        assert _setup._is_new(places, "release", *copies)
        copy.write_bytes(kept)


def test_the_annotator_may_be_counted_once_support_is_on_and_an_update_is_pinned_again(tmp_path: Path) -> None:
    places = _setup.make_places(argparse.Namespace(data=tmp_path), tmp_path, tmp_path)
    places.home_settings.parent.mkdir()
    first = 'name = "here"\n[corporate]\nurl = "https://dc.example"\nroot = "sha256:' + "0" * 64 + '"\n'
    places.home_settings.write_text(first)
    for _ in range(2):
        _setup._let_reports_count(places)
    found = settings.read(places.home_settings, {})
    assert found.reports is not None
    assert found.reports.source.url == f"sqlite:///{tmp_path / 'annotator/annotator.db'}"
    assert [one.name for one in read_reporters(found, catalogues.read(_setup.CATALOGUE))] == [
        *("annotations", "inputs-by-media", "tasks-by-state"),
    ]
    old = places.home_settings.read_text()
    places.home_settings.write_text(old.replace(found.reports.reporters.sha256, "1" * 64))
    _setup._pin_again(places.home_settings, (_setup.CATALOGUE, _setup.INDEX, _setup.REPORTERS))
    assert places.home_settings.read_text() == old
