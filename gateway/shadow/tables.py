"""How does shadow AI lie in the database? Sums by host and day, who was there, and why a host is listed.

Law: no column holds a path, a query or anything that was sent. Senders stand in clear as in incidents,
and go when they have not been there for long. A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base

HOST_CHARS = 253
SENDER_CHARS = 256
SIGN_CHARS = 64


class DayRow(Base):
    """What all had to do with one host on one day (UTC); sizes in bytes."""

    __tablename__ = "shadow_days"

    host: Mapped[str] = mapped_column(String(HOST_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    tunnels: Mapped[int] = mapped_column(BigInteger)
    requests: Mapped[int] = mapped_column(BigInteger)
    sent: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

    __table_args__ = (Index(None, "day"),)


class SenderRow(Base):
    """Somebody who had to do with a host, and on which day last.

    That is all that counting people takes: whoever was there in the last days was there last in them.
    A row for each of their days would be read on each look at the ranking.
    """

    __tablename__ = "shadow_senders"

    host: Mapped[str] = mapped_column(String(HOST_CHARS), primary_key=True)
    sender: Mapped[str] = mapped_column(String(SENDER_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date)

    __table_args__ = (Index(None, "day"),)


class SignRow(Base):
    """Why a host looks like an AI service: a closed word of `signs.yaml`."""

    __tablename__ = "shadow_signs"

    host: Mapped[str] = mapped_column(String(HOST_CHARS), primary_key=True)
    sign: Mapped[str] = mapped_column(String(SIGN_CHARS), primary_key=True)


class DismissedRow(Base):
    """A host of which somebody said that it is no AI service, or none that matters."""

    __tablename__ = "shadow_dismissed"

    host: Mapped[str] = mapped_column(String(HOST_CHARS), primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(SENDER_CHARS))
    reason: Mapped[str] = mapped_column(String(1000))
