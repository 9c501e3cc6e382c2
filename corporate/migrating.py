"""Bring the database's schema to what this version of the code expects.

Leaves to others: the steps themselves (corporate/migrations). Rules: one process migrates at a time (PostgreSQL: an
advisory lock; SQLite: the write lock), and a schema newer than the code stops the start.
"""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from corporate.database import Store
from corporate.errors import OperatorError

_LOCK = 0x6469_6666_6772_616D  # "diffgram"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", "corporate:migrations")
    return made


def upgrade(store: Store) -> None:
    """Apply every missing step. Raises OperatorError when the schema is newer than this code."""
    made = config()
    with store.engine.connect() as connection:
        if store.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        current = MigrationContext.configure(connection).get_current_revision()
        known = {step.revision for step in ScriptDirectory.from_config(made).walk_revisions()}
        if current is not None and current not in known:
            raise OperatorError("schema", f"the database's schema {current!r} is newer than this program", "upgrade it")
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
        connection.commit()


def pending(store: Store) -> bool:
    """Whether the database lacks steps."""
    with store.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current != ScriptDirectory.from_config(config()).get_current_head()
