"""The published list of catalogues; `prepare` fills it with what was stored before."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "published",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["catalogue"], ["catalogue.hash"], name=op.f("fk_published_catalogue")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_published")),
        sa.UniqueConstraint("catalogue", name=op.f("uq_published_catalogue")),
    )
