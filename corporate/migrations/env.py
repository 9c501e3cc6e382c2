"""Run by alembic: applies the steps over the connection that `corporate.migrating` hands in."""

from alembic import context

from corporate.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
