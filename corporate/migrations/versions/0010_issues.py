"""Issues: what is counted of errors, and what people did about them; batches say whether their errors were counted."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SET = "(SELECT current_setting('corporate.customer', true))"
OF_A_CUSTOMER = ("issue_part", "issue_hour", "issue_shape", "sighting")


def upgrade() -> None:
    """Apply. Batches that were stored before have no `read_at`: their errors are counted when the server starts."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "issue",
        sa.Column("id", key, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("culprit", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("in_product", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resolved_in", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ignored_count", sa.BigInteger(), nullable=True),
        sa.Column("ignored_installations", sa.Integer(), nullable=True),
        sa.Column("ignored_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_to", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("installations", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
    )
    op.create_index(op.f("ix_issue_count_id"), "issue", ["count", "id"], unique=False)
    op.create_index(op.f("ix_issue_first_at_id"), "issue", ["first_at", "id"], unique=False)
    op.create_index(op.f("ix_issue_installations_id"), "issue", ["installations", "id"], unique=False)
    op.create_index(op.f("ix_issue_last_at_id"), "issue", ["last_at", "id"], unique=False)
    op.create_index(op.f("ix_issue_state"), "issue", ["state"], unique=False)
    op.create_table(
        "issue_rule",
        sa.Column("id", key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_rule")),
    )
    op.create_table(
        "sighting",
        sa.Column("batch_id", key, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("part_id", key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_sighting")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sighting_part_id_at"), "sighting", ["part_id", "at"], unique=False)
    op.create_table(
        "issue_act",
        sa.Column("id", key, nullable=False),
        sa.Column("issue_id", key, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_issue_act_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_act")),
    )
    op.create_index(op.f("ix_issue_act_issue_id"), "issue_act", ["issue_id"], unique=False)
    op.create_table(
        "issue_group",
        sa.Column("id", key, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("issue_id", key, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("culprit", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("in_product", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_issue_group_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_group")),
        sa.UniqueConstraint("key", name=op.f("uq_issue_group_key")),
    )
    op.create_index(op.f("ix_issue_group_issue_id"), "issue_group", ["issue_id"], unique=False)
    op.create_table(
        "issue_part",
        sa.Column("id", key, nullable=False),
        sa.Column("group_id", key, nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_issue_part_customer_id")),
        sa.ForeignKeyConstraint(["group_id"], ["issue_group.id"], name=op.f("fk_issue_part_group_id")),
        sa.ForeignKeyConstraint(["installation_id"], ["installation.id"], name=op.f("fk_issue_part_installation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_part")),
        sa.UniqueConstraint(
            "group_id", "installation_id", "release", name=op.f("uq_issue_part_group_id_installation_id_release")
        ),
    )
    op.create_index(op.f("ix_issue_part_installation_id"), "issue_part", ["installation_id"], unique=False)
    op.create_index(op.f("ix_issue_part_release_group_id"), "issue_part", ["release", "group_id"], unique=False)
    op.create_table(
        "issue_hour",
        sa.Column("part_id", key, autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["issue_part.id"], name=op.f("fk_issue_hour_part_id")),
        sa.PrimaryKeyConstraint("part_id", "hour", name=op.f("pk_issue_hour")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "issue_shape",
        sa.Column("part_id", key, autoincrement=False, nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("customer_id", key, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["issue_part.id"], name=op.f("fk_issue_shape_part_id")),
        sa.PrimaryKeyConstraint("part_id", "slot", "shape", name=op.f("pk_issue_shape")),
        sqlite_with_rowid=False,
    )
    op.add_column("batch", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_batch_unread",
        "batch",
        ["id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
        sqlite_where=sa.text("read_at IS NULL"),
    )
    for table in OF_A_CUSTOMER if op.get_bind().dialect.name == "postgresql" else ():
        bound = f"{SET} = '*' OR customer_id::text = {SET}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_a_customer ON {table} USING ({bound}) WITH CHECK ({bound})")
