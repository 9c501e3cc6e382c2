"""A folder on the memory file system for each test, gone after it."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of mode 0700 in /dev/shm."""
    folder = Path(tempfile.mkdtemp(prefix="sessions-test-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
