"""What is counted as incidents are stored, who keeps house, requests to unmask, and evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_chores",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_incident_chores")),
    )
    op.create_table(
        "incident_repeats",
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("entity", sa.String(length=128), nullable=False),
        sa.Column("preview", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "rule", "service", name=op.f("pk_incident_repeats")),
    )
    op.create_index(
        op.f("ix_incident_repeats_count_last_at"),
        "incident_repeats",
        ["count", "last_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_repeats_last_at"), "incident_repeats", ["last_at"], unique=False
    )
    op.create_index(
        op.f("ix_incident_repeats_rule_count"), "incident_repeats", ["rule", "count"], unique=False
    )
    op.create_index(
        op.f("ix_incident_repeats_service_count"),
        "incident_repeats",
        ["service", "count"],
        unique=False,
    )
    op.create_table(
        "incident_tallies",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "kind", "day", "name", "verdict", "outcome", name=op.f("pk_incident_tallies")
        ),
    )
    op.create_table(
        "incident_evidence",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_evidence_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "position", name=op.f("pk_incident_evidence")),
    )
    op.create_index(op.f("ix_incident_evidence_at"), "incident_evidence", ["at"], unique=False)
    op.create_table(
        "incident_unmasks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("decided", sa.String(length=16), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=256), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_unmasks_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_unmasks")),
    )
    op.create_index(
        op.f("ix_incident_unmasks_decided_asked_at"),
        "incident_unmasks",
        ["decided", "asked_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_unmasks_incident_id_asked_by"),
        "incident_unmasks",
        ["incident_id", "asked_by"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_unmasks_incident_id_asked_by"), table_name="incident_unmasks")
    op.drop_index(op.f("ix_incident_unmasks_decided_asked_at"), table_name="incident_unmasks")
    op.drop_table("incident_unmasks")
    op.drop_index(op.f("ix_incident_evidence_at"), table_name="incident_evidence")
    op.drop_table("incident_evidence")
    op.drop_table("incident_tallies")
    op.drop_index(op.f("ix_incident_repeats_service_count"), table_name="incident_repeats")
    op.drop_index(op.f("ix_incident_repeats_rule_count"), table_name="incident_repeats")
    op.drop_index(op.f("ix_incident_repeats_last_at"), table_name="incident_repeats")
    op.drop_index(op.f("ix_incident_repeats_count_last_at"), table_name="incident_repeats")
    op.drop_table("incident_repeats")
    op.drop_table("incident_chores")
