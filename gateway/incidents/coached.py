"""Who was coached on what, what did they answer, and did it help? For those who run the rules.

Law: people are pseudonyms here, as in incidents. Whether coaching helped is counted, never guessed: of
people who were coached on something, how many sent the same kind to the same service in the 30 days
before, and how many in the 30 days after; what passed with a reason is not sent again.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from gateway.coaching.store import LINK_FOR, STATES, State
from gateway.coaching.tables import CoachingRow, LinkRow
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
    """One coaching: `person` is a pseudonym, of the address where nobody knows the sender."""

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
    text: str = field(repr=False)

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
    """The coachings of one database, for reading. Methods raise SQLAlchemy's errors."""

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
        now = self._clock()
        if state == "open":
            query = query.where(CoachingRow.state == "open", CoachingRow.expires_at > now)
        elif state == "expired":
            late = (CoachingRow.state == "open") & (CoachingRow.expires_at <= now)
            query = query.where((CoachingRow.state == "expired") | late)
        elif state is not None:
            query = query.where(CoachingRow.state == state)
        if rule:
            query = query.where(CoachingRow.rule == rule)
        return tuple(self._lines(query.limit(limit)))

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
        now = self._clock()
        for row in rows:
            state: State = next(each for each in STATES if each == row.state)
            if state == "open" and row.expires_at <= now:
                state = "expired"
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
        for row in connection.execute(
            select(CoachingRow.rule, CoachingRow.state, func.count().label("many"))
            .where(CoachingRow.at >= since)
            .group_by(CoachingRow.rule, CoachingRow.state)
        ):
            counted[row.rule][row.state] = row.many
        took: defaultdict[str, list[float]] = defaultdict(list)
        for rule, at, answered in connection.execute(
            select(CoachingRow.rule, CoachingRow.at, CoachingRow.answered_at)
            .where(CoachingRow.at >= since, CoachingRow.answered_at.is_not(None))
            .order_by(CoachingRow.at.desc())
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
        rows = connection.execute(
            select(
                CoachingRow.actor,
                CoachingRow.source_ip,
                CoachingRow.lesson,
                CoachingRow.service,
                CoachingRow.rule,
                func.min(CoachingRow.at).label("first"),
            )
            .where(CoachingRow.at >= since, CoachingRow.lesson != "")
            .group_by(
                CoachingRow.sender,
                CoachingRow.actor,
                CoachingRow.source_ip,
                CoachingRow.lesson,
                CoachingRow.service,
                CoachingRow.rule,
            )
            .order_by(func.min(CoachingRow.at).desc())
            .limit(PAIRS)
        ).all()
        first: dict[_Pair, datetime] = {}
        lesson: dict[_Pair, str] = {}
        for row in rows:
            pair = (row.actor, "" if row.actor else row.source_ip, row.service, row.rule)
            first[pair] = min(row.first, first.get(pair, row.first))
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
                whole=sum(first[pair] + AROUND <= now for pair in pairs),
            )
            for name, pairs in sorted(by_lesson.items())
        )

    @staticmethod
    def _around(
        connection: Connection, first: Mapping[_Pair, datetime]
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
                        IncidentRow.at >= min(first.values()) - AROUND,
                    )
                )
                for row in connection.execute(query):
                    pair = (row.actor, "" if row.actor else row.source_ip, row.service, row.rule)
                    asked = first.get(pair)
                    if asked is None or row.justified:
                        continue
                    # While the first link leads anywhere, it is the same try.
                    if asked + LINK_FOR < row.at <= asked + AROUND:
                        after.add(pair)
                    # The incident itself was there a moment before its coaching.
                    elif asked - AROUND <= row.at < asked - _MOMENT:
                        before.add(pair)
        return before, after


type _Pair = tuple[str, str, str, str]
"""Actor, or else address; service; rule."""

_MOMENT = timedelta(seconds=90)
"""An exchange is decided within so long, so that a coaching has its incident."""
