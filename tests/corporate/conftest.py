"""Every test that takes `server` runs twice: on SQLite and on PostgreSQL, with the same processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.corporate.pretend import Pretend
from tests.corporate.running import Server, found, running


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """PostgreSQL 15, for the session."""
    with postgres.cluster() as made:
        yield made


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def make_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the URL of a fresh database; "" is SQLite in the server's folder."""
    if request.param == "sqlite":
        return lambda: ""
    made: postgres.Cluster = request.getfixturevalue("cluster")
    return made.make_database


@pytest.fixture(scope="session")
def server(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that tests share: each enrols installations of its own."""
    folder = tmp_path_factory.mktemp("server")
    with running(*found(folder, make_url())) as made:
        yield made


@pytest.fixture
def one(server: Server, tmp_path: Path) -> Iterator[Pretend]:
    """An enrolled installation."""
    made = Pretend(server, tmp_path)
    assert made.enrol().status == 201
    yield made
    made.use("")


@pytest.fixture
def stranger(server: Server, tmp_path: Path) -> Iterator[Pretend]:
    """A machine that is not enrolled."""
    made = Pretend(server, tmp_path)
    yield made
    made.use("")
