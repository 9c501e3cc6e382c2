"""One copy of the tree with both environments made, for all tests that start `install/run`: making it takes minutes."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.places import copy_tree, free_ports
from tests.install.running import FIRST_RUN_S, Clone, Run


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Return a folder that other users may enter, which pytest's own is not."""
    made = Path(tempfile.mkdtemp(prefix="install-run-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def clone(folder: Path) -> Clone:
    """Return a copy in which install/run has run once, without a terminal, and was stopped by Ctrl-C."""
    copy = Clone(copy_tree(folder / "clone"), tuple(free_ports(4)))
    with Run(copy) as first:
        first.wait_until_ready(FIRST_RUN_S)
        answers, said = copy.answers(), first.said()
        assert first.stop() == 0, first.said()
    assert answers == [200, 200, 200]
    assert re.search(r"installing into \.venv: \d+ of \d+", said)
    return copy
