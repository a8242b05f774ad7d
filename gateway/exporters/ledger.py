"""Which incidents was an export told, and which gateway tells it? The database knows.

Law: an incident counts as told only when the receiver had it before; one gateway at a time tells an
export; a cursor never goes back, and never past what was not told.

Incidents are read in the order in which they were stored. A gateway notes that time before its
transaction ends, so one with an earlier time may appear after a later one was told. Therefore the last
`OVERLAP` is looked at again and again, and what of it was told is kept in a table. Clocks of gateways
may differ by less than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from sqlalchemy import Engine, case, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.database.engines import open_engine
from gateway.exporters.tables import CursorRow, ToldRow
from gateway.incidents.record import Incident
from gateway.incidents.store import Store
from gateway.incidents.tables import IncidentRow
from gateway.model import Severity

OVERLAP = timedelta(minutes=10)
LEASE = timedelta(seconds=90)
"""How long a gateway that died keeps others from telling."""

COUNTED = 100_000
"""More waiting incidents than this are not counted."""


@dataclass(frozen=True, slots=True)
class Page:
    """What waits for an export, oldest first.

    `stored` maps ids to the times they were stored. `read_at` is when this was looked up; `last` tells
    that nothing else waited then.
    """

    incidents: tuple[Incident, ...]
    stored: Mapping[str, datetime]
    read_at: datetime
    last: bool

    @property
    def oldest(self) -> datetime | None:
        """When the first of them was stored."""
        return min(self.stored.values(), default=None)

    @property
    def reached(self) -> datetime:
        """How far the cursor may go when all of the page was told."""
        if self.last:
            return self.read_at
        # A gateway whose clock is ahead must not carry the cursor past what others store now.
        return min(max(self.stored.values()), self.read_at)


@dataclass(frozen=True, slots=True)
class Status:
    """How far an export is. `waiting` stops counting at `COUNTED`."""

    export: str
    started_at: datetime
    reached_at: datetime
    holder: str
    held_until: datetime
    waiting: int
    oldest: datetime | None


class Ledger:
    """The cursors of all exports, for one gateway, named by `me`. Methods raise SQLAlchemy's errors."""

    def __init__(
        self, engine: Engine, me: str, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.engine = engine
        self._store = Store(engine)
        self._me = me
        self._clock = clock or (lambda: datetime.now(UTC))

    @classmethod
    def open(cls, url: str, me: str, *, clock: Callable[[], datetime] | None = None) -> Self:
        """A ledger in the database at `url`; connects when first used. Raises `StoreError`."""
        # A cursor that a power cut takes back means a few incidents told twice, and no more.
        return cls(open_engine(url, durable=False), me, clock=clock)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def begin(self, exports: Iterable[str]) -> None:
        """Make cursors for exports that have none: they start from now."""
        now = self._clock()
        rows = [
            {
                "export": export,
                "started_at": now,
                "reached_at": now,
                "holder": "",
                "held_until": now,
            }
            for export in exports
        ]
        if not rows:
            return
        with self.engine.begin() as connection:
            connection.execute(self._insert(CursorRow, ["export"]), rows)

    def forget(self, export: str) -> bool:
        """Delete a cursor, so that the export starts anew; whether there was one."""
        with self.engine.begin() as connection:
            gone = connection.execute(delete(CursorRow).where(CursorRow.export == export))
            connection.execute(delete(ToldRow).where(ToldRow.export == export))
        return gone.rowcount > 0

    # --- who tells -------------------------------------------------------------------------------

    def hold(self, export: str) -> bool:
        """Become or stay the one that tells `export`; False when another gateway is."""
        now = self._clock()
        with self.engine.connect() as connection:
            row = connection.execute(
                select(CursorRow.holder, CursorRow.held_until).where(CursorRow.export == export)
            ).one_or_none()
        if row is None:
            # Forgotten while the gateway ran.
            self.begin([export])
        elif row.holder == self._me and row.held_until - now > LEASE / 2:
            return True
        elif row.holder != self._me and row.held_until > now:
            return False
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(CursorRow)
                .where(
                    CursorRow.export == export,
                    (CursorRow.holder == self._me) | (CursorRow.held_until <= now),
                )
                .values(holder=self._me, held_until=now + LEASE)
            )
        return changed.rowcount == 1

    def release(self, export: str) -> None:
        """Let another gateway tell `export` at once."""
        with self.engine.begin() as connection:
            connection.execute(
                update(CursorRow)
                .where(CursorRow.export == export, CursorRow.holder == self._me)
                .values(holder="", held_until=self._clock())
            )

    # --- what is told ----------------------------------------------------------------------------

    def waiting(self, export: str, limit: int, least: Severity = Severity.INFO) -> Page:
        """The next incidents for `export`, at most `limit`."""
        now = self._clock()
        with self.engine.connect() as connection:
            cursor = connection.execute(
                select(CursorRow.started_at, CursorRow.reached_at).where(CursorRow.export == export)
            ).one_or_none()
            if cursor is None:
                return Page((), {}, now, last=True)
            found = connection.execute(
                select(IncidentRow.id, IncidentRow.stored_at)
                .where(
                    IncidentRow.stored_at >= _floor(cursor.started_at, cursor.reached_at),
                    IncidentRow.severity >= int(least),
                    ~exists().where(ToldRow.export == export, ToldRow.incident == IncidentRow.id),
                )
                .order_by(IncidentRow.stored_at, IncidentRow.id)
                .limit(limit)
            ).all()
        incidents = self._store.several([row.id for row in found])
        # Purged in between: those are told to nobody.
        here = {incident.id for incident in incidents}
        return Page(
            incidents,
            {row.id: row.stored_at for row in found if row.id in here},
            now,
            last=len(found) < limit,
        )

    def told(
        self, export: str, stored: Mapping[str, datetime], reached: datetime | None = None
    ) -> bool:
        """Note that `stored` was told, and that everything up to `reached` was.

        False when another gateway has taken over meanwhile: then nothing is noted, and that one tells
        them again.
        """
        with self.engine.begin() as connection:
            # The write comes first: SQLite cannot wait for a lock within a transaction that has read.
            later = CursorRow.reached_at if reached is None else reached
            row = connection.execute(
                update(CursorRow)
                .where(CursorRow.export == export, CursorRow.holder == self._me)
                .values(
                    reached_at=case(
                        (CursorRow.reached_at < later, later), else_=CursorRow.reached_at
                    )
                )
                .returning(CursorRow.started_at, CursorRow.reached_at)
            ).one_or_none()
            if row is None:
                return False
            if stored:
                connection.execute(
                    self._insert(ToldRow, ["export", "incident"]),
                    [
                        {"export": export, "incident": incident, "stored_at": at}
                        for incident, at in stored.items()
                    ],
                )
            connection.execute(
                delete(ToldRow).where(
                    ToldRow.export == export,
                    ToldRow.stored_at < _floor(row.started_at, row.reached_at),
                )
            )
        return True

    def reached(self, export: str) -> datetime | None:
        """How far an export is; None when it was forgotten."""
        with self.engine.connect() as connection:
            return connection.execute(
                select(CursorRow.reached_at).where(CursorRow.export == export)
            ).scalar_one_or_none()

    def sending(self, export: str) -> datetime | None:
        """Where the digest ends that was begun to be sent and may have arrived; None when there is none."""
        with self.engine.connect() as connection:
            return connection.execute(
                select(CursorRow.sending_until).where(
                    CursorRow.export == export, CursorRow.sending_until > CursorRow.reached_at
                )
            ).scalar_one_or_none()

    def begin_sending(self, export: str, until: datetime) -> bool:
        """Note that a digest up to `until` is sent now; False when another gateway has taken over."""
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(CursorRow)
                .where(CursorRow.export == export, CursorRow.holder == self._me)
                .values(sending_until=until)
            )
        return changed.rowcount == 1

    # --- status ----------------------------------------------------------------------------------

    def status(self, least: Mapping[str, Severity] | None = None) -> tuple[Status, ...]:
        """How far each export is, by name; `least` tells the severities that are told."""
        found = []
        with self.engine.connect() as connection:
            for cursor in connection.execute(
                select(CursorRow.__table__).order_by(CursorRow.export)
            ).all():
                inner = (
                    select(IncidentRow.stored_at)
                    .where(
                        IncidentRow.stored_at >= _floor(cursor.started_at, cursor.reached_at),
                        IncidentRow.severity >= int((least or {}).get(cursor.export, 0)),
                        ~exists().where(
                            ToldRow.export == cursor.export, ToldRow.incident == IncidentRow.id
                        ),
                    )
                    .order_by(IncidentRow.stored_at)
                    .limit(COUNTED)
                    .subquery()
                )
                waiting, oldest = connection.execute(
                    select(func.count(), func.min(inner.c.stored_at))
                ).one()
                found.append(
                    Status(
                        cursor.export,
                        cursor.started_at,
                        cursor.reached_at,
                        cursor.holder,
                        cursor.held_until,
                        waiting,
                        oldest,
                    )
                )
        return tuple(found)

    def _insert(
        self, table: type[CursorRow | ToldRow], keys: list[str]
    ) -> sqlite.Insert | postgresql.Insert:
        """INSERT … ON CONFLICT DO NOTHING, which both databases have, each in its own dialect."""
        if self.engine.dialect.name == "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing(index_elements=keys)
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=keys)


def _floor(started_at: datetime, reached_at: datetime) -> datetime:
    return max(started_at, reached_at - OVERLAP)
