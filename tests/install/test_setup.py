"""Steps of `install/run` that are done again when what they were made from changes."""

from __future__ import annotations

import argparse
from pathlib import Path

import _setup


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
