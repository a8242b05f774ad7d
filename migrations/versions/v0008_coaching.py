"""Who was coached, what they answered, and what they may send since; which rules let justified things by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "incident_rules",
        sa.Column("justified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    with op.batch_alter_table("incident_rules") as table:
        table.drop_column("justified")
