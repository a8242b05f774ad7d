"""How do incidents lie in the database? As typed tables that a console can filter and join.

Law: the tables hold what `record` holds and nothing more; every child row belongs to an incident
and goes with it. Times are UTC. A change here needs a migration beside it; `check` compares them.

Work on incidents (status, assignee, labels) will be tables of its own that point here, so that
what was recorded never changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from gateway.incidents.record import NAME_CHARS, PATH_CHARS, PERSON_CHARS, PREVIEW_CHARS

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints and indexes, fixed so that migrations can change them by name."""


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which knows no zones, stores it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC. A time without a zone is a mistake, not local time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # signature of the base class
        """From the database: UTC, with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of this database."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {datetime: UtcTime()}


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

    rules: Mapped[list[RuleRow]] = relationship(order_by="RuleRow.position", viewonly=True)
    findings: Mapped[list[FindingRow]] = relationship(order_by="FindingRow.position", viewonly=True)
    unread: Mapped[list[UnreadRow]] = relationship(order_by="UnreadRow.position", viewonly=True)

    __table_args__ = (
        # A console lists newest first; `id` makes the order total, so that pages neither skip
        # nor repeat.
        Index(None, "at", "id"),
        Index(None, "actor", "at"),
        Index(None, "service", "at"),
        Index(None, "severity", "at"),
        Index(None, "source_ip", "at"),
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

    fingerprints: Mapped[list[FingerprintRow]] = relationship(
        order_by="FingerprintRow.position", viewonly=True
    )

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
