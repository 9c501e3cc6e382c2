"""The same on PostgreSQL: the path of one fact, the ledger's proofs, several writers, and the migration."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from audit import record
from diffgram_home import facts, ledger, pruning, reading, verifying
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import Base, Leaf
from diffgram_home.store import migrate, open_store
from tests.postgres import Cluster, cluster
from tests.store import test_path as path
from tests.store.building import NOW, build, collect_and_seal


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture
def home(server: Cluster, tmp_path: Path) -> Iterator[Home]:
    opened = build(tmp_path, database=server.make_database())
    yield opened
    opened.close()


SAME = sorted(name for name in vars(path) if name.startswith("test_"))


@pytest.mark.parametrize("name", [name for name in SAME if "tmp_path" not in getattr(path, name).__code__.co_varnames])
def test_the_path_is_the_same(home, name):
    getattr(path, name)(home)


def test_writers_are_one_at_a_time(home):
    def append(count):
        with home.store.write() as session:
            entry = record.Person(account=f"p{count}", actor="home", at=record.instant(NOW), change="locked", role=None)
            return ledger.append(session, entry)

    with ThreadPoolExecutor(8) as pool:
        positions = sorted(pool.map(append, range(100)))
    assert positions == list(range(positions[0], positions[0] + 100))
    assert verifying.verify(home, NOW).holds


def test_one_reading_sees_one_moment(home):
    collect_and_seal(home, range(3))
    with home.store.read() as session:
        before = ledger.standing(session).size
        collect_and_seal(home, range(3))
        assert len(session.scalars(select(Leaf.position)).all()) == before


def test_pruning_and_reading_speak_its_language_too(home):
    collect_and_seal(home, range(3))
    path.finish(home, path.begin(home), "accepted", receipt="a.b.c", status=200)
    ledger.sign_checkpoint(home, NOW)
    done = pruning.prune(home, NOW.replace(year=2028))
    assert (done.blocks, done.bodies) == (1, 1)
    assert reading.overview(home, NOW).lanes[0].day.messages == 3
    assert verifying.verify(home, NOW).holds


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migration_makes_exactly_the_models(kind, tmp_path, server):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}" if kind == "sqlite" else server.make_database())
    assert (migrate(store), migrate(store)) == (True, False)
    with store.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []
        assert session.scalars(select(Leaf)).all() == []
    with store.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        facts.put(session, "installation", "x")
    with pytest.raises(StoreError) as error:
        migrate(store)
    assert error.value.code == "database-newer"
    store.close()
