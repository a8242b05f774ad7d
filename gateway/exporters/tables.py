"""What does the database remember about exports? How far each one is, and what is near that place.

Law: no incident and nothing of one stands here but its id. A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base
from gateway.incidents.record import NAME_CHARS


class CursorRow(Base):
    """One export. Everything stored before `reached_at` less the overlap was told, or is before `started_at`.

    Whoever stands in `holder` tells it, until `held_until`. A digest up to `sending_until` was begun to be
    sent, and may be with its receiver, while that is later than `reached_at`.
    """

    __tablename__ = "export_cursors"

    export: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime]
    reached_at: Mapped[datetime]
    holder: Mapped[str] = mapped_column(String(64))
    held_until: Mapped[datetime]
    sending_until: Mapped[datetime | None]


class ToldRow(Base):
    """One incident that an export was told, kept for as long as the overlap would find it again."""

    __tablename__ = "export_told"

    export: Mapped[str] = mapped_column(String(32), primary_key=True)
    incident: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    stored_at: Mapped[datetime]

    __table_args__ = (Index(None, "export", "stored_at"),)
