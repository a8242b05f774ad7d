"""What is kept how long? Incidents by severity, evidence, the audit log; the rest goes, bit by bit.

Law: every step is a small transaction that waits for nobody, so that nothing else waits for it, and
takes as many rows as the last one says go in a tenth of a second; of all gateways of one database one
keeps house at a time; what was purged is noted in the audit log.
"""

from __future__ import annotations

import time
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

BATCH = 1000
"""Most rows of one step; with an incident go some twenty rows of other tables."""

FIRST = 50
"""Rows of a first step, before it is known how long a row takes."""

STEP_SECONDS = 0.1
"""What a step should take: others feel long ones."""

LOOKED_AT = 20
"""Incidents that are looked at for each that is taken in: almost none lacks its row of work."""

ADOPT_SECONDS = 30.0
"""How often it is looked for incidents of older gateways while there is something else to do."""

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


class Pace:
    """How many rows the next step takes, from how long the last one took."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = min(FIRST, most)

    def took(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long. Less follows at once, more bit by bit."""
        if rows and (seconds > STEP_SECONDS or rows >= self.rows):
            fits = int(min(rows, self.rows) * STEP_SECONDS / max(seconds, 1e-3))
            self.rows = max(1, min(fits, 2 * self.rows, self._most))


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
        timer: Callable[[], float] = time.monotonic,
        batch: int = BATCH,
    ) -> None:
        self._engine = engine
        self._clock = clock or (lambda: datetime.now(UTC))
        self._timer = timer
        self._steps: dict[str, Callable[[int], int]] = {
            "incidents": self._purge_incidents,
            "evidence": self._purge_evidence,
            "repeats": self._purge_repeats,
            "coachings": self._purge_coachings,
            "audit entries": self._purge_audit,
            **(further or {}),
        }
        self._paces = {kind: Pace(batch) for kind in self._steps}
        self._adopting = Pace(batch)
        self._looking_since = self._clock()
        self._looked_to: tuple[datetime, str] | None = None
        self._adopt_at: float | None = None
        self._store = Store(engine)
        self._audit = audit
        self._retention = retention
        self._me = me
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
        if self._adopt_at is None or self._timer() >= self._adopt_at:
            if done := self._timed(self._adopting, self._adopt):
                return done
            self._adopt_at = self._timer() + ADOPT_SECONDS
        for kind, act in self._steps.items():
            if done := self._timed(self._paces[kind], act):
                self._gone[kind] += done
                return done
        self._adopt_at = None
        if self._gone:
            detail = {kind: str(many) for kind, many in self._gone.items()}
            self._audit.note(WHO, "retention.purged", detail=detail)
            self._gone.clear()
        return 0

    def _timed(self, pace: Pace, act: Callable[[int], int]) -> int:
        started = self._timer()
        done = act(pace.rows)
        pace.took(done, self._timer() - started)
        return done

    def _adopt(self, most: int) -> int:
        """Take in incidents that an older gateway has stored: they have no row of work yet.

        How many, or how many were looked at when that was not the end; 0 only at the end.
        """
        if self._looked_to is None:
            self._looking_since = self._clock()
        now = self._looking_since
        page = most * LOOKED_AT
        with self._engine.begin() as connection:
            # Also the lock: who else keeps house by mistake waits here.
            reached = connection.execute(
                update(ChoreRow)
                .where(ChoreRow.name == HOUSE)
                .values(holder=ChoreRow.holder)
                .returning(ChoreRow.reached_at)
            ).scalar_one()
            # INVARIANT: read in pieces in the order of an index: a database of a million incidents that
            # all have their row is not walked in one statement.
            found = connection.execute(
                select(
                    IncidentRow.id,
                    IncidentRow.stored_at,
                    exists().where(WorkRow.incident_id == IncidentRow.id).label("known"),
                )
                .where(
                    IncidentRow.stored_at >= reached - OVERLAP
                    if self._looked_to is None
                    else tuple_(IncidentRow.stored_at, IncidentRow.id) > tuple_(*self._looked_to)
                )
                .order_by(IncidentRow.stored_at, IncidentRow.id)
                .limit(page)
            ).all()
            missing = [row for row in found if not row.known]
            done = adopt(connection, [row.id for row in missing[:most]])
            ended = len(missing) <= most and len(found) < page
            last = None if ended else missing[most - 1] if len(missing) > most else found[-1]
            until = now if last is None else last.stored_at
            connection.execute(
                update(ChoreRow)
                .where(ChoreRow.name == HOUSE)
                .values(reached_at=max(reached, min(until, now)))
            )
        # Once it is on record: after an error the same piece is looked at again.
        self._looked_to = None if last is None else (last.stored_at, last.id)
        return done if ended or done else len(found)

    def _purge_incidents(self, most: int) -> int:
        for severity, kept in self._retention.incidents.items():
            before = self._clock() - kept
            if gone := self._store.purge(before, severity=severity, limit=most):
                return gone
        return 0

    def _purge_evidence(self, most: int) -> int:
        if self._retention.evidence is None:
            return 0
        key = tuple_(EvidenceRow.incident_id, EvidenceRow.position)
        oldest = (
            select(EvidenceRow.incident_id, EvidenceRow.position)
            .where(EvidenceRow.at < self._clock() - self._retention.evidence)
            .order_by(EvidenceRow.at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            return connection.execute(
                delete(EvidenceRow)
                .where(key.in_(oldest))
                .execution_options(synchronize_session=False)
            ).rowcount

    def _purge_repeats(self, most: int) -> int:
        kept = self._retention.repeats
        if kept is None:
            return 0
        key = tuple_(RepeatRow.fingerprint, RepeatRow.rule, RepeatRow.service)
        oldest = (
            select(RepeatRow.fingerprint, RepeatRow.rule, RepeatRow.service)
            .where(RepeatRow.last_at < self._clock() - kept)
            .order_by(RepeatRow.last_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            return connection.execute(
                delete(RepeatRow)
                .where(key.in_(oldest))
                .execution_options(synchronize_session=False)
            ).rowcount

    def _purge_coachings(self, most: int) -> int:
        kept, now = self._retention.coachings, self._clock()
        return 0 if kept is None else purge(self._engine, now - kept, now=now, limit=most)

    def _purge_audit(self, most: int) -> int:
        if self._retention.audit is None:
            return 0
        return self._audit.purge(self._clock() - self._retention.audit, limit=most)


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
