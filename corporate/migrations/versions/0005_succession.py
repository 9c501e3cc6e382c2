"""An installation that succeeds another: a copy that was renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for table in ("enrolment_token", "installation"):
        op.add_column(table, sa.Column("succeeds", sa.Text(), nullable=True))
