"""What people of the staff did that no other row tells."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SET = "(SELECT current_setting('corporate.customer', true))"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "act",
        sa.Column("id", key, nullable=False),
        sa.Column("customer_id", key, nullable=True),
        sa.Column("installation_id", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_act_customer_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f("fk_act_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_installation_id"), "act", ["installation_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        bound = f"{SET} = '*' OR customer_id::text = {SET}"
        op.execute("ALTER TABLE act ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE act FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON act USING ({bound}) WITH CHECK ({bound})")
