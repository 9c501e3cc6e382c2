"""One filled installation for all tests of the pages; tests that change it use accounts and fields of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.world import World, fill, open_world, serving


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A filled installation that nobody serves."""
    folder: Path = tmp_path_factory.mktemp("home")
    home = open_world(folder)
    yield World(home, "", fill(home))
    home.close()


@pytest.fixture(scope="session")
def world(filled: World) -> Iterator[World]:
    """A filled installation, served."""
    with serving(filled.home.settings.path) as base:
        yield World(filled.home, base, filled.attempts)
