"""Work on incidents, and the audit log of who did it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("floor_seq", sa.BigInteger(), nullable=False),
        sa.Column("floor_seal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("head_seal", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("detail", sa.String(length=4000), nullable=False),
        sa.Column("before", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_action_seq"), "audit_log", ["action", "seq"], unique=False)
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"], unique=False)
    op.create_index(op.f("ix_audit_log_target_seq"), "audit_log", ["target", "seq"], unique=False)
    op.create_index(op.f("ix_audit_log_who_seq"), "audit_log", ["who", "seq"], unique=False)
    op.create_table(
        "incident_judgements",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("resolution", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_judgements_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "rule", name=op.f("pk_incident_judgements")),
    )
    op.create_index(
        op.f("ix_incident_judgements_at_rule"), "incident_judgements", ["at", "rule"], unique=False
    )
    op.create_index(
        op.f("ix_incident_judgements_rule_at_resolution"),
        "incident_judgements",
        ["rule", "at", "resolution"],
        unique=False,
    )
    op.create_table(
        "incident_labels",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_labels_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "label", name=op.f("pk_incident_labels")),
    )
    op.create_index(
        op.f("ix_incident_labels_label_incident_id"),
        "incident_labels",
        ["label", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_notes",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=256), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_notes_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_incident_notes")),
    )
    op.create_table(
        "incident_work",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("assignee", sa.String(length=256), nullable=False),
        sa.Column("resolution", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_work_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident_work")),
    )
    op.create_index(
        op.f("ix_incident_work_assignee_at_incident_id"),
        "incident_work",
        ["assignee", "at", "incident_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_work_resolution_at_incident_id"),
        "incident_work",
        ["resolution", "at", "incident_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_work_severity_at_incident_id"),
        "incident_work",
        ["severity", "at", "incident_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_work_status_at_incident_id"),
        "incident_work",
        ["status", "at", "incident_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_work_status_at_incident_id"), table_name="incident_work")
    op.drop_index(op.f("ix_incident_work_severity_at_incident_id"), table_name="incident_work")
    op.drop_index(op.f("ix_incident_work_resolution_at_incident_id"), table_name="incident_work")
    op.drop_index(op.f("ix_incident_work_assignee_at_incident_id"), table_name="incident_work")
    op.drop_table("incident_work")
    op.drop_table("incident_notes")
    op.drop_index(op.f("ix_incident_labels_label_incident_id"), table_name="incident_labels")
    op.drop_table("incident_labels")
    op.drop_index(
        op.f("ix_incident_judgements_rule_at_resolution"), table_name="incident_judgements"
    )
    op.drop_index(op.f("ix_incident_judgements_at_rule"), table_name="incident_judgements")
    op.drop_table("incident_judgements")
    op.drop_index(op.f("ix_audit_log_who_seq"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_target_seq"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_at"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_action_seq"), table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_table("audit_head")
