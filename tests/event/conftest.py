"""A spool folder with every kind on, and the collector of this process pointed at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import event
from event import event as face
from tests.event import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool folder whose switches are all on, in generation 3."""
    place = tmp_path / "spool"
    place.mkdir()
    samples.set_modes(place)
    return place


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., None]]:
    """Start collecting into the folder; stop afterwards, as at the end of a process."""

    def begin(**options: object) -> None:
        event.start(folder, samples.read_catalogue(), samples.INDEX, **options)  # type: ignore[arg-type]

    yield begin
    face._collector = None
