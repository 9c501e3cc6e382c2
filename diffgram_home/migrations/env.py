"""Runs alembic's steps on the connection that `store.migrate` hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from diffgram_home.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=False
)
context.run_migrations()
