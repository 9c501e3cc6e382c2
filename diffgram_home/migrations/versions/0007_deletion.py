"""Corporate's statements of what it deleted, and the bodies that they name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "deletion",
        sa.Column("id", key, nullable=False),
        sa.Column("request_id", key, nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("backups_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_deletion_request_id", "deletion", ["request_id"])
    op.create_table(
        "deleted",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("deletion_id", key, nullable=False),
        sa.ForeignKeyConstraint(["deletion_id"], ["deletion.id"]),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_deleted_deletion_id", "deleted", ["deletion_id"])
