"""A filled database of the first release comes up with everything that it had."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select, text

from corporate import migrating
from corporate.database import EVERYBODY, Store
from diffgram_home import incidents, models
from diffgram_home.store import migrate, open_store
from tests.store.building import NOW


def test_an_installations_database_of_1_0_0_keeps_its_notices_and_takes_incidents(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'home.db'}")
    config = Config()
    config.set_main_option("script_location", "diffgram_home:migrations")
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        old = {"code": "disk", "subject": "", "first_at": NOW, "last_at": NOW, "count": 3, "text": "x", "hint": "y"}
        session.execute(insert(models.Notice), [old])
    assert migrate(store)
    with store.write() as session:
        assert [(row.code, row.count) for row in session.scalars(select(models.Notice))] == [("disk", 3)]
        incidents.open(session, incidents.TRIPWIRE, {"connect.<undeclared>": 1}, NOW)
        assert session.scalars(select(models.Mail)).all() == []
    store.close()


@pytest.mark.parametrize("table", ["gap", "conflict"])
def test_a_corporates_database_of_1_0_0_keeps_its_holes_and_conflicts(tmp_path: Path, table: str) -> None:
    store = Store(f"sqlite:///{tmp_path / 'corporate.db'}")
    config = migrating.config()
    rows = {
        "gap": "INSERT INTO gap (customer_id, installation_id, \"case\", first, last) VALUES (1, 'a', 'event', 2, 6)",
        "conflict": (
            'INSERT INTO conflict (customer_id, installation_id, code, "case", sequence, kept_sha256, other_sha256, '
            "count, first_at, last_at) VALUES (1, 'a', 'ledger-differs', 'event', 2, 'x', 'y', 1, "
            "'2026-11-21 14:01:05', '2026-11-21 14:01:05')"
        ),
    }
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO customer (id, name, made_at) VALUES (1, 'St Mary', '2026-11-21 14:01:05')")
        )
        connection.execute(
            text(
                "INSERT INTO installation (id, customer_id, public_key, thumbprint, enrolled_at, signature_allowed, "
                "next_at_us) VALUES ('a', 1, x'00', 't', '2026-11-21 14:01:05', 0, 0)"
            )
        )
        connection.execute(text(rows[table]))
        connection.commit()
    migrating.upgrade(store)
    assert not migrating.pending(store)
    with store.reading(EVERYBODY) as session:
        (kept,) = session.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608  a name of ours
    assert kept["since" if table == "gap" else "settled_at"] is None
    store.close()
