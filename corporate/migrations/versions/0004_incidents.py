"""Unexpected Data Transfers with their timelines; since when numbers are missing; conflicts that were settled."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SET = "(SELECT current_setting('corporate.customer', true))"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("gap", sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conflict", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conflict", sa.Column("settled_by", sa.Text(), nullable=True))
    op.create_table(
        "incident",
        sa.Column("id", key, nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_incident_customer_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f("fk_incident_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("installation_id", "sha256", name=op.f("uq_incident_installation_id_sha256")),
        sa.UniqueConstraint("token", name=op.f("uq_incident_token")),
    )
    op.create_index(op.f("ix_incident_installation_id_id"), "incident", ["installation_id", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        bound = f"{SET} = '*' OR customer_id::text = {SET}"
        op.execute("ALTER TABLE incident ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE incident FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON incident USING ({bound}) WITH CHECK ({bound})")
