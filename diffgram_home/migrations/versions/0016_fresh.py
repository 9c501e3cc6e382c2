"""When somebody who is signed in last showed who they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column; empty in sessions from before means: when they began."""
    op.add_column("sign_in", sa.Column("fresh_at", sa.DateTime(timezone=True), nullable=True))
