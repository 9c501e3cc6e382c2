"""People of an identity provider, and who was led there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add what tells people of a provider apart; accounts from before are of none."""
    op.add_column("account", sa.Column("issuer", sa.String(length=300), nullable=True))
    op.add_column("account", sa.Column("subject", sa.String(length=255), nullable=True))
    op.create_index("account_subject", "account", ["issuer", "subject"], unique=True)
    op.create_table(
        "provider_flow",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("sign_in", sa.String(length=64), nullable=True),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_provider_flow_expires_at", "provider_flow", ["expires_at"])
