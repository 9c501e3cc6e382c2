"""Counts of sessions by day, release and class."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table; nothing was counted before."""
    op.create_table(
        "session_count",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=20), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("errored", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", "run", "release", "by", "value", "major"),
    )
