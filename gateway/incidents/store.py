"""Where are incidents kept and found again? In SQLite for one machine, PostgreSQL for a company.

Law: adding is idempotent by incident id, in one transaction per batch: a batch is stored whole or
not at all, and storing it again changes nothing. No statement's parameters reach an error's text.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self, TypedDict, cast, get_args

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    exists,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.database.engines import open_engine
from gateway.incidents.counts import count
from gateway.incidents.filters import MAX_PAGE, Filters, Place, listed
from gateway.incidents.record import (
    Enforced,
    FindingGroup,
    FiredRule,
    Incident,
    UnreadPlace,
)
from gateway.incidents.states import Status
from gateway.incidents.tables import (
    SCOPE_CHARS,
    EvidenceRow,
    FindingRow,
    FingerprintRow,
    IncidentRow,
    RuleRow,
    ScopeRow,
    TeamRow,
    UnreadRow,
)
from gateway.incidents.work_tables import WorkRow
from gateway.model import Severity, Verdict

_AT_ONCE = 500
"""Ids in one condition: each is a parameter, and databases bound those."""


class Store:
    """Incidents in a database. Methods raise SQLAlchemy's errors; `OperationalError` is "away"."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] | None = None) -> None:
        self.engine = engine
        self._clock = clock or (lambda: datetime.now(UTC))

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], datetime] | None = None) -> Self:
        """A store on `sqlite:///PATH` or `postgresql://…`; connects when first used.

        Raises `StoreError` for a URL that names no such database.
        """
        # Durable: the spool forgets what the store has.
        return cls(open_engine(url, durable=True), clock=clock)

    def add(self, incidents: Iterable[Incident]) -> int:
        """Store those incidents that are not stored yet; how many were new."""
        # The same id twice in one batch is the same incident: the first one counts.
        batch = {incident.id: incident for incident in reversed(list(incidents))}
        if not batch:
            return 0
        stored_at = self._clock()
        rows = [_incident_row(incident, stored_at) for incident in batch.values()]
        with self.engine.begin() as connection:
            fresh = set(
                connection.execute(self._insert_new(connection).returning(IncidentRow.id), rows)
                .scalars()
                .all()
            )
            news = [batch[key] for key in batch if key in fresh]
            for table, children in (
                (RuleRow, _rule_rows(news)),
                (FindingRow, _finding_rows(news)),
                (FingerprintRow, _fingerprint_rows(news)),
                (UnreadRow, _unread_rows(news)),
                (EvidenceRow, _evidence_rows(news)),
                (TeamRow, _team_rows(news)),
            ):
                if children:
                    connection.execute(insert(table), children)
            self._keep_scopes(connection, news)
            _begin_work(connection, [incident.id for incident in news])
            count(connection, news)
        return len(news)

    def _keep_scopes(self, connection: Connection, incidents: Sequence[Incident]) -> None:
        """What was asked for, once for all incidents with the same."""
        rows = {scope(each.asked): each.asked for each in incidents if each.asked is not None}
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        for identity, asked in sorted(rows.items()):
            made = dialect.insert(ScopeRow).values(id=identity, asked=list(asked))
            connection.execute(made.on_conflict_do_nothing(index_elements=["id"]))

    @staticmethod
    def _insert_new(connection: Connection) -> sqlite.Insert | postgresql.Insert:
        """INSERT … ON CONFLICT DO NOTHING, which both databases have, each in its own dialect."""
        if connection.dialect.name == "sqlite":
            return sqlite.insert(IncidentRow).on_conflict_do_nothing(index_elements=["id"])
        return postgresql.insert(IncidentRow).on_conflict_do_nothing(index_elements=["id"])

    def get(self, incident: str) -> Incident | None:
        """The incident with this id, or None."""
        return next(iter(self.several([incident])), None)

    def several(self, incidents: Sequence[str]) -> tuple[Incident, ...]:
        """Those of these incidents that are stored, in the order in which they are named."""
        with self.engine.connect() as connection:
            return _named(connection, incidents)

    def list(
        self, filters: Filters | None = None, *, limit: int = 100, before: Place | None = None
    ) -> tuple[Incident, ...]:
        """Incidents newest first, at most `limit` (1 to 10,000), older than `before`."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit must be from 1 to {MAX_PAGE}")
        query = listed([IncidentRow.id], filters or Filters(), before).limit(limit)
        with self.engine.connect() as connection:
            return _named(connection, connection.execute(query).scalars().all())

    def walk(
        self, *, since: datetime, until: datetime, page: int = 2000
    ) -> Iterator[tuple[Incident, ...]]:
        """All incidents from `since` up to `until`, oldest first, page by page.

        One page at a time is in memory, and no transaction stays open between pages. For counting:
        `timings` are left empty.
        """
        columns = _columns(whole=False)
        place = tuple_(IncidentRow.at, IncidentRow.id)
        after: tuple[datetime, str] | None = None
        while True:
            query = select(*columns).where(IncidentRow.at >= since, IncidentRow.at < until)
            if after is not None:
                query = query.where(place > tuple_(*after))
            query = query.order_by(IncidentRow.at, IncidentRow.id).limit(page)
            with self.engine.connect() as connection:
                rows = connection.execute(query).all()
                if rows:
                    # Asked for as a stretch: thousands of ids would cost more than what they find.
                    first, last = ((row.at, row.id) for row in (rows[0], rows[-1]))
                    within = (
                        # Said twice: databases guess how much it is by the plain one.
                        IncidentRow.at.between(first[0], last[0]),
                        place >= tuple_(*first),
                        place <= tuple_(*last),
                    )
                    yield _incidents(connection, rows, within=within)
            if len(rows) < page:
                return
            after = rows[-1].at, rows[-1].id

    def purge(
        self, before: datetime, *, severity: Severity | None = None, limit: int = 1000
    ) -> int:
        """Delete at most `limit` incidents older than `before`, oldest first; how many went.

        With `severity`, those that count as such: an override goes before what was recorded. Waits for
        nobody: what somebody works on or another gateway purges at this moment is passed over.
        """
        oldest = select(IncidentRow.id).limit(limit)
        if severity is None:
            oldest = oldest.where(IncidentRow.at < before).order_by(IncidentRow.at)
        else:
            oldest = (
                oldest.join(WorkRow, WorkRow.incident_id == IncidentRow.id)
                .where(WorkRow.severity == int(severity), WorkRow.at < before)
                .order_by(WorkRow.at)
            )
        oldest = oldest.with_for_update(of=IncidentRow, skip_locked=True)
        with self.engine.begin() as connection:
            gone = connection.execute(
                delete(IncidentRow)
                .where(IncidentRow.id.in_(oldest))
                .execution_options(synchronize_session=False)
            )
        return gone.rowcount

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def adopt(connection: Connection, incidents: Sequence[str]) -> int:
    """Make the row of work for those of `incidents` that have none, and count them; how many it were.

    INVARIANT: the row is made once, in the transaction that stores the incident, or later for one that
    an older gateway has stored; only who made it counts the incident.
    """
    made = _begin_work(connection, incidents)
    if made:
        count(connection, _named(connection, made))
    return len(made)


def _begin_work(connection: Connection, incidents: Sequence[str]) -> tuple[str, ...]:
    if not incidents:
        return ()
    fresh = select(
        IncidentRow.id,
        IncidentRow.at,
        literal(Status.OPEN.value),
        IncidentRow.severity,
        literal(""),
        literal(""),
        literal(0),
        IncidentRow.stored_at,
        literal(""),
    ).where(
        IncidentRow.id.in_(incidents),
        # Almost all have one; to try each would cost more.
        ~exists().where(WorkRow.incident_id == IncidentRow.id),
    )
    columns = [column.name for column in WorkRow.__table__.columns]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    made = dialect.insert(WorkRow).from_select(columns, fresh)
    made = made.on_conflict_do_nothing(index_elements=["incident_id"])
    return tuple(connection.execute(made.returning(WorkRow.incident_id)).scalars())


# --- rows ----------------------------------------------------------------------------------------


def _incident_row(incident: Incident, stored_at: datetime) -> dict[str, object]:
    return {
        "id": incident.id,
        "exchange": incident.exchange,
        "at": incident.at,
        "stored_at": stored_at,
        "actor": incident.actor,
        "source_ip": incident.source_ip,
        "service": incident.service,
        "category": incident.category,
        "operation": incident.operation,
        "act": incident.act,
        "host": incident.host,
        "method": incident.method,
        "verdict": incident.verdict.name.lower(),
        "monitored": incident.monitored.name.lower(),
        "enforcement": incident.enforcement,
        "cause": incident.cause,
        "severity": int(incident.severity),
        "policy_revision": incident.policy_revision,
        "detector_revision": incident.detector_revision,
        "inspected": incident.inspected,
        "findings_total": incident.findings_total,
        "unread_total": incident.unread_total,
        "omitted": incident.omitted,
        "timings": dict(incident.timings),
        "device": None if incident.asked is None else incident.device,
        "scope": _scope_of(incident),
        "api_keys": None if incident.keys is None else " ".join(incident.keys),
    }


def scope(asked: Sequence[str]) -> str:
    """The name of a set of patterns."""
    return hashlib.blake2b("\n".join(asked).encode(), digest_size=SCOPE_CHARS // 2).hexdigest()


def _scope_of(incident: Incident) -> str | None:
    """NULL for a record that holds nothing of groups, empty when those of the sender were not known."""
    if incident.asked is None:
        return None
    return "" if incident.teams is None else scope(incident.asked)


def _scopes(connection: Connection, wanted: Iterable[str | None]) -> Mapping[str, tuple[str, ...]]:
    """What was asked for, by the names of `wanted`."""
    names = {name for name in wanted if name}
    if not names:
        return {}
    query = select(ScopeRow.id, ScopeRow.asked).where(ScopeRow.id.in_(names))
    return {identity: tuple(asked) for identity, asked in connection.execute(query)}


def _rule_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    return [
        {
            "incident_id": incident.id,
            "position": position,
            "rule": rule.rule,
            "mode": rule.mode,
            "action": rule.action.name.lower(),
            "justified": rule.justified,
            "severity": int(rule.severity),
        }
        for incident in incidents
        for position, rule in enumerate(incident.rules)
    ]


def _finding_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    return [
        {
            "incident_id": incident.id,
            "position": position,
            "entity": group.entity,
            "path": group.path,
            "role": group.role,
            "kind": group.kind,
            "detector": group.detector,
            "count": group.count,
            "distinct": group.distinct,
            "confidence": group.confidence,
            "preview": group.preview,
        }
        for incident in incidents
        for position, group in enumerate(incident.findings)
    ]


def _fingerprint_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    return [
        {
            "incident_id": incident.id,
            "finding": finding,
            "position": position,
            "fingerprint": value,
        }
        for incident in incidents
        for finding, group in enumerate(incident.findings)
        for position, value in enumerate(group.fingerprints)
    ]


def _unread_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    return [
        {
            "incident_id": incident.id,
            "position": position,
            "path": place.path,
            "reason": place.reason,
            "size": place.size,
            "detail": place.detail,
        }
        for incident in incidents
        for position, place in enumerate(incident.unread)
    ]


def _evidence_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for incident in incidents:
        sealed = base64.b64decode(incident.evidence)
        if sealed:
            key = sealed[4:12].hex()  # as `gateway.evidence` lays it out
            rows.append(
                {
                    "incident_id": incident.id,
                    "position": 0,
                    "at": incident.at,
                    "key": key,
                    "sealed": sealed,
                }
            )
    return rows


def _team_rows(incidents: Sequence[Incident]) -> list[dict[str, object]]:
    return [
        {"incident_id": incident.id, "team": team, "at": incident.at, "actor": incident.actor}
        for incident in incidents
        for team in incident.teams or ()
    ]


class _Sender(TypedDict):
    """What a row tells of its sender."""

    teams: tuple[str, ...] | None
    asked: tuple[str, ...] | None
    device: str
    keys: tuple[str, ...] | None


def _sender(row: Any, teams: Iterable[str], scopes: Mapping[str, tuple[str, ...]]) -> _Sender:
    return _Sender(
        teams=tuple(teams) if row.scope else None,
        asked=None if row.scope is None else scopes.get(row.scope, ()),
        device=row.device or "",
        keys=None if row.api_keys is None else tuple(row.api_keys.split()),
    )


def _named(connection: Connection, incidents: Sequence[str]) -> tuple[Incident, ...]:
    """Those of these incidents that are stored, in the order in which they are named."""
    found: dict[str, Incident] = {}
    for some in itertools.batched(incidents, _AT_ONCE):
        these = IncidentRow.id.in_(some)
        rows = connection.execute(select(*_columns(whole=True)).where(these)).all()
        for incident in _incidents(connection, rows, among=some):
            found[incident.id] = incident
    return tuple(found[name] for name in incidents if name in found)


def _columns(*, whole: bool) -> list[Any]:
    without = {"stored_at"} if whole else {"stored_at", "timings"}
    return [column for name, column in IncidentRow.__table__.c.items() if name not in without]


def _incidents(
    connection: Connection,
    rows: Sequence[Row[Any]],
    *,
    within: Sequence[Any] = (),
    among: Sequence[str] = (),
) -> tuple[Incident, ...]:
    """Incidents of plain rows with all their children: one statement per table, and no objects of
    the mapper, which cost three times as much. Which they are say either conditions on the incidents,
    or their ids: then children are found by those alone.
    """

    def children(table: Any, *columns: Any) -> Iterator[Any]:
        query = select(table.incident_id, *columns)
        if among:
            query = query.where(table.incident_id.in_(among))
        else:
            query = query.join(IncidentRow, IncidentRow.id == table.incident_id).where(*within)
        yield from connection.execute(
            query.order_by(table.incident_id, *table.__table__.primary_key.columns[1:])
        )

    rules: defaultdict[str, list[FiredRule]] = defaultdict(list)
    for owner, rule, mode, action, severity, justified in children(
        RuleRow, RuleRow.rule, RuleRow.mode, RuleRow.action, RuleRow.severity, RuleRow.justified
    ):
        rules[owner].append(
            FiredRule(rule, mode, Verdict[action.upper()], Severity(severity), justified)
        )
    prints: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for owner, finding, value in children(
        FingerprintRow, FingerprintRow.finding, FingerprintRow.fingerprint
    ):
        prints[owner, finding].append(value)
    groups: defaultdict[str, list[FindingGroup]] = defaultdict(list)
    shown = (
        FindingRow.position,
        FindingRow.entity,
        FindingRow.path,
        FindingRow.role,
        FindingRow.kind,
        FindingRow.detector,
        FindingRow.count,
        FindingRow.distinct,
        FindingRow.confidence,
        FindingRow.preview,
    )
    for owner, position, *group in children(FindingRow, *shown):
        entity, path, role, kind, detector, times, distinct, confidence, preview = group
        values = tuple(prints.get((owner, position), ()))
        groups[owner].append(
            FindingGroup(
                entity, path, role, kind, detector, times, distinct, confidence, preview, values
            )
        )
    unread: defaultdict[str, list[UnreadPlace]] = defaultdict(list)
    for owner, path, reason, size, detail in children(
        UnreadRow, UnreadRow.path, UnreadRow.reason, UnreadRow.size, UnreadRow.detail
    ):
        unread[owner].append(UnreadPlace(path, reason, size, detail))
    teams: defaultdict[str, list[str]] = defaultdict(list)
    for owner, team in children(TeamRow, TeamRow.team):
        teams[owner].append(team)
    scopes = _scopes(connection, [row.scope for row in rows])
    return tuple(
        Incident(
            **_plain(row)
            | {
                "verdict": Verdict[row.verdict.upper()],
                "monitored": Verdict[row.monitored.upper()],
                "enforcement": _enforced(row.enforcement),
                "severity": Severity(row.severity),
                "rules": tuple(rules.get(row.id, ())),
                "findings": tuple(groups.get(row.id, ())),
                "unread": tuple(unread.get(row.id, ())),
                **_sender(row, teams.get(row.id, ()), scopes),
            }
        )
        for row in rows
    )


def _plain(row: Row[Any]) -> dict[str, Any]:
    """What of a row is the same in an incident."""
    values = row._asdict()
    del values["scope"], values["api_keys"]
    return values


def _enforced(word: str) -> Enforced:
    if word not in get_args(Enforced.__value__):
        raise ValueError("the database holds an enforcement that this version does not know")
    return cast("Enforced", word)
