"""Who was asked to think, by which link, and what they may send since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0010"
down_revision = "v0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coachings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("source_ip", sa.String(length=128), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("same", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("host", sa.String(length=256), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("lesson", sa.String(length=128), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=128), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coachings")),
    )
    for columns in (["at", "id"], ["sender", "same"], ["state", "expires_at"], ["rule", "at"]):
        op.create_index(op.f(f"ix_coachings_{'_'.join(columns)}"), "coachings", columns)
    op.create_table(
        "coaching_links",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("coaching_id", sa.String(length=32), nullable=False),
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["coaching_id"],
            ["coachings.id"],
            name=op.f("fk_coaching_links_coaching_id_coachings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("link", name=op.f("pk_coaching_links")),
    )
    for column in ("coaching_id", "incident_id"):
        op.create_index(op.f(f"ix_coaching_links_{column}"), "coaching_links", [column])
    op.create_table(
        "coaching_grants",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("coaching_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["coaching_id"],
            ["coachings.id"],
            name=op.f("fk_coaching_grants_coaching_id_coachings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_coaching_grants")),
    )
    for column in ("coaching_id", "expires_at"):
        op.create_index(op.f(f"ix_coaching_grants_{column}"), "coaching_grants", [column])


def downgrade() -> None:
    op.drop_table("coaching_grants")
    op.drop_table("coaching_links")
    op.drop_table("coachings")
