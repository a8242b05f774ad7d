"""What do programs get of incidents? The same as browsers, as JSON.

Law: as of `api`.
"""

# Annotations are read while the program runs, within functions too: no `annotations` of the future.

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, Field, StringConstraints

from gateway.console.api import AuditEntry, Body, Calls, Short, missing
from gateway.console.casework import Casework, IncidentLine
from gateway.console.door import Caller
from gateway.console.roles import Permission
from gateway.incidents import record
from gateway.incidents.counts import Repeat
from gateway.incidents.filters import Filters, Place
from gateway.incidents.people import Person, Request
from gateway.incidents.record import Enforced
from gateway.incidents.states import (
    Bulk,
    Change,
    Note,
    Precision,
    Resolution,
    State,
    Status,
    WorkError,
)
from gateway.model import Severity, Verdict

type Level = Literal["info", "low", "medium", "high", "critical"]
type VerdictWord = Literal["allow", "log", "redact", "coach", "block"]
type Reason = Annotated[str, StringConstraints(max_length=1000)]
type Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
type Label = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Which(Body):
    """Which incidents; what is left out is not asked. `actor` and `source_ip` are pseudonyms.

    `until` is exclusive. An empty `assignee` asks for those that nobody has.
    """

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    actor: Short | None = None
    source_ip: Short | None = None
    service: Short | None = None
    category: Short | None = None
    operation: Short | None = None
    act: Short | None = None
    host: Short | None = None
    team: Short | None = None
    verdict: VerdictWord | None = None
    enforcement: Enforced | None = None
    cause: Short | None = None
    min_severity: Level | None = None
    policy_revision: Short | None = None
    rule: Short | None = None
    entity: Short | None = None
    fingerprint: Short | None = None
    unread: Short | None = None
    status: Status | None = None
    assignee: Short | None = None
    resolution: Resolution | None = None
    label: Short | None = None

    def filters(self) -> Filters:
        """The same, for the store."""
        values: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in fields(Filters)
        }
        if self.verdict is not None:
            values["verdict"] = Verdict[self.verdict.upper()]
        if self.min_severity is not None:
            values["min_severity"] = Severity[self.min_severity.upper()]
        return Filters(**values)


class Asked(Which):
    """Which incidents, and which part of the list: `next` of the page before."""

    before_at: AwareDatetime | None = None
    before_id: Id | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class WorkChange(Body):
    """What to change; what is left out stays. See `Change` of the incident workflow in the guide."""

    status: Status | None = None
    severity: Level | None = None
    assignee: Short | None = None
    resolution: Resolution | None = None
    rules: Annotated[list[Id], Field(max_length=200)] | None = None
    add_labels: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    remove_labels: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    reason: Reason = ""

    def change(self) -> Change:
        """The same, for the workflow."""
        return Change(
            status=self.status,
            severity=None if self.severity is None else Severity[self.severity.upper()],
            assignee=self.assignee,
            resolution=self.resolution,
            rules=None if self.rules is None else tuple(self.rules),
            add_labels=frozenset(self.add_labels),
            remove_labels=frozenset(self.remove_labels),
        )


class OneChange(WorkChange):
    """A change of one incident, on top of the `version` that was seen."""

    version: Annotated[int, Field(ge=0, lt=1 << 31)]


class ManyChange(WorkChange):
    """A change of many: of those in `incidents`, or of all that `which` holds for."""

    incidents: Annotated[list[Id], Field(max_length=1000)] | None = None
    which: Which | None = None


class NewNote(Body):
    """A note. It is kept in clear, so no values in it."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class Why(Body):
    """Why somebody has to know whom an incident is about."""

    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class Decision(Body):
    """Whether to agree to what somebody asked."""

    grant: bool
    reason: Reason = ""


class FalseAlarm(Body):
    """A false alarm to write an exception for. `values` are fingerprints; the only one if left out."""

    rule: Id
    values: Annotated[list[Id], Field(max_length=200)] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    owner: Annotated[str, StringConstraints(max_length=200)] = ""
    until: date


@dataclass(frozen=True, slots=True)
class StateTold:
    """How far the work on an incident is."""

    status: Status
    severity: str
    recorded: str
    assignee: str
    resolution: Resolution | None
    labels: list[str]
    version: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Line:
    """An incident in a list. `person` and `address` are pseudonyms."""

    id: str
    at: datetime
    person: str
    address: str
    service: str
    operation: str
    verdict: str
    enforcement: str
    severity: str
    rules: tuple[str, ...]
    entities: tuple[str, ...]
    unread: int
    teams: tuple[str, ...]
    work: StateTold


@dataclass(frozen=True, slots=True)
class Next:
    """Where the next page begins."""

    before_at: datetime
    before_id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list. `matching` stops counting at 1000."""

    incidents: list[Line]
    matching: int
    next: Next | None


@dataclass(frozen=True, slots=True)
class Told:
    """All about one incident. People in `incident` are pseudonyms.

    `coaching` is what came of it where somebody was asked to think.
    """

    incident: Mapping[str, Any]
    work: StateTold
    notes: tuple[Note, ...]
    history: list[AuditEntry]
    rules_today: tuple[Mapping[str, Any], ...]
    requests: tuple[Request, ...]
    coaching: Literal["", "open", "justified", "withdrawn", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class Drafted:
    """An exception as text, and under which name its file may lie. The team commits it."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What nobody has closed, of one severity."""

    severity: str
    open: int
    in_progress: int


def state_told(state: State) -> StateTold:
    """The state with words for severities."""
    return StateTold(
        state.status,
        state.severity.name.lower(),
        state.recorded.name.lower(),
        state.assignee,
        state.resolution,
        sorted(state.labels),
        state.version,
        state.changed_at,
        state.changed_by,
    )


def _line(line: IncidentLine) -> Line:
    told = {field.name: getattr(line, field.name) for field in fields(line)}
    return Line(work=state_told(told.pop("state")), **told)


def router(calls: Calls, cases: Casework) -> APIRouter:
    """The calls."""
    made = APIRouter()
    _looking(made, calls, cases)
    _working(made, calls, cases)
    _people(made, calls, cases)
    return made


def _looking(made: APIRouter, calls: Calls, cases: Casework) -> None:
    see = calls.needs(Permission.SEE_INCIDENTS)

    @made.get("/incidents", tags=["incidents"], **see)
    def listed(
        asked: Annotated[Asked, Query()], caller: Annotated[Caller, Depends(calls.who)]
    ) -> Listed:
        """Incidents, the newest first."""
        before = None
        if asked.before_at is not None and asked.before_id is not None:
            before = Place(asked.before_at, asked.before_id)
        found = cases.list(
            asked.filters(),
            before=before,
            limit=asked.limit,
            every_team=caller.may(Permission.ASK_PERSON),
        )
        return Listed(
            [_line(line) for line in found.lines],
            found.matching,
            Next(*found.next) if found.next is not None else None,
        )

    @made.get("/incidents/repeats", tags=["incidents"], **see)
    def repeats(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Repeat]:
        """Values that came again by one rule to one service, the most often first."""
        return list(cases.repeats(limit=limit))

    @made.get("/incidents/backlog", tags=["incidents"], **see)
    def backlog() -> list[Waiting]:
        """How many nobody has closed, by severity."""
        found = cases.backlog()
        return [
            Waiting(
                level.name.lower(),
                found.get(Status.OPEN, {}).get(level, 0),
                found.get(Status.IN_PROGRESS, {}).get(level, 0),
            )
            for level in reversed(Severity)
        ]

    @made.get("/incidents/precision", tags=["incidents"], **see)
    def precision() -> list[Precision]:
        """How often each rule was right, of the incidents that were judged."""
        return list(cases.precision())

    @made.get(
        "/incidents/{incident}",
        tags=["incidents"],
        **calls.needs(Permission.SEE_INCIDENTS, 404),
    )
    def one(incident: str, caller: Annotated[Caller, Depends(calls.who)]) -> Told:
        """All about one."""
        page = cases.get(incident, every_team=caller.may(Permission.ASK_PERSON))
        if page is None:
            raise missing("incident")
        return Told(
            record.to_data(page.incident),
            state_told(page.state),
            page.notes,
            list(map(AuditEntry.of, page.history)),
            page.rules_today,
            page.requests,
            page.coaching.state if page.coaching is not None else "",
        )


def _working(made: APIRouter, calls: Calls, cases: Casework) -> None:
    work = calls.needs(Permission.WORK_INCIDENTS, 404, 409)

    @made.patch("/incidents/{incident}", tags=["incidents"], **work)
    def change(
        incident: str, wanted: OneChange, caller: Annotated[Caller, Depends(calls.who)]
    ) -> StateTold:
        """Change one. 409 when somebody else has changed it since."""
        state = cases.change(
            incident,
            wanted.change(),
            who=caller.account,
            version=wanted.version,
            reason=wanted.reason,
        )
        return state_told(state)

    @made.post("/incidents/changes", tags=["incidents"], **work)
    def bulk(wanted: ManyChange, caller: Annotated[Caller, Depends(calls.who)]) -> Bulk:
        """Change up to 1000 at once."""
        if (wanted.incidents is None) == (wanted.which is None):
            raise WorkError("give either `incidents` or `which`")
        which = wanted.which.filters() if wanted.which is not None else wanted.incidents or []
        return cases.bulk(
            which,
            wanted.change(),
            who=caller.account,
            reason=wanted.reason,
            every_team=caller.may(Permission.ASK_PERSON),
        )

    @made.post("/incidents/{incident}/notes", tags=["incidents"], status_code=201, **work)
    def note(incident: str, wanted: NewNote, caller: Annotated[Caller, Depends(calls.who)]) -> Note:
        """Write a note."""
        return cases.note(incident, wanted.text, who=caller.account)

    @made.post(
        "/incidents/{incident}/exception",
        tags=["incidents"],
        **calls.needs(Permission.DRAFT_EXCEPTION, 404),
    )
    def exception(
        incident: str, wanted: FalseAlarm, caller: Annotated[Caller, Depends(calls.who)]
    ) -> Drafted:
        """The text of an exception for a false alarm. Nothing is changed by it."""
        file, text = cases.draft(
            incident,
            wanted.rule,
            wanted.values,
            who=wanted.owner or caller.account,
            reason=wanted.reason,
            until=wanted.until,
        )
        return Drafted(file, text)


def _people(made: APIRouter, calls: Calls, cases: Casework) -> None:
    ask = calls.needs(Permission.ASK_PERSON, 404)

    @made.post("/incidents/{incident}/person", tags=["people"], **ask)
    def unmask(incident: str, why: Why, caller: Annotated[Caller, Depends(calls.who)]) -> Person:
        """Whom an incident is about. It is noted in the audit log."""
        return cases.unmask(incident, who=caller.account, reason=why.reason)

    @made.post("/incidents/{incident}/person/requests", tags=["people"], status_code=201, **ask)
    def ask_for(incident: str, why: Why, caller: Annotated[Caller, Depends(calls.who)]) -> Request:
        """Ask a second person to agree."""
        return cases.ask(incident, who=caller.account, reason=why.reason)

    @made.get("/people/requests", tags=["people"], **calls.needs(Permission.ASK_PERSON))
    def requests(*, waiting: bool = False) -> list[Request]:
        """Who asked to see whom an incident is about, the newest first."""
        return list(cases.requests(waiting=waiting))

    @made.post(
        "/people/requests/{request}/decision",
        tags=["people"],
        **calls.needs(Permission.GRANT_PERSON, 404),
    )
    def decide(
        request: str, wanted: Decision, caller: Annotated[Caller, Depends(calls.who)]
    ) -> Request:
        """Agree or deny. Nobody decides what they asked themselves."""
        return cases.decide(request, who=caller.account, grant=wanted.grant, reason=wanted.reason)
