"""One filled installation for all tests of the pages; tests that change it use accounts and fields of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.world import World, fill, open_world, serving


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A filled installation, served."""
    folder: Path = tmp_path_factory.mktemp("home")
    home = open_world(folder)
    made = fill(home)
    with serving(home.settings.path) as base:
        yield World(home, base, made)
    home.close()
