"""Hosts that look like AI services and are in no catalogue: who saw them, why they are there, dismissals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0012"
down_revision = "v0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shadow_days",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tunnels", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "day", name=op.f("pk_shadow_days")),
    )
    op.create_index(op.f("ix_shadow_days_day"), "shadow_days", ["day"])
    op.create_table(
        "shadow_senders",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("host", "sender", name=op.f("pk_shadow_senders")),
    )
    op.create_index(op.f("ix_shadow_senders_day"), "shadow_senders", ["day"])
    op.create_table(
        "shadow_signs",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("sign", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("host", "sign", name=op.f("pk_shadow_signs")),
    )
    op.create_table(
        "shadow_dismissed",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_shadow_dismissed")),
    )


def downgrade() -> None:
    op.drop_table("shadow_dismissed")
    op.drop_table("shadow_signs")
    op.drop_index(op.f("ix_shadow_senders_day"), table_name="shadow_senders")
    op.drop_table("shadow_senders")
    op.drop_index(op.f("ix_shadow_days_day"), table_name="shadow_days")
    op.drop_table("shadow_days")
