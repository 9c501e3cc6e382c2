"""Deletions that were asked for, and batches without their content."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SET = "(SELECT current_setting('corporate.customer', true))"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("batch", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("batch", sa.Column("altered_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "deletion",
        sa.Column("id", key, nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=True),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pairs", sa.Text(), nullable=True),
        sa.Column("before_size", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_deletion_customer_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f("fk_deletion_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
        sa.UniqueConstraint(
            "installation_id", "request_sha256", name=op.f("uq_deletion_installation_id_request_sha256")
        ),
    )
    op.create_index(
        op.f("ix_deletion_installation_id_before_size"), "deletion", ["installation_id", "before_size"], unique=False
    )
    if op.get_bind().dialect.name == "postgresql":
        bound = f"{SET} = '*' OR customer_id::text = {SET}"
        op.execute("ALTER TABLE deletion ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE deletion FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON deletion USING ({bound}) WITH CHECK ({bound})")
