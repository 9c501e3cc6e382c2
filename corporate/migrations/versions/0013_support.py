"""Requests of support, and what was decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SET = "(SELECT current_setting('corporate.customer', true))"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    at = sa.DateTime(timezone=True)
    table = "support_request"
    op.create_table(
        table,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("made_at", at, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", at, nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("ends_at", at, nullable=True),
        sa.Column("told_at", at, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f(f"fk_{table}_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("installation_id", "number", name=op.f(f"uq_{table}_installation_id_number")),
    )
    if op.get_bind().dialect.name == "postgresql":
        bound = f"{SET} = '*' OR customer_id::text = {SET}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON {table} USING ({bound}) WITH CHECK ({bound})")
