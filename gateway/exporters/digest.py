"""What stands in a digest? How many incidents of a time there were, of which kinds, and where to look.

Law: counts and names of rules, services and entities only: no value, not even a masked one, no person,
and no address. Every incident is in one digest of a receiver, by the time at which it was stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any, assert_never
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select

from gateway.exporters.document import Mail
from gateway.incidents.count_tables import RepeatRow
from gateway.incidents.record import Enforced, Incident
from gateway.incidents.tables import FindingRow, IncidentRow, RuleRow
from gateway.model import Severity

SETTLED = timedelta(minutes=2)
"""What is stored shows up in the database so late at most, as a rule."""

TOP = 10


@dataclass(frozen=True, slots=True)
class Group:
    """A value that came again: what it was, which rule, on the way to where, how often in all."""

    fingerprint: str
    entity: str
    rule: str
    service: str
    count: int


@dataclass(frozen=True, slots=True)
class Digest:
    """The incidents that were stored from `since` up to `until`, most first."""

    since: datetime
    until: datetime
    severities: tuple[tuple[Severity, int], ...]
    done: tuple[tuple[Enforced, int], ...]
    services: tuple[tuple[str, int], ...]
    rules: tuple[tuple[str, int], ...]
    entities: tuple[tuple[str, int], ...]
    groups: tuple[Group, ...] = ()

    @property
    def all(self) -> int:
        """How many they were."""
        return sum(many for _, many in self.severities)


# --- when ----------------------------------------------------------------------------------------


def due(export: Mail, now: datetime) -> datetime:
    """When the newest digest ends that can be sent at `now`."""
    now -= SETTLED
    match export.every:
        case "hour":
            return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        case "day":
            return _last(export, now, 1)
        case "week":
            return _last(export, now, 7)
        case other:
            assert_never(other)


def _last(export: Mail, now: datetime, days: int) -> datetime:
    zone = ZoneInfo(export.zone)
    hour, _, minute = export.at.partition(":")
    at = time(int(hour), int(minute))
    day: date = now.astimezone(zone).date()
    if days == 7:
        day -= timedelta(days=day.weekday())  # weeks begin on Monday
    end = datetime.combine(day, at, zone)
    if end > now:
        end = datetime.combine(day - timedelta(days=days), at, zone)
    return end.astimezone(UTC)


# --- what ----------------------------------------------------------------------------------------


def read(engine: Engine, export: Mail, since: datetime, until: datetime) -> Digest:
    """The digest of a time, from the database. Raises SQLAlchemy's errors."""
    which = [IncidentRow.stored_at >= since, IncidentRow.stored_at < until]
    if export.min_severity > Severity.INFO:
        which.append(IncidentRow.severity >= int(export.min_severity))
    if export.services:
        which.append(IncidentRow.service.in_(export.services))
    many = func.count()
    with engine.connect() as connection:
        head = connection.execute(
            select(IncidentRow.severity, IncidentRow.enforcement, IncidentRow.service, many)
            .where(*which)
            .group_by(IncidentRow.severity, IncidentRow.enforcement, IncidentRow.service)
        ).all()

        def of(column: Any, owner: Any) -> tuple[tuple[str, int], ...]:
            each = func.count(owner.distinct())
            query = select(column, each).join(IncidentRow, IncidentRow.id == owner).where(*which)
            query = query.group_by(column).order_by(each.desc(), column).limit(TOP)
            return tuple((name, count) for name, count in connection.execute(query))

        rules = of(RuleRow.rule, RuleRow.incident_id)
        entities = of(FindingRow.entity, FindingRow.incident_id)
        again = select(RepeatRow.__table__).where(
            RepeatRow.last_at >= since, RepeatRow.last_at < until, RepeatRow.count > 1
        )
        if export.services:
            again = again.where(RepeatRow.service.in_(export.services))
        groups = tuple(
            Group(row.fingerprint, row.entity, row.rule, row.service, row._mapping["count"])  # noqa: SLF001  # `count` is a method of rows
            for row in connection.execute(
                again.order_by(RepeatRow.count.desc(), RepeatRow.last_at.desc()).limit(5)
            )
        )
    return _digest(since, until, head, rules, entities, groups)


def of_incidents(incidents: Sequence[Incident], until: datetime) -> Digest:
    """A digest of incidents that are at hand, as when it is tried out."""
    head = [
        (int(incident.severity), incident.enforcement, incident.service, 1)
        for incident in incidents
    ]
    rules = Counter(name for each in incidents for name in {rule.rule for rule in each.rules})
    entities = Counter(name for each in incidents for name in {it.entity for it in each.findings})
    since = min((incident.at for incident in incidents), default=until)
    return _digest(since, until, head, rules.most_common(TOP), entities.most_common(TOP), ())


def _digest(
    since: datetime,
    until: datetime,
    head: Iterable[Any],
    rules: Iterable[tuple[str, int]],
    entities: Iterable[tuple[str, int]],
    groups: tuple[Group, ...],
) -> Digest:
    severities: Counter[Severity] = Counter()
    done: Counter[Enforced] = Counter()
    services: Counter[str] = Counter()
    for severity, enforcement, service, many in head:
        severities[Severity(severity)] += many
        done[enforcement] += many
        services[service] += many
    return Digest(
        since,
        until,
        tuple(sorted(severities.items(), reverse=True)),
        tuple(sorted(done.items(), key=lambda each: -each[1])),
        tuple(sorted(services.items(), key=lambda each: (-each[1], each[0]))[:TOP]),
        tuple(rules),
        tuple(entities),
        groups,
    )


# --- how it reads --------------------------------------------------------------------------------

_DONE: dict[Enforced, str] = {
    "forward": "sent, and recorded",
    "rewrite": "sent without what was found",
    "refuse": "not sent",
}


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    count: int
    link: str


def subject(export: Mail, digest: Digest) -> str:
    """One line: how many, of which the worst."""
    if not digest.all:
        return f"Leakgate {export.name}: no incidents"
    severity, many = digest.severities[0]
    plural = "" if digest.all == 1 else "s"
    return f"Leakgate {export.name}: {digest.all} incident{plural}, {many} {severity.name.lower()}"


def text(export: Mail, digest: Digest) -> str:
    """The digest for readers of plain text."""
    lines = [_span(export, digest), "", _sum(digest)]
    for title, rows in _sections(export, digest):
        lines += ["", title]
        for row in rows:
            lines.append(f"  {row.count:>7}  {row.name}")
            if row.link:
                lines.append(f"           {row.link}")
    if export.console:
        lines += ["", f"Console: {_link(export)}"]
    return "\n".join(lines) + "\n"


def html(export: Mail, digest: Digest) -> str:
    """The same with tables."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{escape(subject(export, digest))}</title>",
        "<body style='font-family:sans-serif;max-width:40em'>",
        f"<p>{escape(_span(export, digest))}</p><p><strong>{escape(_sum(digest))}</strong></p>",
    ]
    for title, rows in _sections(export, digest):
        parts.append(f"<h2 style='font-size:1.1em'>{escape(title)}</h2><table>")
        for row in rows:
            name = escape(row.name)
            if row.link:
                name = f"<a href='{escape(row.link, quote=True)}'>{name}</a>"
            parts.append(
                f"<tr><td style='text-align:right;padding-right:1em'>{row.count}</td>"
                f"<td>{name}</td></tr>"
            )
        parts.append("</table>")
    if export.console:
        parts.append(f"<p><a href='{escape(_link(export), quote=True)}'>All incidents</a></p>")
    return "".join([*parts, "</body></html>\n"])


def _span(export: Mail, digest: Digest) -> str:
    zone = ZoneInfo(export.zone)
    since, until = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (digest.since, digest.until))
    return f"Incidents that were recorded from {since} to {until} ({export.zone})."


def _sum(digest: Digest) -> str:
    if not digest.all:
        return "There were none."
    told = ", ".join(f"{many} {_DONE[how]}" for how, many in digest.done)
    return f"{digest.all} in all: {told}."


def _sections(export: Mail, digest: Digest) -> Iterable[tuple[str, list[_Line]]]:
    since = f"{digest.since.astimezone(UTC):%Y-%m-%d}"
    yield (
        "By severity",
        [
            _Line(
                severity.name.lower(),
                many,
                _link(export, min_severity=severity.name.lower(), since=since),
            )
            for severity, many in digest.severities
        ],
    )
    for title, key, named in (
        ("By rule", "rule", digest.rules),
        ("By service", "service", digest.services),
        ("By what was found", "entity", digest.entities),
    ):
        if named:
            rows = [
                _Line(name, many, _link(export, **{key: name}, since=since)) for name, many in named
            ]
            yield title, rows
    if digest.groups:
        yield (
            "What came again, and how often so far",
            [
                _Line(
                    f"{group.entity} by {group.rule} to {group.service}",
                    group.count,
                    _link(export, q=group.fingerprint),
                )
                for group in digest.groups
            ],
        )


def _link(export: Mail, **asked: str) -> str:
    """Where the console shows it; empty when it is not said where the console is."""
    if not export.console:
        return ""
    query = f"?{urlencode(asked)}" if asked else ""
    return f"{export.console.rstrip('/')}/console/incidents{query}"
