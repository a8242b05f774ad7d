"""Nobody is asked the same twice at once; several rules ask together; what was let by is taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0013"
down_revision = "v0012"
branch_labels = None
depends_on = None

_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.add_column("coachings", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    # Of questions that were asked twice at once the last stays open; links to others say that they ran out.
    op.execute(
        "UPDATE coachings SET state = 'expired' WHERE state = 'open' AND EXISTS ("
        "SELECT 1 FROM coachings AS later WHERE later.same = coachings.same AND later.state = 'open'"
        " AND (later.at > coachings.at OR (later.at = coachings.at AND later.id > coachings.id)))"
    )
    op.create_index(
        op.f("ix_coachings_same_open"),
        "coachings",
        ["same"],
        unique=True,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_table(
        "coaching_concerns",
        sa.Column("coaching_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("lesson", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["coaching_id"],
            ["coachings.id"],
            name=op.f("fk_coaching_concerns_coaching_id_coachings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("coaching_id", "place", name=op.f("pk_coaching_concerns")),
    )
    op.create_index(op.f("ix_coaching_concerns_rule"), "coaching_concerns", ["rule"])


def downgrade() -> None:
    op.drop_index(op.f("ix_coaching_concerns_rule"), table_name="coaching_concerns")
    op.drop_table("coaching_concerns")
    op.drop_index(op.f("ix_coachings_same_open"), table_name="coachings")
    op.drop_column("coachings", "withdrawn_at")
