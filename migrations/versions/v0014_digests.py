"""A digest that may have been sent is sent again for the same time, and for no other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0014"
down_revision = "v0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "export_cursors", sa.Column("sending_until", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("export_cursors", "sending_until")
