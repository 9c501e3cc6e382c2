"""Which messages kept here are errors of one issue. Blocks from before are gone through by the scheduler."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, and say from which block on there is something to go through."""
    op.create_table(
        "issue",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("key", sa.String(32), nullable=False, unique=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("culprit", sa.Text(), nullable=False),
        sa.Column("in_product", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_issue_last_at", "issue", ["last_at"])
    op.create_table(
        "issue_block",
        sa.Column("block_id", _KEY, sa.ForeignKey("block.id"), primary_key=True, autoincrement=False),
        sa.Column("issue_id", _KEY, sa.ForeignKey("issue.id"), primary_key=True, autoincrement=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
    )
    op.create_index("issue_block_newest", "issue_block", ["issue_id", "block_id"])
    op.create_index("issue_block_hours", "issue_block", ["issue_id", "hour", "messages"])
    op.create_index("issue_block_day", "issue_block", ["hour", "issue_id", "messages"])
    connection = op.get_bind()
    newest = connection.scalar(sa.text("SELECT max(id) FROM block"))
    if newest is not None:
        row = {"name": "not_grouped", "data": json.dumps(newest)}
        connection.execute(sa.text("INSERT INTO value (name, data) VALUES (:name, :data)"), row)
