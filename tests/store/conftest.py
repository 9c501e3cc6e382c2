"""One installation for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diffgram_home.home import Home
from tests.store import building


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation with everything approved and the case `event` on."""
    opened = building.build(tmp_path)
    yield opened
    opened.close()
