"""Schema of corporate's database, step by step (alembic). `upgrade` is the only entry."""
