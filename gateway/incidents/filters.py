"""Which incidents are meant? A filter, what it means in SQL, and those that it holds for.

Law: every condition of a filter can be asked of an index, on both databases. Conditions on the work
speak of the row beside the incident (`work_tables`), which is made when the incident is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, func, select, tuple_

from gateway.incidents.record import Enforced
from gateway.incidents.states import Resolution, Status
from gateway.incidents.tables import (
    FindingRow,
    FingerprintRow,
    IncidentRow,
    RuleRow,
    TeamRow,
    UnreadRow,
)
from gateway.incidents.work_tables import LabelRow, WorkRow
from gateway.model import Severity, Verdict

MAX_PAGE = 10_000


class Place(NamedTuple):
    """Where a page ends: pass it as `before` to get the next, older one."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which incidents to list; what is None is not asked. All that are given must hold.

    `since` is inclusive, `until` exclusive, both with a time zone. `rule`, `entity`, `fingerprint`
    and `unread` hold if any rule, finding or place of the incident has it; `label` if it bears that
    one, `team` if its sender was in that group. `min_severity` is about the severity that counts: an override, or else what was recorded. An
    empty `assignee` asks for those that nobody has.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    source_ip: str | None = None
    service: str | None = None
    category: str | None = None
    operation: str | None = None
    act: str | None = None
    host: str | None = None
    team: str | None = None
    verdict: Verdict | None = None
    enforcement: Enforced | None = None
    cause: str | None = None
    min_severity: Severity | None = None
    policy_revision: str | None = None
    rule: str | None = None
    entity: str | None = None
    fingerprint: str | None = None
    unread: str | None = None
    status: Status | None = None
    assignee: str | None = None
    resolution: Resolution | None = None
    label: str | None = None


def listed(columns: Any, filters: Filters, before: Place | None = None) -> Select[Any]:
    """A query of `columns` for the incidents that `filters` hold for, newest first, before a place."""
    # The order is asked of the table whose index finds them: both hold the same time and id.
    by_work = filters.min_severity is max(Severity) or any(
        each is not None for each in (filters.status, filters.assignee, filters.resolution)
    )
    at: Any = WorkRow.at if by_work else IncidentRow.at
    identity: Any = WorkRow.incident_id if by_work else IncidentRow.id
    query = select(*columns)
    if filters.team is not None and not by_work:
        at, identity = TeamRow.at, TeamRow.incident_id
        query = query.join(TeamRow, TeamRow.incident_id == IncidentRow.id)
        query = query.where(TeamRow.team == filters.team)
        filters = replace(filters, team=None)
    query = _filtered(query, filters, at)
    if before is not None:
        query = query.where(tuple_(at, identity) < tuple_(*before))
    return query.order_by(at.desc(), identity.desc())


def matching(
    engine: Engine, filters: Filters, *, limit: int, before: Place | None = None
) -> tuple[str, ...]:
    """The ids of at most `limit` incidents, the newest first, older than `before`."""
    with engine.connect() as connection:
        query = listed([IncidentRow.id], filters, before).limit(limit)
        return tuple(connection.execute(query).scalars())


def counted(engine: Engine, filters: Filters, *, most: int = 1000) -> int:
    """How many incidents there are, up to `most`: then there are that many or more.

    In no order: an index of what is asked for tells it, where the newest of few would be found only by
    walking through all.
    """
    asked = {each.name for each in fields(filters) if getattr(filters, each.name) is not None}
    inner: Select[Any]
    if len(asked) == 1 and asked <= _CHILDREN.keys():
        # Their own index tells it, without a look at each incident.
        (name,) = asked
        owner, column = _CHILDREN[name]
        inner = select(owner).where(column == getattr(filters, name)).distinct()
    else:
        inner = listed([IncidentRow.id], filters).order_by(None)
    with engine.connect() as connection:
        inner = inner.limit(most)
        return connection.execute(select(func.count()).select_from(inner.subquery())).scalar_one()


def _filtered(query: Select[Any], filters: Filters, at: Any) -> Select[Any]:
    equal = {
        IncidentRow.actor: filters.actor,
        IncidentRow.source_ip: filters.source_ip,
        IncidentRow.service: filters.service,
        IncidentRow.category: filters.category,
        IncidentRow.operation: filters.operation,
        IncidentRow.act: filters.act,
        IncidentRow.host: filters.host,
        IncidentRow.verdict: filters.verdict.name.lower() if filters.verdict is not None else None,
        IncidentRow.enforcement: filters.enforcement,
        IncidentRow.cause: filters.cause,
        IncidentRow.policy_revision: filters.policy_revision,
    }
    for column, wanted in equal.items():
        if wanted is not None:
            query = query.where(column == wanted)
    if filters.since is not None:
        query = query.where(at >= filters.since)
    if filters.until is not None:
        query = query.where(at < filters.until)
    work = {
        WorkRow.status: filters.status,
        WorkRow.assignee: filters.assignee,
        WorkRow.resolution: filters.resolution,
    }
    asked = {column: str(wanted) for column, wanted in work.items() if wanted is not None}
    if asked or filters.min_severity is not None:
        query = query.join(WorkRow, WorkRow.incident_id == IncidentRow.id)
    for place, word in asked.items():
        query = query.where(place == word)
    if filters.min_severity is max(Severity):
        # As an equality it is answered by an index in the order of time.
        query = query.where(WorkRow.severity == int(filters.min_severity))
    elif filters.min_severity is not None:
        query = query.where(WorkRow.severity >= int(filters.min_severity))
    for name, (owner, column) in _CHILDREN.items():
        wanted = getattr(filters, name)
        if wanted is not None:
            query = query.where(IncidentRow.id.in_(select(owner).where(column == wanted)))
    return query


_CHILDREN: Mapping[str, tuple[Any, Any]] = {
    "rule": (RuleRow.incident_id, RuleRow.rule),
    "entity": (FindingRow.incident_id, FindingRow.entity),
    "fingerprint": (FingerprintRow.incident_id, FingerprintRow.fingerprint),
    "unread": (UnreadRow.incident_id, UnreadRow.reason),
    "label": (LabelRow.incident_id, LabelRow.label),
    "team": (TeamRow.incident_id, TeamRow.team),
}
"""Filters that hold if any row of another table does: whose it is, and what it says."""
