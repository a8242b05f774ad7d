"""How do accounts, sessions and API keys lie in the database? Without anything that opens a door.

Law: no column holds a password, a session or a key: passwords are hashed slowly, what is random is
kept as its SHA-256. A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base

ACCOUNT_CHARS = 256
DIGEST_BYTES = 32
ROLES_CHARS = 128


def _account() -> ForeignKey:
    return ForeignKey("console_accounts.name", ondelete="CASCADE")


class AccountRow(Base):
    """Somebody who may sign in. `roles` are words with a space between; of a provider's, its last."""

    __tablename__ = "console_accounts"

    name: Mapped[str] = mapped_column(String(ACCOUNT_CHARS), primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(ACCOUNT_CHARS))
    roles: Mapped[str] = mapped_column(String(ROLES_CHARS))
    password: Mapped[str] = mapped_column(String(256))
    must_change: Mapped[bool] = mapped_column(Boolean)
    password_ends: Mapped[datetime | None]
    disabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class SessionRow(Base):
    """A browser in which somebody is signed in."""

    __tablename__ = "console_sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), primary_key=True)
    account: Mapped[str] = mapped_column(String(ACCOUNT_CHARS), _account())
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    __table_args__ = (Index(None, "account"), Index(None, "created_at"))


class KeyRow(Base):
    """A key of the API: it acts for its account, in one role."""

    __tablename__ = "console_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), unique=True)
    account: Mapped[str] = mapped_column(String(ACCOUNT_CHARS), _account())
    title: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "account"),)


class LoginRow(Base):
    """Somebody whom we sent to the provider and who has not come back yet."""

    __tablename__ = "console_logins"

    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_BYTES), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "created_at"),)
