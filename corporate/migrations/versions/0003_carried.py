"""Files that were carried by hand, and the answers to carry back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SET = "(SELECT current_setting('corporate.customer', true))"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "carried",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_carried_customer_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f("fk_carried_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carried")),
    )
    op.create_index(op.f("ix_carried_installation_id"), "carried", ["installation_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        bound = f"{_SET} = '*' OR customer_id::text = {_SET}"
        op.execute("ALTER TABLE carried ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE carried FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON carried USING ({bound}) WITH CHECK ({bound})")
