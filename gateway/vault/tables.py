"""How do tokens lie in the vault? One row per actor and token, and nothing of it in clear text.

Law: no column holds a value, a token or an actor. What stands for actor and token are keyed digests,
what stands for the value is sealed (`keys`). A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base
from gateway.vault.keys import DIGEST_BYTES, ID_CHARS


class TokenRow(Base):
    """What one token stands for, to one actor. `key` is the id of the key that sealed it."""

    __tablename__ = "vault_tokens"

    actor: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), primary_key=True)
    token: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key: Mapped[str] = mapped_column(String(ID_CHARS))
    created: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "expires_at"),  # to purge
        Index(None, "actor", "expires_at"),  # to tell with which key an actor's newest row goes
        # In SQLite the rows themselves lie by actor and token, so that those of one actor are read
        # together; in PostgreSQL the index alone does.
        {"sqlite_with_rowid": False},
    )
