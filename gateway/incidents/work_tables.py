"""How does the work on incidents lie in the database? In tables of its own, which point at incidents.

Law: what was recorded never changes; what people add to it goes with the incident. Who changed what
when is in the audit log. A change here needs a migration beside it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.audit.chain import REASON_CHARS, WHO_CHARS
from gateway.database.tables import Base
from gateway.incidents.record import NAME_CHARS

LABEL_CHARS = 64
NOTE_CHARS = 4000


def _key() -> Mapped[str]:
    return mapped_column(
        String(NAME_CHARS), ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True
    )


class WorkRow(Base):
    """How far the work on an incident is. Every incident has one, made when it is stored.

    `severity` is the one that counts: what was recorded, or what somebody set. `at` is the
    incident's, here for the indexes. `resolution` is empty unless `status` is `closed`. `version`
    grows with every change.
    """

    __tablename__ = "incident_work"

    incident_id: Mapped[str] = _key()
    at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(16))
    severity: Mapped[int] = mapped_column(SmallInteger)
    assignee: Mapped[str] = mapped_column(String(WHO_CHARS))
    resolution: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(WHO_CHARS))

    __table_args__ = (
        Index(None, "status", "at", "incident_id"),
        Index(None, "status", "severity"),  # to count what nobody has closed
        Index(None, "severity", "at", "incident_id"),
        Index(None, "assignee", "at", "incident_id"),
        Index(None, "resolution", "at", "incident_id"),
    )


class LabelRow(Base):
    """A word that somebody put on an incident."""

    __tablename__ = "incident_labels"

    incident_id: Mapped[str] = _key()
    label: Mapped[str] = mapped_column(String(LABEL_CHARS), primary_key=True)

    __table_args__ = (Index(None, "label", "incident_id"),)


class NoteRow(Base):
    """What somebody wrote about an incident. Notes are numbered from 1 and never change."""

    __tablename__ = "incident_notes"

    incident_id: Mapped[str] = _key()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(WHO_CHARS))
    text: Mapped[str] = mapped_column(String(NOTE_CHARS))


class JudgementRow(Base):
    """What a closed incident says of a rule that had fired: whether it was right."""

    __tablename__ = "incident_judgements"

    incident_id: Mapped[str] = _key()
    rule: Mapped[str] = mapped_column(String(NAME_CHARS), primary_key=True)
    resolution: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "rule", "at", "resolution"), Index(None, "at", "rule"))


class UnmaskRow(Base):
    """Somebody asks to see whom an incident is about. `decided` is empty, `granted` or `denied`.

    Neither the name nor anything that stands for it is in here.
    """

    __tablename__ = "incident_unmasks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    incident_id: Mapped[str] = mapped_column(
        String(NAME_CHARS), ForeignKey("incidents.id", ondelete="CASCADE")
    )
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(WHO_CHARS))
    reason: Mapped[str] = mapped_column(String(REASON_CHARS))
    decided: Mapped[str] = mapped_column(String(16))
    decided_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(String(WHO_CHARS))
    valid_until: Mapped[datetime]

    __table_args__ = (Index(None, "incident_id", "asked_by"), Index(None, "decided", "asked_at"))
