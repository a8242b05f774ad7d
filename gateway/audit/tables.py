"""How does the audit log lie in the database? One row per entry, and one that says where it ends.

Law: rows are only added at the end and purged at the beginning; see `chain` for what a seal covers.
A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.audit.chain import (
    ACTION_CHARS,
    DETAIL_CHARS,
    REASON_CHARS,
    SEAL_BYTES,
    TARGET_CHARS,
    WHO_CHARS,
)
from gateway.database.tables import Base


class AuditRow(Base):
    """One entry."""

    __tablename__ = "audit_log"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(WHO_CHARS))
    action: Mapped[str] = mapped_column(String(ACTION_CHARS))
    target: Mapped[str] = mapped_column(String(TARGET_CHARS))
    reason: Mapped[str] = mapped_column(String(REASON_CHARS))
    detail: Mapped[str] = mapped_column(String(DETAIL_CHARS))
    before: Mapped[bytes] = mapped_column(LargeBinary(SEAL_BYTES))
    seal: Mapped[bytes] = mapped_column(LargeBinary(SEAL_BYTES))

    __table_args__ = (
        Index(None, "target", "seq"),
        Index(None, "who", "seq"),
        Index(None, "action", "seq"),
        Index(None, "at"),
    )


class HeadRow(Base):
    """The end of the log, and the last entry that was purged (`floor`). There is one row, 1."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    seal: Mapped[bytes] = mapped_column(LargeBinary(SEAL_BYTES))
    floor_seq: Mapped[int] = mapped_column(BigInteger)
    floor_seal: Mapped[bytes] = mapped_column(LargeBinary(SEAL_BYTES))
    key: Mapped[str] = mapped_column(String(16))
    head_seal: Mapped[bytes] = mapped_column(LargeBinary(SEAL_BYTES))
