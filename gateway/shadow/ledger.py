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

from sqlalchemy import Engine, Row, case, delete, exists, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.log import Log
from gateway.shadow import reasons
from gateway.shadow.names import Signs, shipped
from gateway.shadow.tables import HOST_CHARS, DayRow, DismissedRow, SenderRow, SignRow

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
            days = [
                {
                    "host": host,
                    "day": day,
                    "tunnels": each.tunnels,
                    "requests": each.requests,
                    "sent": each.sent,
                    "received": each.received,
                    "first_at": each.first_at,
                    "last_at": each.last_at,
                }
                for (host, day), each in sorted(_by_day(seen).items())
            ]
            if days:
                new = dialect.insert(DayRow)
                there = DayRow.__table__.c
                added = {
                    name: there[name] + new.excluded[name]
                    for name in ("tunnels", "requests", "sent", "received")
                }
                last = _later(there.last_at, new.excluded.last_at)
                connection.execute(
                    new.on_conflict_do_update(
                        index_elements=["host", "day"], set_={**added, "last_at": last}
                    ),
                    days,
                )
                senders: dict[tuple[str, str], date] = {}
                for host, day, sender in seen:
                    senders[host, sender] = max(day, senders.get((host, sender), day))
                who = dialect.insert(SenderRow)
                latest = _later(SenderRow.__table__.c.day, who.excluded.day)
                connection.execute(
                    who.on_conflict_do_update(
                        index_elements=["host", "sender"], set_={"day": latest}
                    ),
                    [
                        {"host": host, "sender": sender, "day": day}
                        for (host, sender), day in sorted(senders.items())
                    ],
                )
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
        options = {"synchronize_session": False}
        gone = 0
        with self.engine.begin() as connection:
            for row, key in (
                (DayRow, (DayRow.host, DayRow.day)),
                (SenderRow, (SenderRow.host, SenderRow.sender)),
            ):
                oldest = (
                    select(*key)
                    .where(row.day < before)
                    .order_by(row.day)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
                gone += connection.execute(
                    delete(row).where(tuple_(*key).in_(oldest)).execution_options(**options)
                ).rowcount
            if gone:
                alone = (
                    select(SignRow.host, SignRow.sign)
                    .where(~exists().where(DayRow.host == SignRow.host))
                    .limit(limit)
                )
                connection.execute(
                    delete(SignRow)
                    .where(tuple_(SignRow.host, SignRow.sign).in_(alone))
                    .execution_options(**options)
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
        settled = exists().where(DismissedRow.host == DayRow.host)
        query = _sums(since, settled if dismissed else ~settled).limit(MOST)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return self._suspects([row for row in rows if not known(row.host)])

    def get(self, host: str) -> Suspect:
        """One suspect, in all the time that is kept. Raises `NotSeen`."""
        if len(host) <= HOST_CHARS:
            with self.engine.connect() as connection:
                rows = connection.execute(_sums(date.min, host=host)).all()
            if rows:
                return self._suspects(rows)[0]
        raise NotSeen(f"no host `{host[:HOST_CHARS]}` was seen that looks like an AI service")

    def many(self, *, days: int = 30) -> int:
        """How many suspects there are of the last days that nobody dismissed."""
        since = self._clock().date() - timedelta(days=days - 1)
        settled = exists().where(DismissedRow.host == DayRow.host)
        query = select(func.count(DayRow.host.distinct())).where(DayRow.day >= since, ~settled)
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


def _by_day(seen: Mapping[Key, Seen]) -> dict[tuple[str, date], Seen]:
    """What all senders together had to do with a host on a day."""
    found: dict[tuple[str, date], Seen] = {}
    for (host, day, _), each in seen.items():
        sums = found.setdefault((host, day), Seen(each.first_at, each.last_at))
        sums.first_at = min(sums.first_at, each.first_at)
        sums.last_at = max(sums.last_at, each.last_at)
        sums.tunnels += each.tunnels
        sums.requests += each.requests
        sums.sent += each.sent
        sums.received += each.received
    return found


def _later(one: Any, other: Any) -> Any:
    """The later of two times: no function for that goes by one name in all databases."""
    return case((one > other, one), else_=other)


def _sums(since: date, *conditions: Any, host: str | None = None) -> Any:
    """Sums by host since a day, of hosts that meet the conditions, or of one `host`."""
    days = (
        select(
            DayRow.host,
            func.sum(DayRow.tunnels).label("tunnels"),
            func.sum(DayRow.requests).label("requests"),
            func.sum(DayRow.sent).label("sent"),
            func.sum(DayRow.received).label("received"),
            func.min(DayRow.first_at).label("first_at"),
            func.max(DayRow.last_at).label("last_at"),
        )
        .where(DayRow.day >= since, *conditions, *([] if host is None else [DayRow.host == host]))
        .group_by(DayRow.host)
        .subquery()
    )
    people = (
        select(SenderRow.host, func.count().label("people"))
        .where(SenderRow.day >= since, *([] if host is None else [SenderRow.host == host]))
        .group_by(SenderRow.host)
        .subquery()
    )
    return (
        select(days, people.c.people)
        .join(people, people.c.host == days.c.host)
        .order_by(people.c.people.desc(), (days.c.sent + days.c.received).desc(), days.c.host)
    )
