"""How does coaching lie in the database? Who was asked to think, how they got there, what they may send.

Law: nothing here was sent: names of ours, keyed digests, counts, and what a person wrote to give a
reason, in which nothing was found. Links are kept as digests, so that nobody who reads the database can
follow one.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base

NAME_CHARS = 128
PERSON_CHARS = 256
"""As incidents have them."""

TEXT_CHARS = 500
"""Longest words of their own that somebody may give as a reason."""

DIGEST_CHARS = 64

OPEN = text("state = 'open'")
"""Spelled out: a database uses a partial index only for the words that it was made with."""


def _name() -> String:
    return String(NAME_CHARS)


def _digest() -> String:
    return String(DIGEST_CHARS)


class CoachingRow(Base):
    """Somebody was asked to think: about what, and what they answered.

    `sender` and `same` are keyed digests: of the sender, and of all that was asked for. `found` counts
    entities, `marks` are those of the grants that an answer gives. `times` counts requests that were
    stopped; `expires_at` is when an answer comes too late. `rule` is the strictest that asked.
    """

    __tablename__ = "coachings"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
    last_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(PERSON_CHARS))
    source_ip: Mapped[str] = mapped_column(_name())
    sender: Mapped[str] = mapped_column(_digest())
    same: Mapped[str] = mapped_column(_digest())
    service: Mapped[str] = mapped_column(_name())
    host: Mapped[str] = mapped_column(String(PERSON_CHARS))
    rule: Mapped[str] = mapped_column(_name())
    lesson: Mapped[str] = mapped_column(_name())
    found: Mapped[dict[str, int]] = mapped_column(JSON)
    marks: Mapped[list[str]] = mapped_column(JSON)
    times: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    answered_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(_name())
    text: Mapped[str] = mapped_column(String(TEXT_CHARS))

    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "sender", "same"),
        Index(None, "state", "expires_at"),
        Index(None, "rule", "at"),
        # INVARIANT: nobody is asked the same twice at once, however many requests come together.
        Index(
            "ix_coachings_same_open", "same", unique=True, postgresql_where=OPEN, sqlite_where=OPEN
        ),
    )


class ConcernRow(Base):
    """One more rule that asked the same, less strict than that of the coaching; its own lesson."""

    __tablename__ = "coaching_concerns"

    coaching_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("coachings.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(_name(), index=True)
    lesson: Mapped[str] = mapped_column(_name())


class LinkRow(Base):
    """A link that was given out, as its digest, and in which incident."""

    __tablename__ = "coaching_links"

    link: Mapped[str] = mapped_column(_digest(), primary_key=True)
    coaching_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("coachings.id", ondelete="CASCADE"), index=True
    )
    incident_id: Mapped[str] = mapped_column(_name(), index=True)
    at: Mapped[datetime]


class GrantRow(Base):
    """Leave for one item: `mark` is a keyed digest of sender, rule, service and item."""

    __tablename__ = "coaching_grants"

    mark: Mapped[str] = mapped_column(_digest(), primary_key=True)
    coaching_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("coachings.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(index=True)
