"""Steps from one form of the database to the next (alembic); `store.migrate` runs them."""
