"""How do incidents lie in the database? As typed tables that a console can filter and join.

Law: the tables hold what `record` holds and nothing more; every child row belongs to an incident
and goes with it. Times are UTC. A change here needs a migration beside it; `check` compares them.

Work on incidents (status, assignee, labels) is in tables of its own that point here (`work_tables`),
so that what was recorded never changes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.database.tables import Base
from gateway.incidents.record import NAME_CHARS, PATH_CHARS, PERSON_CHARS, PREVIEW_CHARS

SCOPE_CHARS = 32
KEYS_CHARS = 512


def _name() -> String:
    return String(NAME_CHARS)


class IncidentRow(Base):
    """One incident. `severity` is stored as its number, so that `at least` can be asked."""

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(_name(), primary_key=True)
    exchange: Mapped[str] = mapped_column(_name())
    at: Mapped[datetime]
    stored_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(PERSON_CHARS))
    source_ip: Mapped[str] = mapped_column(_name())
    service: Mapped[str] = mapped_column(_name())
    category: Mapped[str] = mapped_column(_name())
    operation: Mapped[str] = mapped_column(_name())
    act: Mapped[str] = mapped_column(_name())
    host: Mapped[str] = mapped_column(String(PERSON_CHARS))
    method: Mapped[str] = mapped_column(String(32))
    verdict: Mapped[str] = mapped_column(String(16))
    monitored: Mapped[str] = mapped_column(String(16))
    enforcement: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(_name())
    severity: Mapped[int] = mapped_column(SmallInteger)
    policy_revision: Mapped[str] = mapped_column(_name())
    detector_revision: Mapped[str] = mapped_column(_name())
    inspected: Mapped[int] = mapped_column(BigInteger)
    findings_total: Mapped[int] = mapped_column(Integer)
    unread_total: Mapped[int] = mapped_column(Integer)
    omitted: Mapped[int] = mapped_column(Integer)
    timings: Mapped[dict[str, float]] = mapped_column(JSON)
    # What was known of the sender; NULL in incidents of earlier versions. `scope` is empty when their
    # groups were not known, `api_keys` are fingerprints with a space between.
    device: Mapped[str | None] = mapped_column(String(PERSON_CHARS))
    scope: Mapped[str | None] = mapped_column(String(SCOPE_CHARS))
    api_keys: Mapped[str | None] = mapped_column(String(KEYS_CHARS))

    __table_args__ = (
        # A console lists newest first; `id` makes the order total, so that pages neither skip
        # nor repeat.
        Index(None, "at", "id"),
        # When an incident was, without reading it: for those that a rule, an entity or a label names.
        Index(None, "id", "at"),
        # Also counts who caused how many, and how many of them were stopped.
        Index(None, "actor", "at", "enforcement"),
        Index(None, "service", "at"),
        Index(None, "severity", "at"),
        Index(None, "source_ip", "at"),
        # Exports read in the order of storing.
        Index(None, "stored_at", "id"),
    )


def _incident() -> ForeignKey:
    return ForeignKey("incidents.id", ondelete="CASCADE")


class RuleRow(Base):
    """One rule that an incident fired."""

    __tablename__ = "incident_rules"

    incident_id: Mapped[str] = mapped_column(_name(), _incident(), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(_name())
    mode: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(16))
    severity: Mapped[int] = mapped_column(SmallInteger)
    justified: Mapped[bool] = mapped_column(Boolean, server_default=false())

    __table_args__ = (Index(None, "rule", "incident_id"),)


class FindingRow(Base):
    """One group of findings: an entity by a detector in a place."""

    __tablename__ = "incident_findings"

    incident_id: Mapped[str] = mapped_column(_name(), _incident(), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entity: Mapped[str] = mapped_column(_name())
    path: Mapped[str] = mapped_column(String(PATH_CHARS))
    role: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32))
    detector: Mapped[str] = mapped_column(_name())
    count: Mapped[int] = mapped_column(Integer)
    distinct: Mapped[int] = mapped_column(Integer)
    confidence: Mapped[float] = mapped_column(Double)
    preview: Mapped[str] = mapped_column(String(PREVIEW_CHARS))

    __table_args__ = (Index(None, "entity", "incident_id"),)


class FingerprintRow(Base):
    """One keyed fingerprint of a finding group: the same value elsewhere has the same one."""

    __tablename__ = "incident_fingerprints"

    incident_id: Mapped[str] = mapped_column(_name(), primary_key=True)
    finding: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(_name())

    __table_args__ = (
        ForeignKeyConstraint(
            ["incident_id", "finding"],
            ["incident_findings.incident_id", "incident_findings.position"],
            ondelete="CASCADE",
        ),
        Index(None, "fingerprint", "incident_id"),
    )


class UnreadRow(Base):
    """One place of an incident that was not inspected."""

    __tablename__ = "incident_unread"

    incident_id: Mapped[str] = mapped_column(_name(), _incident(), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(String(PATH_CHARS))
    reason: Mapped[str] = mapped_column(String(32))
    size: Mapped[int] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(_name())

    __table_args__ = (Index(None, "reason", "incident_id"),)


class TeamRow(Base):
    """One group that the sender of an incident was in; with the person, so that a group's are counted."""

    __tablename__ = "incident_teams"

    incident_id: Mapped[str] = mapped_column(_name(), _incident(), primary_key=True)
    team: Mapped[str] = mapped_column(_name(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(PERSON_CHARS))

    # The list of a team is read from the first, newest first; its people are counted from the second.
    __table_args__ = (Index(None, "team", "at", "incident_id"), Index(None, "team", "actor"))


class ScopeRow(Base):
    """Which groups were asked for when incidents with this `scope` were recorded: patterns, in order."""

    __tablename__ = "incident_scopes"

    id: Mapped[str] = mapped_column(String(SCOPE_CHARS), primary_key=True)
    asked: Mapped[list[str]] = mapped_column(JSON)


class EvidenceRow(Base):
    """A piece of what was sent, sealed to the team's key: nobody can open it here."""

    __tablename__ = "incident_evidence"

    incident_id: Mapped[str] = mapped_column(_name(), _incident(), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index(None, "at"),)
