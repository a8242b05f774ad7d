"""Who was coached on what, what did they answer, and did it help? For those who run the rules.

Law: people are pseudonyms here, as in incidents. Whoever sends the same again is counted once, by the last
answer. Whether coaching helped is counted, never guessed: of people who were coached on something, how
many sent the same kind to the same service in the 30 days before, and how many in the 30 days after;
what passed with a reason is not sent again, and what is tried again while the question stands is not either.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Engine,
    Interval,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from gateway.audit.log import Log
from gateway.coaching.store import Concern, State, concerns, in_state, state_of, withdraw
from gateway.coaching.tables import CoachingRow, ConcernRow, LinkRow
from gateway.incidents.people import Pseudonyms
from gateway.incidents.tables import IncidentRow, RuleRow

AROUND = timedelta(days=30)
"""How long before and after is looked at."""

PAIRS = 500
"""Of how many people and services, the last, it is counted whether it helped."""

TIMED = 2_000
"""Of how many answers, the last, it is told how long they took."""

BATCH = 500


@dataclass(frozen=True, slots=True)
class CoachedLine:
    """One coaching: `person` is a pseudonym, of the address where nobody knows the sender.

    `rule` and `lesson` are those of the strictest rule, `further` are the others. `holds` while something
    passes by it.
    """

    id: str
    incident: str
    at: datetime
    person: str
    service: str
    rule: str
    lesson: str
    found: Mapping[str, int]
    times: int
    state: State
    answered_at: datetime | None
    valid_until: datetime | None
    reason: str
    further: tuple[Concern, ...]
    holds: bool
    text: str = field(repr=False)

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """All rules that asked, the strictest first."""
        return (Concern(self.rule, self.lesson), *self.further)

    @property
    def seconds(self) -> float | None:
        """How long they thought."""
        return None if self.answered_at is None else (self.answered_at - self.at).total_seconds()


@dataclass(frozen=True, slots=True)
class OfRule:
    """What came of a rule's coaching; `seconds` is the median to an answer."""

    rule: str
    asked: int
    justified: int
    cancelled: int
    expired: int
    open: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Helped:
    """What came after a lesson. A pair is a person and a service, by the rule that coached.

    `before` and `after` are pairs with the same again within 30 days; of `whole` pairs those have passed.
    """

    lesson: str
    people: int
    pairs: int
    before: int
    after: int
    whole: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it since a day."""

    since: datetime
    rules: tuple[OfRule, ...]
    reasons: tuple[tuple[str, int], ...]
    lessons: tuple[Helped, ...]


class Coached:
    """The coachings of one database. Methods raise SQLAlchemy's errors."""

    def __init__(
        self, engine: Engine, pseudonyms: Pseudonyms, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._clock = clock

    def list(
        self, *, state: State | None = None, rule: str = "", limit: int = 50
    ) -> tuple[CoachedLine, ...]:
        """The newest, of all or of those in a state or by a rule."""
        query = select(CoachingRow).order_by(CoachingRow.at.desc(), CoachingRow.id.desc())
        if state is not None:
            query = query.where(in_state(state, self._clock()))
        if rule:
            further = select(ConcernRow.coaching_id).where(ConcernRow.rule == rule)
            query = query.where(or_(CoachingRow.rule == rule, CoachingRow.id.in_(further)))
        return tuple(self._lines(query.limit(limit)))

    def withdraw(self, coaching: str, audit: Log, *, who: str, reason: str) -> CoachedLine:
        """Take back what somebody may send on their reason. Raises `NotGranted`, and `AuditError`."""
        withdraw(coaching, audit, now=self._clock(), who=who, reason=reason)
        return next(self._lines(select(CoachingRow).where(CoachingRow.id == coaching)))

    def of_incident(self, incident: str) -> CoachedLine | None:
        """The coaching that an incident led to."""
        query = (
            select(CoachingRow)
            .join(LinkRow, LinkRow.coaching_id == CoachingRow.id)
            .where(LinkRow.incident_id == incident)
        )
        return next(self._lines(query), None)

    def _lines(self, query: Select[Any]) -> Iterator[CoachedLine]:
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            first = self._incidents(connection, [row.id for row in rows])
            further = concerns(connection, [row.id for row in rows])
        now = self._clock()
        for row in rows:
            state = state_of(row, now)
            yield CoachedLine(
                id=row.id,
                incident=first.get(row.id, ""),
                at=row.at,
                person=self._pseudonyms.person(row.actor)
                or self._pseudonyms.address(row.source_ip),
                service=row.service,
                rule=row.rule,
                lesson=row.lesson,
                found=row.found,
                times=row.times,
                state=state,
                answered_at=row.answered_at,
                valid_until=row.valid_until,
                reason=row.reason,
                further=further.get(row.id, ()),
                holds=state == "justified"
                and row.valid_until is not None
                and row.valid_until > now,
                text=row.text,
            )

    @staticmethod
    def _incidents(connection: Connection, coachings: Sequence[str]) -> dict[str, str]:
        """The first incident of each."""
        first: dict[str, str] = {}
        for batch in batched(coachings, BATCH):
            query = select(LinkRow.coaching_id, LinkRow.incident_id).where(
                LinkRow.coaching_id.in_(batch)
            )
            for row in connection.execute(query.order_by(LinkRow.at)):
                first.setdefault(row.coaching_id, row.incident_id)
        return first

    # --- figures ---------------------------------------------------------------------------------

    def figures(self, days: int) -> Figures:
        """What came of coaching in the last `days`, and whether it helped."""
        since = self._clock() - timedelta(days=days)
        with self._engine.connect() as connection:
            return Figures(
                since,
                self._by_rule(connection, since),
                tuple(
                    (row.reason, row.many)
                    for row in connection.execute(
                        select(CoachingRow.reason, func.count().label("many"))
                        .where(CoachingRow.at >= since, CoachingRow.state == "justified")
                        .group_by(CoachingRow.reason)
                        .order_by(func.count().desc(), CoachingRow.reason)
                    )
                ),
                self._helped(connection, since),
            )

    def _by_rule(self, connection: Connection, since: datetime) -> tuple[OfRule, ...]:
        counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        asked = _asked(since)
        last = (
            func.row_number()
            .over(
                # By what differs most first: a database that sorts compares less.
                partition_by=(asked.c.same, asked.c.rule),
                order_by=(asked.c.at.desc(), asked.c.id.desc()),
            )
            .label("last")
        )
        once = select(asked.c.rule, asked.c.state, last).subquery()
        for row in connection.execute(
            select(once.c.rule, once.c.state, func.count().label("many"))
            .where(once.c.last == 1)
            .group_by(once.c.rule, once.c.state)
        ):
            counted[row.rule][row.state] = row.many
        took: defaultdict[str, list[float]] = defaultdict(list)
        for rule, at, answered in connection.execute(
            select(asked.c.rule, asked.c.at, asked.c.answered_at)
            .where(asked.c.answered_at.is_not(None))
            .order_by(asked.c.at.desc())
            .limit(TIMED)
        ):
            took[rule].append((answered - at).total_seconds() if answered else 0.0)
        return tuple(
            OfRule(
                rule=rule,
                asked=states.total(),
                justified=states["justified"],
                cancelled=states["cancelled"],
                expired=states["expired"],
                open=states["open"],
                seconds=statistics.median(took[rule]) if took[rule] else None,
            )
            for rule, states in sorted(
                counted.items(), key=lambda each: (-each[1].total(), each[0])
            )
        )

    def _helped(self, connection: Connection, since: datetime) -> tuple[Helped, ...]:
        asked = _asked(since)
        # Who has a name is the same wherever they sit; others are the address.
        address = case((asked.c.actor == "", asked.c.source_ip), else_="").label("address")
        place = (
            func.row_number()
            .over(
                partition_by=(asked.c.actor, address, asked.c.service, asked.c.rule),
                order_by=(asked.c.at, asked.c.id),
            )
            .label("place")
        )
        # Only what is wanted of them: all are sorted, and few are kept.
        wanted = (asked.c.at, asked.c.expires_at, asked.c.actor, asked.c.service, asked.c.rule)
        each = (
            select(*wanted, asked.c.lesson, address, place).where(asked.c.lesson != "").subquery()
        )
        tries = (
            select(each)
            .where(each.c.place == 1)
            .order_by(each.c.at.desc())
            .limit(PAIRS)
            .cte("tries")
        )
        # In one statement, so that the tries are looked for once.
        either = (_sent_around(connection, tries, named=named) for named in (True, False))
        pairs = connection.execute(union_all(*either)).all()
        now = self._clock()
        by_lesson: defaultdict[str, list[Any]] = defaultdict(list)
        for row in pairs:
            by_lesson[row.lesson].append(row)
        return tuple(
            Helped(
                lesson=name,
                people=len({(row.actor, row.address) for row in rows}),
                pairs=len(rows),
                before=sum(row.before for row in rows),
                after=sum(row.after for row in rows),
                whole=sum(row.at + AROUND <= now for row in rows),
            )
            for name, rows in sorted(by_lesson.items())
        )


def _sent_around(connection: Connection, tries: CTE, *, named: bool) -> Select[Any]:
    """Of each first try, whether there was the same kind before it, and after.

    Each is asked for by itself, in the time around it: an index of its sender answers that, where what
    all of them sent in all the time would have to be read.
    """

    def later(by: timedelta) -> ColumnElement[Any]:
        if connection.dialect.name == "sqlite":
            # As text, which is how times lie there; less than a thousandth of a second is lost.
            return func.strftime("%Y-%m-%d %H:%M:%f", tries.c.at, f"{by.total_seconds()} seconds")
        return tries.c.at + literal(by, Interval())

    who = (
        IncidentRow.actor == tries.c.actor
        if named
        else and_(IncidentRow.source_ip == tries.c.address, IncidentRow.actor == "")
    )

    def sent(*when: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(
            select(1)
            .select_from(IncidentRow)
            .join(RuleRow, RuleRow.incident_id == IncidentRow.id)
            .where(
                who,
                IncidentRow.service == tries.c.service,
                RuleRow.rule == tries.c.rule,
                RuleRow.justified.is_(False),
                *when,
            )
            .correlate(tries)
        )

    # The incident itself was there a moment before its coaching.
    before = sent(IncidentRow.at >= later(-AROUND), IncidentRow.at < later(-_MOMENT))
    # While a link to the first question leads anywhere, it is the same try.
    after = sent(IncidentRow.at > tries.c.expires_at, IncidentRow.at <= later(AROUND))
    return select(
        tries.c.actor,
        tries.c.address,
        tries.c.lesson,
        tries.c.at,
        before.label("before"),
        after.label("after"),
    ).where(tries.c.actor != "" if named else tries.c.actor == "")


def _asked(since: datetime) -> Subquery:
    """Every rule of every coaching since a day, with its lesson: of several that asked, each."""
    shared = (
        CoachingRow.id,
        CoachingRow.at,
        CoachingRow.expires_at,
        CoachingRow.answered_at,
        CoachingRow.actor,
        CoachingRow.source_ip,
        CoachingRow.service,
        CoachingRow.same,
        CoachingRow.state,
    )
    strictest = select(*shared, CoachingRow.rule, CoachingRow.lesson).where(CoachingRow.at >= since)
    further = (
        select(*shared, ConcernRow.rule, ConcernRow.lesson)
        .join(ConcernRow, ConcernRow.coaching_id == CoachingRow.id)
        .where(CoachingRow.at >= since)
    )
    return union_all(strictest, further).subquery()


_MOMENT = timedelta(seconds=90)
"""An exchange is decided within so long, so that a coaching has its incident."""
