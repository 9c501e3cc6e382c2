"""The product's database of a test, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgres import Cluster, cluster


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Cluster]]:
    """PostgreSQL, once it is wanted."""
    with ExitStack() as stack:
        yield _Lazy(stack)


class _Lazy(dict[str, Cluster]):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, name: str) -> Cluster:
        return self.setdefault(name, self._stack.enter_context(cluster()))


@pytest.fixture
def postgres(servers: dict[str, Cluster]) -> str:
    """The address of an empty database on PostgreSQL."""
    return servers["here"].make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, Cluster]) -> str:
    """The address of an empty database of the product."""
    return f"sqlite:///{tmp_path / 'shop.db'}" if request.param == "sqlite" else servers["here"].make_database()
