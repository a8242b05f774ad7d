"""What do people do with an incident? They take it, close it with a verdict, and write notes.

Law: every change is one transaction with its entries in the audit log, which are the history of the
incident. Who changes one incident names the version that they saw; a change on top of one that they
did not see is refused (`StaleEdit`). Who acts is given as the name of an account.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.audit.chain import WHO_CHARS, Entry
from gateway.audit.log import Log, Writing
from gateway.incidents import exceptions
from gateway.incidents.count_tables import JudgedRow
from gateway.incidents.counts import judged as count_judged
from gateway.incidents.filters import Filters, matching
from gateway.incidents.record import Incident
from gateway.incidents.states import (
    JUDGING,
    Bulk,
    Change,
    Note,
    Precision,
    Resolution,
    StaleEdit,
    State,
    Status,
    TooMany,
    UnknownIncident,
    WorkError,
)
from gateway.incidents.store import adopt
from gateway.incidents.tables import EvidenceRow, IncidentRow, RuleRow
from gateway.incidents.work_tables import (
    LABEL_CHARS,
    NOTE_CHARS,
    JudgementRow,
    LabelRow,
    NoteRow,
    WorkRow,
)
from gateway.model import Severity

MOST = 10_000
"""Most incidents of one bulk action."""

MAX_LABELS = 20
_AT_ONCE = 500
_TOGETHER = 500
"""Incidents of a bulk action in one transaction; others who write wait for it."""

CHANGED, NOTED, DRAFTED = "incident.changed", "incident.noted", "exception.drafted"


class Work:
    """The work on the incidents of one database. Methods raise SQLAlchemy's errors and `AuditError`,
    too; nothing is changed then.
    """

    def __init__(
        self, engine: Engine, audit: Log, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.engine = engine
        self.audit = audit
        self._clock = clock or (lambda: datetime.now(UTC))

    # --- reading ---------------------------------------------------------------------------------

    def state(self, incident: str) -> State:
        """The work on an incident. Raises `UnknownIncident`."""
        found = self.states([incident])
        if incident not in found:
            raise UnknownIncident(f"no incident `{incident}`")
        return found[incident]

    def states(self, incidents: Sequence[str]) -> Mapping[str, State]:
        """The work on those of these incidents that there are, at most 10,000."""
        with self.engine.connect() as connection:
            return _states(connection, incidents)

    def notes(self, incident: str) -> tuple[Note, ...]:
        """What was written about an incident, oldest first."""
        query = select(NoteRow.__table__).where(NoteRow.incident_id == incident)
        with self.engine.connect() as connection:
            return tuple(
                Note(row.incident_id, row.number, row.at, row.who, row.text)
                for row in connection.execute(query.order_by(NoteRow.number))
            )

    def history(self, incident: str, *, limit: int = 200) -> tuple[Entry, ...]:
        """What was done about an incident, newest first: its entries in the audit log."""
        return self.audit.list(target=incident, limit=limit)

    def precision(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Precision, ...]:
        """How often each rule was right in incidents of that time; the least precise first.

        Whole days count judgements of incidents that were purged since, too.
        """
        counted: dict[str, Counter[str]] = {}
        with self.engine.connect() as connection:
            for query in _judged(since, until):
                for rule, resolution, many in connection.execute(query):
                    counted.setdefault(rule, Counter())[resolution] += int(many)
        found = (
            Precision(
                rule,
                max(0, each[Resolution.TRUE_POSITIVE]),
                max(0, each[Resolution.FALSE_POSITIVE]),
            )
            for rule, each in counted.items()
            if any(many > 0 for many in each.values())
        )
        return tuple(sorted(found, key=lambda each: (each.precision, each.rule)))

    # --- changing --------------------------------------------------------------------------------

    def change(
        self, incident: str, change: Change, *, who: str, version: int, reason: str = ""
    ) -> State:
        """Change one incident that was at `version`; how it is then.

        Raises `StaleEdit`, `UnknownIncident`, or `WorkError` for a change that makes no sense.
        """
        change = _checked(change)
        with self.audit.writing() as writing:
            state = _held(writing.connection, incident)
            if state.version != version:
                raise StaleEdit(state)
            rules = _rules(writing.connection, [incident])
            return self._apply(writing, {incident: state}, change, rules, who, reason)[incident]

    def bulk(
        self,
        which: Filters | Sequence[str],
        change: Change,
        *,
        who: str,
        reason: str = "",
        most: int = 1000,
    ) -> Bulk:
        """Change all incidents that `which` names or that it holds for, at most `most` (to 10,000).

        Raises `TooMany` when there are more, and changes none then; `WorkError` as of `change`. Done
        in portions: an error in between leaves those done that were done, each with its entry.
        """
        change = _checked(change)
        if not 1 <= most <= MOST:
            raise ValueError(f"most must be from 1 to {MOST}")
        if isinstance(which, Filters):
            ids = matching(self.engine, which, limit=most + 1)
        else:
            ids = tuple(dict.fromkeys(which))
        if len(ids) > most:
            raise TooMany(f"more than {most} incidents; narrow the filter")
        changed = found = 0
        for some in itertools.batched(ids, _TOGETHER):
            with self.audit.writing() as writing:
                adopt(writing.connection, some)
                states = _states(writing.connection, some, hold=True)
                found += len(states)
                # Which rules fired is asked for only where they are judged.
                rules = _rules(writing.connection, some) if change.resolution in JUDGING else {}
                done = self._apply(writing, states, change, rules, who, reason)
                changed += sum(done[key].version != states[key].version for key in states)
        return Bulk(changed, found - changed, len(ids) - found)

    def false_alarm(
        self,
        incident: Incident,
        rule: str,
        *,
        who: str,
        version: int,
        owner: str,
        reason: str,
        until: date,
        fingerprints: Sequence[str] | None = None,
    ) -> tuple[State, str]:
        """Close an incident as a false positive of `rule`, and draft the exception: a policy file.

        `fingerprints` names the values; it may be left out when there is one only. Raises as `change`
        and `exceptions.draft`; then nothing is changed and nothing drafted.
        """
        values = exceptions.fingerprints(incident, fingerprints)
        text = exceptions.draft(
            incident,
            rule,
            values,
            owner=owner,
            reason=reason,
            until=until,
            today=self._clock().astimezone(UTC).date(),
        )
        change = _checked(Change(resolution=Resolution.FALSE_POSITIVE, rules=(rule,)))
        with self.audit.writing() as writing:
            state = _held(writing.connection, incident.id)
            if state.version != version:
                raise StaleEdit(state)
            rules = _rules(writing.connection, [incident.id])
            held = {incident.id: state}
            done = self._apply(writing, held, change, rules, who, reason)[incident.id]
            told = {"rule": rule, "owner": owner, "until": str(until), "values": str(len(values))}
            writing.note(who, DRAFTED, target=incident.id, reason=reason, detail=told)
        return done, text

    def evidence(self, incident: str, *, who: str, reason: str) -> bytes:
        """What was kept of an incident, as sealed as it is; that it was taken is noted.

        Raises `UnknownIncident`, or `WorkError` when nothing was kept, or there is no reason.
        """
        if not reason.strip():
            raise WorkError("say the `reason` for which the evidence is taken")
        with self.audit.writing() as writing:
            _held(writing.connection, incident)
            query = select(EvidenceRow.sealed).where(EvidenceRow.incident_id == incident)
            sealed = writing.connection.execute(query).scalar_one_or_none()
            if sealed is None:
                raise WorkError(f"nothing was kept of incident `{incident}`, or no longer")
            writing.note(who, "evidence.taken", target=incident, reason=reason)
        return bytes(sealed)

    def note(self, incident: str, text: str, *, who: str) -> Note:
        """Write a note. Raises `UnknownIncident`, or `WorkError` for a text that is empty or long."""
        text = "".join(
            char if char.isprintable() or char == "\n" else " "
            for char in text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
        ).strip()
        if not text:
            raise WorkError("the note is empty")
        if len(text) > NOTE_CHARS:
            raise WorkError(f"the note is over {NOTE_CHARS} characters; shorten it")
        with self.audit.writing() as writing:
            _held(writing.connection, incident)
            last = select(func.max(NoteRow.number)).where(NoteRow.incident_id == incident)
            number = (writing.connection.execute(last).scalar_one() or 0) + 1
            entry = writing.note(who, NOTED, target=incident, detail={"note": str(number)})
            values = {"incident_id": incident, "number": number, "at": entry.at, "who": entry.who}
            writing.connection.execute(insert(NoteRow).values(**values, text=text))
        return Note(incident, number, entry.at, entry.who, text)

    def _apply(
        self,
        writing: Writing,
        states: Mapping[str, State],
        change: Change,
        rules: Mapping[str, tuple[str, ...]],
        who: str,
        reason: str,
    ) -> dict[str, State]:
        """Change all of `states`, which the transaction holds, and note it."""
        now = self._clock().astimezone(UTC)
        done: dict[str, State] = {}
        rows: list[dict[str, object]] = []
        judged: list[dict[str, Any]] = []
        forgotten: list[str] = []
        labels: list[dict[str, object]] = []
        unlabelled: list[str] = []
        for key, state in states.items():
            new = _changed(state, change)
            fired = rules.get(key, ())
            about = fired if change.rules is None else change.rules
            told = _differences(state, new)
            if change.resolution in JUDGING and change.rules is not None:
                if unknown := [rule for rule in about if rule not in fired]:
                    raise WorkError(f"rule `{unknown[0]}` did not fire in incident `{key}`")
                told["rules"] = " ".join(about)
            if not told:
                done[key] = state
                continue
            entry = writing.note(who, CHANGED, target=key, reason=reason, detail=told)
            new = replace(new, version=state.version + 1, changed_at=now, changed_by=entry.who)
            done[key] = new
            rows.append(_row(new))
            if new.resolution is not state.resolution or "rules" in told:
                forgotten.append(key)
                if new.resolution in JUDGING:
                    judged += [
                        {
                            "incident_id": key,
                            "rule": rule,
                            "resolution": new.resolution.value,
                            "at": state.at,
                        }
                        for rule in about
                    ]
            labels += [{"incident_id": key, "label": x} for x in new.labels - state.labels]
            if state.labels - new.labels:
                unlabelled.append(key)
        _write(writing.connection, rows)
        more: Counter[tuple[str, date, str]] = Counter()
        if forgotten:
            gone = delete(JudgementRow).where(JudgementRow.incident_id.in_(forgotten))
            for rule, at, resolution in writing.connection.execute(
                gone.returning(JudgementRow.rule, JudgementRow.at, JudgementRow.resolution)
            ):
                more[rule, at.astimezone(UTC).date(), resolution] -= 1
        if judged:
            writing.connection.execute(insert(JudgementRow), judged)
            more.update(
                (row["rule"], row["at"].astimezone(UTC).date(), row["resolution"]) for row in judged
            )
        if more:
            count_judged(writing.connection, more)
        if unlabelled:
            writing.connection.execute(
                delete(LabelRow).where(
                    LabelRow.incident_id.in_(unlabelled), LabelRow.label.in_(change.remove_labels)
                )
            )
        if labels:
            writing.connection.execute(insert(LabelRow), labels)
        return done


# --- one change ----------------------------------------------------------------------------------


def _checked(change: Change) -> Change:
    """The change with what follows from it. Raises `WorkError`."""
    status = change.status
    if change.resolution is not None:
        if status not in {None, Status.CLOSED}:
            raise WorkError("a resolution closes the incident; leave `status` out")
        status = Status.CLOSED
    if change.rules is not None and change.resolution not in JUDGING:
        raise WorkError("`rules` go with a true or a false positive")
    if change.rules == ():
        raise WorkError("`rules` is empty; name at least one, or leave it out")
    if change.assignee is not None and len(change.assignee) > WHO_CHARS:
        raise WorkError(f"`assignee` is over {WHO_CHARS} characters")
    for label in change.add_labels:
        if not label.strip() or len(label) > LABEL_CHARS or not label.isprintable():
            raise WorkError(f"a label has 1 to {LABEL_CHARS} printable characters")
    if both := change.add_labels & change.remove_labels:
        raise WorkError(f"label `{min(both)}` cannot be added and removed at once")
    rules = None if change.rules is None else tuple(dict.fromkeys(change.rules))
    return replace(change, status=status, rules=rules)


def _changed(state: State, change: Change) -> State:
    """What `state` becomes, its version left alone. Raises `WorkError`."""
    status = state.status if change.status is None else change.status
    resolution = state.resolution if change.resolution is None else change.resolution
    if status is not Status.CLOSED:
        resolution = None
    elif resolution is None:
        raise WorkError("an incident is closed with a `resolution`")
    labels = state.labels - change.remove_labels | change.add_labels
    if len(labels) > MAX_LABELS:
        raise WorkError(f"an incident has at most {MAX_LABELS} labels")
    return replace(
        state,
        status=status,
        resolution=resolution,
        severity=state.severity if change.severity is None else change.severity,
        assignee=state.assignee if change.assignee is None else change.assignee.strip(),
        labels=labels,
    )


def _differences(old: State, new: State) -> dict[str, str]:
    """What changed, as it stands in the audit log: `was > is`, and labels with `+` and `-`."""
    told = {}
    for name in ("status", "severity", "assignee", "resolution"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            told[name] = f"{_word(was)} > {_word(now)}"
    marks = [f"+{label}" for label in sorted(new.labels - old.labels)]
    marks += [f"-{label}" for label in sorted(old.labels - new.labels)]
    if marks:
        told["labels"] = " ".join(marks)
    return told


def _word(value: Status | Severity | Resolution | str | None) -> str:
    match value:
        case None | "":
            return "none"
        case Severity():
            return value.name.lower()
        case _:
            return str(value)


# --- rows ----------------------------------------------------------------------------------------


def _held(connection: Connection, incident: str) -> State:
    """The work on an incident, in a transaction that nobody else writes in. `UnknownIncident`."""
    adopt(connection, [incident])
    found = _states(connection, [incident], hold=True)
    if incident not in found:
        raise UnknownIncident(f"no incident `{incident}`")
    return found[incident]


def _states(
    connection: Connection, incidents: Sequence[str], *, hold: bool = False
) -> dict[str, State]:
    """The work on incidents; `hold` keeps them from being purged until the transaction is over."""
    labels: dict[str, set[str]] = {}
    rows: list[Row[Any]] = []
    for some in itertools.batched(incidents, _AT_ONCE):
        for key, label in connection.execute(
            select(LabelRow.incident_id, LabelRow.label).where(LabelRow.incident_id.in_(some))
        ):
            labels.setdefault(key, set()).add(label)
        query = (
            select(
                IncidentRow.id,
                IncidentRow.at,
                IncidentRow.severity.label("recorded"),
                IncidentRow.stored_at,
                WorkRow.status,
                WorkRow.severity,
                WorkRow.assignee,
                WorkRow.resolution,
                WorkRow.version,
                WorkRow.changed_at,
                WorkRow.changed_by,
            )
            .outerjoin(WorkRow, WorkRow.incident_id == IncidentRow.id)
            .where(IncidentRow.id.in_(some))
        )
        if hold:
            query = query.with_for_update(of=IncidentRow, read=True, key_share=True)
        rows += connection.execute(query)
    return {
        row.id: State(
            incident=row.id,
            at=row.at,
            # One that an older gateway has just stored has no row yet: nobody has touched it.
            status=Status.OPEN if row.status is None else Status(row.status),
            severity=Severity(row.recorded if row.severity is None else row.severity),
            recorded=Severity(row.recorded),
            assignee=row.assignee or "",
            resolution=Resolution(row.resolution) if row.resolution else None,
            labels=frozenset(labels.get(row.id, ())),
            version=row.version or 0,
            changed_at=row.changed_at or row.stored_at,
            changed_by=row.changed_by or "",
        )
        for row in rows
    }


def _judged(since: datetime | None, until: datetime | None) -> Iterator[Select[str, str, int]]:
    """What counts judgements of a time: whole days as they were counted, the rest one by one."""
    first = None if since is None else _day_after(since)
    last = None if until is None else until.astimezone(UTC).date()
    days = select(JudgedRow.rule, JudgedRow.resolution, func.sum(JudgedRow.count))
    each = select(JudgementRow.rule, JudgementRow.resolution, func.count())
    whole = first is None or last is None or first <= last
    if whole:
        if first is not None:
            days = days.where(JudgedRow.day >= first)
        if last is not None:
            days = days.where(JudgedRow.day < last)
        yield days.group_by(JudgedRow.rule, JudgedRow.resolution)
    edges = [(since, until)] if not whole else []
    if whole and since is not None and first is not None:
        edges.append((since, _midnight(first)))
    if whole and until is not None and last is not None:
        edges.append((_midnight(last), until))
    for begin, end in edges:
        if begin is not None and end is not None and begin < end:
            yield each.where(JudgementRow.at >= begin, JudgementRow.at < end).group_by(
                JudgementRow.rule, JudgementRow.resolution
            )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day_after(at: datetime) -> date:
    """The first day that begins at `at` or later."""
    day = at.astimezone(UTC).date()
    return day if _midnight(day) == at else day + timedelta(days=1)


def _rules(connection: Connection, incidents: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which rules fired in each incident, without repetition."""
    found: dict[str, dict[str, None]] = {}
    for key, rule in connection.execute(
        select(RuleRow.incident_id, RuleRow.rule)
        .where(RuleRow.incident_id.in_(incidents))
        .order_by(RuleRow.incident_id, RuleRow.position)
    ):
        found.setdefault(key, {})[rule] = None
    return {key: tuple(rules) for key, rules in found.items()}


def _write(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows; those that become alike, as most of a bulk action do, in one statement."""
    alike: dict[tuple[object, ...], list[object]] = {}
    for row in rows:
        key, *values = row.values()
        alike.setdefault(tuple(values), []).append(key)
    single: list[dict[str, object]] = []
    table = WorkRow.__table__
    for become, keys in alike.items():
        told = dict(zip(_WRITTEN, become, strict=True))
        if len(keys) == 1:
            single.append({"key": keys[0], **told})
            continue
        for some in itertools.batched(keys, _AT_ONCE):
            connection.execute(
                update(table).where(table.c.incident_id.in_(some)).values(told)  # type: ignore[arg-type]  # plain rows, not objects
            )
    if single:
        connection.execute(
            update(table)  # type: ignore[arg-type]  # as above
            .where(table.c.incident_id == bindparam("key"))
            .values({name: bindparam(name) for name in _WRITTEN}),
            single,
        )


_WRITTEN = (
    "status",
    "severity",
    "assignee",
    "resolution",
    "version",
    "changed_at",
    "changed_by",
)


def _row(state: State) -> dict[str, object]:
    return {
        "key": state.incident,
        "status": state.status.value,
        "severity": int(state.severity),
        "assignee": state.assignee,
        "resolution": "" if state.resolution is None else state.resolution.value,
        "version": state.version,
        "changed_at": state.changed_at,
        "changed_by": state.changed_by,
    }
