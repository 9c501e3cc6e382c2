"""Requests of support, and the routes that were asked under their grants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from diffgram_home.models import Instant, Key

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the tables; nothing was asked before."""
    op.create_table(
        "support_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("grant_document", sa.Text(), nullable=True),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ending_document", sa.Text(), nullable=True),
        sa.Column("batches", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sa.UniqueConstraint("grant_id"),
    )
    op.create_index("ix_support_request_taken_at", "support_request", ["taken_at"])
    op.create_index("ix_support_request_state", "support_request", ["state"])
    op.create_table(
        "support_use",
        sa.Column("id", Key, nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("route", sa.String(length=130), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["support_request.id"]),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_support_use_request_id", "support_use", ["request_id"])
