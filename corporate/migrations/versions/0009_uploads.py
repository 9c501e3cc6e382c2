"""What a release was built of: sources, and source maps of bundles."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "file",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("zstd", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_file")),
    )
    op.create_table(
        "release_file",
        sa.Column("index_hash", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["index_hash"], ["release_index.hash"], name=op.f("fk_release_file_index_hash")),
        sa.PrimaryKeyConstraint("index_hash", "what", "name", name=op.f("pk_release_file")),
    )
    op.create_table(
        "map_source",
        sa.Column("map_sha256", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["sha256"], ["file.sha256"], name=op.f("fk_map_source_sha256")),
        sa.PrimaryKeyConstraint("map_sha256", "number", name=op.f("pk_map_source")),
    )
    op.create_table(
        "map_part",
        sa.Column("map_sha256", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("column", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zstd", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("map_sha256", "line", "column", name=op.f("pk_map_part")),
    )
