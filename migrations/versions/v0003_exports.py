"""How far each export is; incidents in the order of storing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export_cursors",
        sa.Column("export", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("export", name=op.f("pk_export_cursors")),
    )
    op.create_table(
        "export_told",
        sa.Column("export", sa.String(length=32), nullable=False),
        sa.Column("incident", sa.String(length=128), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("export", "incident", name=op.f("pk_export_told")),
    )
    op.create_index(
        op.f("ix_export_told_export_stored_at"),
        "export_told",
        ["export", "stored_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incidents_stored_at_id"), "incidents", ["stored_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incidents_stored_at_id"), table_name="incidents")
    op.drop_table("export_told")
    op.drop_table("export_cursors")
