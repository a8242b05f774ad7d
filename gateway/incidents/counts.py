"""How many incidents were there? By day, service, rule, entity, severity, team, and what was not read.

Law: the figures stand ready, whatever the number of incidents; they are what was recorded, and do not
change when incidents are purged. Days are those of UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.incidents.count_tables import JudgedRow, RepeatRow, TallyRow
from gateway.incidents.record import Incident
from gateway.incidents.states import Status
from gateway.incidents.tables import IncidentRow
from gateway.incidents.work_tables import WorkRow
from gateway.model import Severity

type Kind = Literal["service", "rule", "entity", "severity", "unread", "team"]
"""What is counted. One incident counts once for each name of a kind: one service, several rules, no team or several.

The verdict is that of the incident, for `rule` the rule's action; the outcome is what the wire did
(forward, rewrite, refuse), for `rule` its mode (enforce, monitor).
"""

MAX_RULES = 8
MAX_VALUES = 50
"""Of how many rules and values of one incident repeats are counted."""

_ROWS = 500

type Order = Literal["last", "count"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many incidents, of one name; `day` is None for the whole time that was asked about."""

    day: date | None
    name: str
    verdict: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same value, rule and service, and how often. Its incidents are those for which
    `Filters(fingerprint=…, rule=…, service=…)` holds; `count` also counts those purged since.
    """

    fingerprint: str
    rule: str
    service: str
    entity: str
    preview: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """How many incidents somebody caused, and how many of them were refused or rewritten."""

    actor: str
    count: int
    stopped: int


class Counts:
    """The figures of one database. Methods raise SQLAlchemy's errors."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def totals(self, kind: Kind, *, since: date, until: date) -> tuple[Tally, ...]:
        """Per name, verdict and outcome, from `since` up to and without `until`; most first."""
        total = func.sum(TallyRow.count).label("total")
        query = (
            select(TallyRow.name, TallyRow.verdict, TallyRow.outcome, total)
            .where(TallyRow.kind == kind, TallyRow.day >= since, TallyRow.day < until)
            .group_by(TallyRow.name, TallyRow.verdict, TallyRow.outcome)
            .order_by(total.desc(), TallyRow.name, TallyRow.verdict, TallyRow.outcome)
        )
        with self.engine.connect() as connection:
            return tuple(
                Tally(None, row.name, row.verdict, row.outcome, int(row.total))
                for row in connection.execute(query)
            )

    def days(
        self, kind: Kind, *, since: date, until: date, name: str | None = None
    ) -> tuple[Tally, ...]:
        """The same per day, in order of days; of one `name` if that is given."""
        query = (
            select(TallyRow.__table__)
            .where(TallyRow.kind == kind, TallyRow.day >= since, TallyRow.day < until)
            .order_by(TallyRow.day, TallyRow.name, TallyRow.verdict, TallyRow.outcome)
        )
        if name is not None:
            query = query.where(TallyRow.name == name)
        with self.engine.connect() as connection:
            return tuple(
                Tally(day, named, verdict, outcome, many)
                for _, day, named, verdict, outcome, many in connection.execute(query)
            )

    def repeats(
        self,
        *,
        service: str | None = None,
        rule: str | None = None,
        entity: str | None = None,
        at_least: int = 2,
        since: datetime | None = None,
        order: Order = "count",
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[Repeat, ...]:
        """Values that came again: most often or latest first; `since` is about the last time."""
        query = select(RepeatRow.__table__).where(RepeatRow.count >= at_least)
        for column, wanted in (
            (RepeatRow.service, service),
            (RepeatRow.rule, rule),
            (RepeatRow.entity, entity),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if since is not None:
            query = query.where(RepeatRow.last_at >= since)
        most, latest = RepeatRow.count.desc(), RepeatRow.last_at.desc()
        first = (most, latest) if order == "count" else (latest, most)
        query = query.order_by(*first).limit(limit).offset(offset)
        with self.engine.connect() as connection:
            return tuple(Repeat(**row._asdict()) for row in connection.execute(query))

    def senders(self, *, since: datetime, until: datetime, top: int = 20) -> tuple[Sender, ...]:
        """Who caused most incidents in a time, by clear name: `people` has the pseudonyms."""
        count = func.count().label("count")
        stopped = func.sum(case((IncidentRow.enforcement != "forward", 1), else_=0))
        query = (
            select(IncidentRow.actor, count, stopped.label("stopped"))
            .where(IncidentRow.at >= since, IncidentRow.at < until)
            .group_by(IncidentRow.actor)
            .order_by(count.desc(), IncidentRow.actor)
            .limit(top)
        )
        with self.engine.connect() as connection:
            return tuple(
                Sender(actor, many, int(few)) for actor, many, few in connection.execute(query)
            )

    def backlog(self) -> Mapping[Status, Mapping[Severity, int]]:
        """How many incidents nobody has closed, by status and severity."""
        query = (
            select(WorkRow.status, WorkRow.severity, func.count().label("many"))
            .where(WorkRow.status.in_([Status.OPEN.value, Status.IN_PROGRESS.value]))
            .group_by(WorkRow.status, WorkRow.severity)
        )
        found: dict[Status, dict[Severity, int]] = {Status.OPEN: {}, Status.IN_PROGRESS: {}}
        with self.engine.connect() as connection:
            for status, severity, many in connection.execute(query):
                found[Status(status)][Severity(severity)] = many
        return found


# --- counting ------------------------------------------------------------------------------------


def count(connection: Connection, incidents: Sequence[Incident]) -> None:
    """Count incidents whose row of work was made in this transaction."""
    tallies: Counter[tuple[str, ...]] = Counter()
    repeats: dict[tuple[str, str, str], dict[str, Any]] = {}
    for incident in incidents:
        day = incident.at.astimezone(UTC).date()
        tallies.update((day.isoformat(), *key) for key in set(_tallied(incident)))
        for row in _repeated(incident):
            key = row["fingerprint"], row["rule"], row["service"]
            known = repeats.setdefault(key, row)
            if known is not row:
                known["count"] += 1
                known["preview"] = known["preview"] or row["preview"]
                known["first_at"] = min(known["first_at"], row["first_at"])
                known["last_at"] = max(known["last_at"], row["last_at"])
    # INVARIANT: in the same order everywhere, tallies before repeats: gateways that store at the same
    # time wait for each other's rows, and never in a circle.
    _add(
        connection,
        TallyRow,
        [
            {
                "day": date.fromisoformat(day),
                "kind": kind,
                "name": name,
                "verdict": verdict,
                "outcome": outcome,
                "count": many,
            }
            for (day, kind, name, verdict, outcome), many in sorted(tallies.items())
        ],
    )
    _add(connection, RepeatRow, [repeats[key] for key in sorted(repeats)])


def judged(connection: Connection, changes: Mapping[tuple[str, date, str], int]) -> None:
    """Count judgements: how many more, or fewer, there are of a rule, a day and a resolution."""
    _add(
        connection,
        JudgedRow,
        [
            {"rule": rule, "day": day, "resolution": resolution, "count": many}
            for (rule, day, resolution), many in sorted(changes.items())
            if many
        ],
    )


def _tallied(incident: Incident) -> Iterator[tuple[str, str, str, str]]:
    verdict, outcome = incident.verdict.name.lower(), incident.enforcement
    yield "service", incident.service, verdict, outcome
    yield "severity", incident.severity.name.lower(), verdict, outcome
    for rule in incident.rules:
        yield "rule", rule.rule, rule.action.name.lower(), rule.mode
    for group in incident.findings:
        yield "entity", group.entity, verdict, outcome
    for place in incident.unread:
        yield "unread", place.reason, verdict, outcome
    for team in incident.teams or ():
        yield "team", team, verdict, outcome


def _repeated(incident: Incident) -> Iterator[dict[str, Any]]:
    rules = list(dict.fromkeys(rule.rule for rule in incident.rules))[:MAX_RULES]
    values = {
        fingerprint: group
        for group in reversed(incident.findings)
        for fingerprint in reversed(group.fingerprints)
    }
    for fingerprint, group in list(reversed(values.items()))[:MAX_VALUES]:
        for rule in rules:
            yield {
                "fingerprint": fingerprint,
                "rule": rule,
                "service": incident.service,
                "entity": group.entity,
                # One preview is of the surest finding of several; of one it is its own.
                "preview": group.preview if group.distinct == 1 else "",
                "count": 1,
                "first_at": incident.at,
                "last_at": incident.at,
            }


def _add(
    connection: Connection,
    table: type[TallyRow | RepeatRow | JudgedRow],
    rows: Sequence[dict[str, Any]],
) -> None:
    """INSERT, or add to what is there; both databases have it, each in its own dialect."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(table)
    there = table.__table__.c
    changes: dict[str, Any] = {"count": there.count + new.excluded.count}
    if table is RepeatRow:
        earlier = new.excluded.first_at < there.first_at
        later = new.excluded.last_at > there.last_at
        named = there.preview != ""
        changes["preview"] = case((named, there.preview), else_=new.excluded.preview)
        changes["first_at"] = case((earlier, new.excluded.first_at), else_=there.first_at)
        changes["last_at"] = case((later, new.excluded.last_at), else_=there.last_at)
    keys = [column.name for column in table.__table__.primary_key]
    statement = new.on_conflict_do_update(index_elements=keys, set_=changes)
    connection.execute(statement, list(rows))
