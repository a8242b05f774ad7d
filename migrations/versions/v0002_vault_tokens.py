"""What tokens stand for, sealed, per actor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_tokens",
        sa.Column("actor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "token", name=op.f("pk_vault_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_vault_tokens_actor_expires_at"),
        "vault_tokens",
        ["actor", "expires_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_vault_tokens_expires_at"), "vault_tokens", ["expires_at"], unique=False
    )


def downgrade() -> None:
    op.drop_table("vault_tokens")
