"""Which hosts were seen that look like AI services, by how many people, and what of them is settled?

Law: several gateways write to one ledger, and what they saw adds up. What is dismissed stays so until
somebody takes it back; both are in the audit log. Methods raise SQLAlchemy's errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, delete, exists, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.log import Log
from gateway.shadow import reasons
from gateway.shadow.names import Signs, shipped
from gateway.shadow.tables import HOST_CHARS, DismissedRow, SeenRow, SignRow

REASON_CHARS = 1000
MOST = 1000
"""Hosts that are ranked; those below have less people and bytes."""

_BATCH = 500


class NotSeen(LookupError):
    """Nobody has seen such a host; the text says so, for people."""


@dataclass(slots=True)
class Seen:
    """What one sender had to do with one host on one day, so far."""

    first_at: datetime
    last_at: datetime
    tunnels: int = 0
    requests: int = 0
    sent: int = 0
    received: int = 0


type Key = tuple[str, date, str]
"""Host, day and sender."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Who said when, and why, that a host is none."""

    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A host that looks like an AI service. `chance` is 0 to 1; sizes in bytes."""

    host: str
    people: int
    tunnels: int
    requests: int
    sent: int
    received: int
    first_at: datetime
    last_at: datetime
    chance: float
    reasons: tuple[str, ...]
    dismissed: Dismissal | None
    signs: frozenset[str] = field(repr=False)


class Ledger:
    """The suspects of one database."""

    def __init__(
        self,
        engine: Engine,
        *,
        signs: Signs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = engine
        self._signs = signs or shipped()
        self._clock = clock or (lambda: datetime.now(UTC))

    # --- writing ---------------------------------------------------------------------------------

    def add(self, seen: Mapping[Key, Seen], signs: Mapping[str, frozenset[str]]) -> None:
        """Add what a gateway has seen since it last did so; all of it or nothing."""
        dialect = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        with self.engine.begin() as connection:
            # INVARIANT: in the same order everywhere, so that gateways wait for each other's rows and
            # never in a circle.
            rows = [
                {
                    "host": host,
                    "day": day,
                    "sender": sender,
                    "tunnels": each.tunnels,
                    "requests": each.requests,
                    "sent": each.sent,
                    "received": each.received,
                    "first_at": each.first_at,
                    "last_at": each.last_at,
                }
                for (host, day, sender), each in sorted(seen.items())
            ]
            new = dialect.insert(SeenRow)
            there = SeenRow.__table__.c
            added = {
                name: there[name] + new.excluded[name]
                for name in ("tunnels", "requests", "sent", "received")
            }
            statement = new.on_conflict_do_update(
                index_elements=["host", "day", "sender"],
                set_={**added, "last_at": new.excluded.last_at},
            )
            if rows:
                connection.execute(statement, rows)
            why = [
                {"host": host, "sign": sign}
                for host in sorted(signs)
                for sign in sorted(signs[host])
            ]
            if why:
                connection.execute(
                    dialect.insert(SignRow).on_conflict_do_nothing(index_elements=["host", "sign"]),
                    why,
                )

    def dismiss(self, host: str, audit: Log, *, who: str, reason: str) -> Suspect:
        """Say that a host is none. Raises `NotSeen`, and `AuditError`."""
        self.get(host)
        reason = reason.strip()[:REASON_CHARS]
        dialect = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        values = {"at": self._clock(), "who": who, "reason": reason}
        made = dialect.insert(DismissedRow).values(host=host, **values)
        with audit.writing() as writing:
            writing.connection.execute(
                made.on_conflict_do_update(index_elements=["host"], set_=values)
            )
            writing.note(who, "shadow.dismissed", target=host, reason=reason)
        return self.get(host)

    def restore(self, host: str, audit: Log, *, who: str, reason: str = "") -> Suspect:
        """Take that back. Raises `NotSeen`, and `AuditError`."""
        self.get(host)
        with audit.writing() as writing:
            gone = writing.connection.execute(
                delete(DismissedRow).where(DismissedRow.host == host)
            ).rowcount
            if gone:
                writing.note(who, "shadow.restored", target=host, reason=reason)
        return self.get(host)

    def purge(self, before: date, *, limit: int = _BATCH) -> int:
        """Forget some of what was seen before a day, and the signs of hosts nobody saw since."""
        key = tuple_(SeenRow.host, SeenRow.day, SeenRow.sender)
        oldest = (
            select(SeenRow.host, SeenRow.day, SeenRow.sender)
            .where(SeenRow.day < before)
            .order_by(SeenRow.day)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        why = tuple_(SignRow.host, SignRow.sign)
        alone = (
            select(SignRow.host, SignRow.sign)
            .where(~exists().where(SeenRow.host == SignRow.host))
            .limit(limit)
        )
        options = {"synchronize_session": False}
        with self.engine.begin() as connection:
            gone = connection.execute(
                delete(SeenRow).where(key.in_(oldest)).execution_options(**options)
            ).rowcount
            if gone:
                connection.execute(
                    delete(SignRow).where(why.in_(alone)).execution_options(**options)
                )
        return gone

    # --- reading ---------------------------------------------------------------------------------

    def ranked(
        self,
        *,
        days: int = 30,
        dismissed: bool = False,
        known: Callable[[str], bool] = lambda _host: False,
    ) -> tuple[Suspect, ...]:
        """Suspects of the last days: those that most people use first, then by bytes.

        Either those that are dismissed or those that are not; without those that are `known` by now.
        """
        since = self._clock().date() - timedelta(days=days - 1)
        settled = exists().where(DismissedRow.host == SeenRow.host)
        query = _sums(SeenRow.day >= since, settled if dismissed else ~settled).limit(MOST)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return self._suspects([row for row in rows if not known(row.host)])

    def get(self, host: str) -> Suspect:
        """One suspect, in all the time that is kept. Raises `NotSeen`."""
        if len(host) <= HOST_CHARS:
            with self.engine.connect() as connection:
                rows = connection.execute(_sums(SeenRow.host == host)).all()
            if rows:
                return self._suspects(rows)[0]
        raise NotSeen(f"no host `{host[:HOST_CHARS]}` was seen that looks like an AI service")

    def many(self, *, days: int = 30) -> int:
        """How many suspects there are of the last days that nobody dismissed."""
        since = self._clock().date() - timedelta(days=days - 1)
        settled = exists().where(DismissedRow.host == SeenRow.host)
        query = select(func.count(SeenRow.host.distinct())).where(SeenRow.day >= since, ~settled)
        with self.engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def _suspects(self, rows: Sequence[Row[Any]]) -> tuple[Suspect, ...]:
        hosts = [row.host for row in rows]
        signs: defaultdict[str, set[str]] = defaultdict(set)
        settled: dict[str, Dismissal] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(hosts), _BATCH):
                some = hosts[start : start + _BATCH]
                for host, sign in connection.execute(
                    select(SignRow.host, SignRow.sign).where(SignRow.host.in_(some))
                ):
                    signs[host].add(sign)
                for host, at, who, reason in connection.execute(
                    select(DismissedRow.__table__).where(DismissedRow.host.in_(some))
                ):
                    settled[host] = Dismissal(at, who, reason)
        return tuple(
            Suspect(
                row.host,
                row.people,
                int(row.tunnels),
                int(row.requests),
                int(row.sent),
                int(row.received),
                row.first_at,
                row.last_at,
                self._signs.chance(signs[row.host]),
                reasons.told(signs[row.host], self._signs.chances),
                settled.get(row.host),
                frozenset(signs[row.host]),
            )
            for row in rows
        )


def _sums(*conditions: Any) -> Any:
    """Sums by host of what meets the conditions.

    First by host and sender, then by host: counting different senders in one go would sort every row.
    """
    one = (
        select(
            SeenRow.host,
            func.sum(SeenRow.tunnels).label("tunnels"),
            func.sum(SeenRow.requests).label("requests"),
            func.sum(SeenRow.sent).label("sent"),
            func.sum(SeenRow.received).label("received"),
            func.min(SeenRow.first_at).label("first_at"),
            func.max(SeenRow.last_at).label("last_at"),
        )
        .where(*conditions)
        .group_by(SeenRow.host, SeenRow.sender)
        .subquery()
    )
    people, size = func.count(), func.sum(one.c.sent + one.c.received)
    return (
        select(
            one.c.host,
            people.label("people"),
            func.sum(one.c.tunnels).label("tunnels"),
            func.sum(one.c.requests).label("requests"),
            func.sum(one.c.sent).label("sent"),
            func.sum(one.c.received).label("received"),
            func.min(one.c.first_at).label("first_at"),
            func.max(one.c.last_at).label("last_at"),
        )
        .group_by(one.c.host)
        .order_by(people.desc(), size.desc(), one.c.host)
    )
