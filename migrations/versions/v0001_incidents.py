"""Incidents, their rules, findings, fingerprints and unread places."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("exchange", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("source_ip", sa.String(length=128), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("category", sa.String(length=128), nullable=False),
        sa.Column("operation", sa.String(length=128), nullable=False),
        sa.Column("act", sa.String(length=128), nullable=False),
        sa.Column("host", sa.String(length=256), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("monitored", sa.String(length=16), nullable=False),
        sa.Column("enforcement", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=128), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("policy_revision", sa.String(length=128), nullable=False),
        sa.Column("detector_revision", sa.String(length=128), nullable=False),
        sa.Column("inspected", sa.BigInteger(), nullable=False),
        sa.Column("findings_total", sa.Integer(), nullable=False),
        sa.Column("unread_total", sa.Integer(), nullable=False),
        sa.Column("omitted", sa.Integer(), nullable=False),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_actor_at"), "incidents", ["actor", "at"], unique=False)
    op.create_index(op.f("ix_incidents_at_id"), "incidents", ["at", "id"], unique=False)
    op.create_index(op.f("ix_incidents_service_at"), "incidents", ["service", "at"], unique=False)
    op.create_index(op.f("ix_incidents_severity_at"), "incidents", ["severity", "at"], unique=False)
    op.create_index(
        op.f("ix_incidents_source_ip_at"), "incidents", ["source_ip", "at"], unique=False
    )
    op.create_table(
        "incident_findings",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("detector", sa.String(length=128), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("distinct", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("preview", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_findings_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "position", name=op.f("pk_incident_findings")),
    )
    op.create_index(
        op.f("ix_incident_findings_entity_incident_id"),
        "incident_findings",
        ["entity", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_rules",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_rules_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "position", name=op.f("pk_incident_rules")),
    )
    op.create_index(
        op.f("ix_incident_rules_rule_incident_id"),
        "incident_rules",
        ["rule", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_unread",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_unread_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "position", name=op.f("pk_incident_unread")),
    )
    op.create_index(
        op.f("ix_incident_unread_reason_incident_id"),
        "incident_unread",
        ["reason", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_fingerprints",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("finding", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id", "finding"],
            ["incident_findings.incident_id", "incident_findings.position"],
            name=op.f("fk_incident_fingerprints_incident_id_finding_incident_findings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "incident_id", "finding", "position", name=op.f("pk_incident_fingerprints")
        ),
    )
    op.create_index(
        op.f("ix_incident_fingerprints_fingerprint_incident_id"),
        "incident_fingerprints",
        ["fingerprint", "incident_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("incident_fingerprints")
    op.drop_table("incident_unread")
    op.drop_table("incident_rules")
    op.drop_table("incident_findings")
    op.drop_table("incidents")
