"""The leaf of a request's last try by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column."""
    op.add_column("request", sa.Column("carried_leaf", sa.BigInteger(), nullable=True))
