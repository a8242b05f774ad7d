"""What is counted while incidents are stored? How many of each kind a day, and which values repeat.

Law: an incident is counted once, in the transaction that makes its row of work; counts name no person
and hold no value, so that they may outlive the incidents. A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base
from gateway.incidents.record import NAME_CHARS, PREVIEW_CHARS


class TallyRow(Base):
    """How many incidents of a day (UTC) there were of one `kind` and `name`; see `counts`."""

    __tablename__ = "incident_tallies"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class JudgedRow(Base):
    """How often incidents of a day (UTC) said of a rule that it was right, or wrong."""

    __tablename__ = "incident_judged"

    rule: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    resolution: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class RepeatRow(Base):
    """How often the same value was met by the same rule on the way to the same service."""

    __tablename__ = "incident_repeats"

    fingerprint: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    rule: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    service: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    entity: Mapped[str] = mapped_column(String(NAME_CHARS))
    preview: Mapped[str] = mapped_column(String(PREVIEW_CHARS))
    count: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "last_at"),
        Index(None, "count", "last_at"),
        Index(None, "rule", "count"),
        Index(None, "service", "count"),
    )


class ChoreRow(Base):
    """Which gateway keeps house, until when, and how far it is with incidents of older gateways."""

    __tablename__ = "incident_chores"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    held_until: Mapped[datetime]
    reached_at: Mapped[datetime]
