"""Incidents tell the groups, the device and the API keys of their senders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0009"
down_revision = "v0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns without a default: no row is written anew.
    op.add_column("incidents", sa.Column("device", sa.String(length=256), nullable=True))
    op.add_column("incidents", sa.Column("scope", sa.String(length=32), nullable=True))
    op.add_column("incidents", sa.Column("api_keys", sa.String(length=512), nullable=True))
    op.create_table(
        "incident_scopes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_scopes")),
    )
    op.create_table(
        "incident_teams",
        sa.Column("incident_id", sa.String(length=128), nullable=False),
        sa.Column("team", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_incident_teams_incident_id_incidents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("incident_id", "team", name=op.f("pk_incident_teams")),
    )
    op.create_index(
        op.f("ix_incident_teams_team_at_incident_id"),
        "incident_teams",
        ["team", "at", "incident_id"],
    )
    op.create_index(op.f("ix_incident_teams_team_actor"), "incident_teams", ["team", "actor"])


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_teams_team_actor"), table_name="incident_teams")
    op.drop_index(op.f("ix_incident_teams_team_at_incident_id"), table_name="incident_teams")
    op.drop_table("incident_teams")
    op.drop_table("incident_scopes")
    op.drop_column("incidents", "api_keys")
    op.drop_column("incidents", "scope")
    op.drop_column("incidents", "device")
