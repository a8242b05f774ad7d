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

from sqlalchemy import Connection, Engine, Select, Subquery, case, func, or_, select, union_all

from gateway.audit.log import Log
from gateway.coaching.store import Concern, State, concerns, in_state, state_of, withdraw
from gateway.coaching.tables import CoachingRow, ConcernRow, LinkRow
from gateway.incidents.people import Pseudonyms
from gateway.incidents.tables import IncidentRow, RuleRow

AROUND = timedelta(days=30)
"""How long before and after is looked at."""

PAIRS = 1_000
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
                partition_by=(asked.c.rule, asked.c.same),
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
        each = select(asked, address, place).where(asked.c.lesson != "").subquery()
        rows = connection.execute(
            select(each).where(each.c.place == 1).order_by(each.c.at.desc()).limit(PAIRS)
        ).all()
        first: dict[_Pair, _Try] = {}
        lesson: dict[_Pair, str] = {}
        for row in rows:
            pair = (row.actor, row.address, row.service, row.rule)
            first[pair] = _Try(row.at, row.expires_at)
            lesson[pair] = row.lesson
        before, after = self._around(connection, first)
        now = self._clock()
        by_lesson: defaultdict[str, list[_Pair]] = defaultdict(list)
        for pair, name in lesson.items():
            by_lesson[name].append(pair)
        return tuple(
            Helped(
                lesson=name,
                people=len({pair[:2] for pair in pairs}),
                pairs=len(pairs),
                before=sum(pair in before for pair in pairs),
                after=sum(pair in after for pair in pairs),
                whole=sum(first[pair].at + AROUND <= now for pair in pairs),
            )
            for name, pairs in sorted(by_lesson.items())
        )

    @staticmethod
    def _around(
        connection: Connection, first: Mapping[_Pair, _Try]
    ) -> tuple[set[_Pair], set[_Pair]]:
        """The pairs with the same kind before they were coached first, and after."""
        before: set[_Pair] = set()
        after: set[_Pair] = set()
        rules = {rule for _, _, _, rule in first}
        actors = sorted({actor for actor, _, _, _ in first if actor})
        addresses = sorted({address for _, address, _, _ in first if address})
        known: tuple[tuple[Any, Sequence[str], Any], ...] = (
            (IncidentRow.actor, actors, IncidentRow.actor != ""),
            (IncidentRow.source_ip, addresses, IncidentRow.actor == ""),
        )
        for column, names, only in known:
            for batch in batched(names, BATCH):
                query = (
                    select(
                        IncidentRow.actor,
                        IncidentRow.source_ip,
                        IncidentRow.service,
                        IncidentRow.at,
                        RuleRow.rule,
                        RuleRow.justified,
                    )
                    .join(RuleRow, RuleRow.incident_id == IncidentRow.id)
                    .where(
                        column.in_(batch),
                        only,
                        RuleRow.rule.in_(rules),
                        IncidentRow.at >= min(asked.at for asked in first.values()) - AROUND,
                    )
                )
                for row in connection.execute(query):
                    pair = (row.actor, "" if row.actor else row.source_ip, row.service, row.rule)
                    asked = first.get(pair)
                    if asked is None or row.justified:
                        continue
                    # While a link to the first question leads anywhere, it is the same try.
                    if asked.until < row.at <= asked.at + AROUND:
                        after.add(pair)
                    # The incident itself was there a moment before its coaching.
                    elif asked.at - AROUND <= row.at < asked.at - _MOMENT:
                        before.add(pair)
        return before, after


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


@dataclass(frozen=True, slots=True)
class _Try:
    """When somebody was asked first, and until when what they sent was the same try."""

    at: datetime
    until: datetime


type _Pair = tuple[str, str, str, str]
"""Actor, or else address; service; rule."""

_MOMENT = timedelta(seconds=90)
"""An exchange is decided within so long, so that a coaching has its incident."""
