"""Signed statements about releases; earlier ones are signed when they are added again."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "release_signature",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("index_hash", sa.Text(), nullable=False),
        sa.Column("catalogues", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["index_hash"], ["release_index.hash"], name=op.f("fk_release_signature_index_hash")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_release_signature")),
    )
    op.create_index(op.f("ix_release_signature_index_hash"), "release_signature", ["index_hash"], unique=False)
