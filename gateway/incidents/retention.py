"""What is kept how long? Incidents by severity, evidence, the audit log; the rest goes, bit by bit.

Law: every step is a small transaction that waits for nobody, so that nothing else waits for it; of
all gateways of one database one keeps house at a time; what was purged is noted in the audit log.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Engine, delete, exists, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.log import Log
from gateway.coaching.store import purge
from gateway.incidents.count_tables import ChoreRow, RepeatRow
from gateway.incidents.store import Store, adopt
from gateway.incidents.tables import EvidenceRow, IncidentRow
from gateway.incidents.work_tables import WorkRow
from gateway.model import Severity

BATCH = 500
"""Most rows of one step; with an incident go some twenty rows of other tables."""

LEASE = timedelta(seconds=90)
"""How long a gateway that died keeps others from keeping house."""

OVERLAP = timedelta(minutes=10)
"""An older gateway may store an incident with a time that is so long ago."""

HOUSE = "house"
WHO = "leakgate"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long is kept what; what is left out is kept for ever.

    The time of an incident is that of its severity, as the team sees it. What repeats is forgotten
    when no incident could tell of it any more.
    """

    incidents: Mapping[Severity, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    evidence: timedelta | None = None
    audit: timedelta | None = None
    coachings: timedelta | None = None

    @property
    def repeats(self) -> timedelta | None:
        """How long repeats are kept; None when some incidents are kept for ever."""
        if set(self.incidents) != set(Severity):
            return None
        return max(self.incidents.values())


class House:
    """What one gateway, named by `me`, does to keep the database in order. Methods raise SQLAlchemy's
    errors and `AuditError`. `further` purges what is not of incidents: so many rows at most, and it
    tells how many it were.
    """

    def __init__(
        self,
        engine: Engine,
        audit: Log,
        retention: Retention,
        *,
        me: str,
        further: Mapping[str, Callable[[int], int]] | None = None,
        clock: Callable[[], datetime] | None = None,
        batch: int = BATCH,
    ) -> None:
        self._engine = engine
        self._further = further or {}
        self._store = Store(engine)
        self._audit = audit
        self._retention = retention
        self._me = me
        self._clock = clock or (lambda: datetime.now(UTC))
        self._batch = batch
        self._gone: Counter[str] = Counter()

    # --- who -------------------------------------------------------------------------------------

    def hold(self) -> bool:
        """Become or stay the one that keeps house; False when another gateway does."""
        now = self._clock()
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        first = dialect.insert(ChoreRow).values(
            name=HOUSE, holder=self._me, held_until=now + LEASE, reached_at=_LONG_AGO
        )
        mine = (ChoreRow.holder == self._me) | (ChoreRow.held_until <= now)
        taken = first.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": self._me, "held_until": now + LEASE},
            where=mine,
        )
        with self._engine.begin() as connection:
            return connection.execute(taken.returning(ChoreRow.name)).one_or_none() is not None

    def release(self) -> None:
        """Let another gateway keep house at once."""
        with self._engine.begin() as connection:
            connection.execute(
                update(ChoreRow)
                .where(ChoreRow.name == HOUSE, ChoreRow.holder == self._me)
                .values(holder="", held_until=self._clock())
            )

    # --- what ------------------------------------------------------------------------------------

    def step(self) -> int:
        """One small piece of what there is to do, and how many rows it was about; 0 when all is done.

        When all is done, what was purged since is noted in the audit log.
        """
        steps: dict[str, Callable[[], int]] = {
            "adopted": self._adopt,
            "incidents": self._purge_incidents,
            "evidence": self._purge_evidence,
            "repeats": self._purge_repeats,
            "coachings": self._purge_coachings,
            "audit entries": self._purge_audit,
        }
        steps |= {
            kind: functools.partial(purge, self._batch) for kind, purge in self._further.items()
        }
        for kind, act in steps.items():
            if done := act():
                if kind != "adopted":
                    self._gone[kind] += done
                return done
        if self._gone:
            detail = {kind: str(many) for kind, many in self._gone.items()}
            self._audit.note(WHO, "retention.purged", detail=detail)
            self._gone.clear()
        return 0

    def _adopt(self) -> int:
        """Take in incidents that an older gateway has stored: they have no row of work yet."""
        now = self._clock()
        with self._engine.begin() as connection:
            # Also the lock: who else keeps house by mistake waits here.
            reached = connection.execute(
                update(ChoreRow)
                .where(ChoreRow.name == HOUSE)
                .values(holder=ChoreRow.holder)
                .returning(ChoreRow.reached_at)
            ).scalar_one()
            found = connection.execute(
                select(IncidentRow.id, IncidentRow.stored_at)
                .where(
                    IncidentRow.stored_at >= reached - OVERLAP,
                    ~exists().where(WorkRow.incident_id == IncidentRow.id),
                )
                .order_by(IncidentRow.stored_at, IncidentRow.id)
                .limit(self._batch)
            ).all()
            done = adopt(connection, [row.id for row in found])
            last = found[-1].stored_at if len(found) == self._batch else now
            connection.execute(
                update(ChoreRow)
                .where(ChoreRow.name == HOUSE)
                .values(reached_at=max(reached, min(last, now)))
            )
        return done

    def _purge_incidents(self) -> int:
        for severity, kept in self._retention.incidents.items():
            before = self._clock() - kept
            if gone := self._store.purge(before, severity=severity, limit=self._batch):
                return gone
        return 0

    def _purge_evidence(self) -> int:
        if self._retention.evidence is None:
            return 0
        key = tuple_(EvidenceRow.incident_id, EvidenceRow.position)
        oldest = (
            select(EvidenceRow.incident_id, EvidenceRow.position)
            .where(EvidenceRow.at < self._clock() - self._retention.evidence)
            .order_by(EvidenceRow.at)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            return connection.execute(
                delete(EvidenceRow)
                .where(key.in_(oldest))
                .execution_options(synchronize_session=False)
            ).rowcount

    def _purge_repeats(self) -> int:
        kept = self._retention.repeats
        if kept is None:
            return 0
        key = tuple_(RepeatRow.fingerprint, RepeatRow.rule, RepeatRow.service)
        oldest = (
            select(RepeatRow.fingerprint, RepeatRow.rule, RepeatRow.service)
            .where(RepeatRow.last_at < self._clock() - kept)
            .order_by(RepeatRow.last_at)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            return connection.execute(
                delete(RepeatRow)
                .where(key.in_(oldest))
                .execution_options(synchronize_session=False)
            ).rowcount

    def _purge_coachings(self) -> int:
        kept, now = self._retention.coachings, self._clock()
        return 0 if kept is None else purge(self._engine, now - kept, now=now, limit=self._batch)

    def _purge_audit(self) -> int:
        if self._retention.audit is None:
            return 0
        return self._audit.purge(self._clock() - self._retention.audit, limit=self._batch)


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
