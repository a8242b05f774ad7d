"""Judgements are counted by day, and indexes answer when an incident was and who caused how many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0011"
down_revision = "v0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    judged = op.create_table(
        "incident_judged",
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("resolution", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "day", "resolution", name=op.f("pk_incident_judged")),
    )
    made = sa.table("incident_judgements", *map(sa.column, ("rule", "at", "resolution")))
    # Millions take longer than a statement may otherwise.
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute("SET LOCAL statement_timeout = 0")
    day = (
        sa.cast(sa.func.timezone("UTC", made.c.at), sa.Date)
        if postgresql
        else sa.func.date(made.c.at)
    )
    op.execute(
        judged.insert().from_select(
            ["rule", "day", "resolution", "count"],
            sa.select(made.c.rule, day, made.c.resolution, sa.func.count()).group_by(
                made.c.rule, day, made.c.resolution
            ),
        )
    )
    op.create_index(op.f("ix_incidents_id_at"), "incidents", ["id", "at"], unique=False)
    op.create_index(
        op.f("ix_incidents_actor_at_enforcement"),
        "incidents",
        ["actor", "at", "enforcement"],
        unique=False,
    )
    op.drop_index(op.f("ix_incidents_actor_at"), table_name="incidents")


def downgrade() -> None:
    op.create_index(op.f("ix_incidents_actor_at"), "incidents", ["actor", "at"], unique=False)
    op.drop_index(op.f("ix_incidents_actor_at_enforcement"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_id_at"), table_name="incidents")
    op.drop_table("incident_judged")
