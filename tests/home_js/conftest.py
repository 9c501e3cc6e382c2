"""One shop with its installation for all tests of home.js in a browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from diffgram_home.home import Home
from tests.home_js.shop import Site, build, site
from tests.node import modules
from tests.web.world import serving

__all__ = ["modules"]


@dataclass(frozen=True)
class Place:
    """The installation, and the shop's own pages."""

    home: Home
    shop: Site


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Both served."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with site() as shop:
        home = build(folder, [shop.base, "node"])
        with serving(home.settings.path) as base:
            shop.installation = base
            yield Place(home, shop)
        home.close()
