"""What nobody has closed is counted from an index."""

from __future__ import annotations

from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_incident_work_status_severity"),
        "incident_work",
        ["status", "severity"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_work_status_severity"), table_name="incident_work")
