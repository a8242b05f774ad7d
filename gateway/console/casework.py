"""What of incidents is shown, and what is done about them? Plain values, for pages and API alike.

Law: a person is a pseudonym in everything that is told here; a clear name is told by `unmask` alone,
once, to who asked. Who changes something has seen the version that they change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.audit.chain import Entry
from gateway.console.gateway import Gateway
from gateway.incidents import exceptions
from gateway.incidents.coached import Coached, CoachedLine
from gateway.incidents.counts import Repeat
from gateway.incidents.desk import Desk
from gateway.incidents.filters import Filters, Place, counted, matching
from gateway.incidents.people import Person, Request
from gateway.incidents.record import Incident
from gateway.incidents.states import (
    Bulk,
    Change,
    Note,
    Precision,
    State,
    Status,
    UnknownIncident,
)
from gateway.model import Severity

PAGE = 50
COUNTED = 1000
"""Incidents that are counted for a filter; more are "1000 or more". So many a bulk action takes."""


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident in a list, and how far the work on it is."""

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
    state: State


@dataclass(frozen=True, slots=True)
class IncidentList:
    """A page of a list. `next` is where the next one begins, `matching` stops counting at `COUNTED`."""

    lines: tuple[IncidentLine, ...]
    matching: int
    next: Place | None


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """All about one incident: what was recorded, with pseudonyms; the work; what rules say today."""

    incident: Incident
    state: State
    notes: tuple[Note, ...]
    history: tuple[Entry, ...]
    rules_today: tuple[Mapping[str, Any], ...]
    requests: tuple[Request, ...]
    second_person: bool
    coaching: CoachedLine | None


class Casework:
    """The incidents of one database."""

    def __init__(self, gateway: Gateway, desk: Desk, clock: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._store = desk.store
        self._work = desk.work
        self._people = desk.people
        self._counts = desk.counts
        self._clock = clock
        self.coached = Coached(desk.store.engine, desk.people.pseudonyms, clock)

    # --- looking ----------------------------------------------------------------------------------

    def list(
        self,
        filters: Filters,
        *,
        before: Place | None = None,
        limit: int = PAGE,
        every_team: bool = False,
    ) -> IncidentList:
        """Incidents, the newest first. `actor` and `source_ip` of `filters` are pseudonyms.

        Here and elsewhere, small groups have names with `every_team` only.
        """
        clear = self._people.translated(filters, every_team=every_team)
        engine = self._store.engine
        ids = matching(engine, clear, limit=limit + 1, before=before)
        whole = before is None and len(ids) <= limit
        many = len(ids) if whole else counted(engine, clear, most=COUNTED)
        shown = self._store.several(ids[:limit])
        states = self._work.states(ids[:limit])
        lines = tuple(
            self._line(incident, states[incident.id])
            for incident in self._people.masked(shown, every_team=every_team)
            if incident.id in states  # else purged in this moment
        )
        last = shown[-1] if shown and len(ids) > limit else None
        return IncidentList(lines, many, Place(last.at, last.id) if last is not None else None)

    @staticmethod
    def _line(incident: Incident, state: State) -> IncidentLine:
        return IncidentLine(
            incident.id,
            incident.at,
            incident.actor,
            incident.source_ip,
            incident.service,
            incident.operation,
            incident.verdict.name.lower(),
            incident.enforcement,
            state.severity.name.lower(),
            tuple(dict.fromkeys(rule.rule for rule in incident.rules)),
            tuple(dict.fromkeys(group.entity for group in incident.findings)),
            incident.unread_total,
            incident.teams or (),
            state,
        )

    def get(self, identity: str, *, every_team: bool = False) -> IncidentPage | None:
        """One incident."""
        incident = self._store.get(identity)
        if incident is None:
            return None
        return IncidentPage(
            self._people.masked([incident], every_team=every_team)[0],
            self._work.state(identity),
            self._work.notes(identity),
            self._work.history(identity),
            tuple(self._gateway.explain(incident)),
            self._people.requests(incident=identity),
            self._people.second_person,
            self.coached.of_incident(identity) if incident.cause == "coach" else None,
        )

    def repeats(self, *, limit: int = 100) -> tuple[Repeat, ...]:
        """Values that came again, the most often first."""
        return self._counts.repeats(limit=limit)

    def backlog(self) -> Mapping[Status, Mapping[Severity, int]]:
        """What nobody has closed."""
        return self._counts.backlog()

    def precision(self) -> tuple[Precision, ...]:
        """How often each rule was right, of the incidents that were judged."""
        return self._work.precision()

    def draft(
        self,
        incident: str,
        rule: str,
        values: Sequence[str] | None,
        *,
        who: str,
        reason: str,
        until: date,
    ) -> tuple[str, str]:
        """An exception for a false alarm: under which name the file may lie, and its text.

        Nothing is changed by it: the team commits it. Raises `WorkError`.
        """
        found = self._store.get(incident)
        if found is None:
            raise UnknownIncident(f"no incident `{incident}`")
        text = exceptions.draft(
            found,
            rule,
            exceptions.fingerprints(found, values),
            owner=who,
            reason=reason,
            until=until,
            today=self._clock().date(),
        )
        return exceptions.file_name(found, rule), text

    # --- working ----------------------------------------------------------------------------------

    def change(
        self, incident: str, change: Change, *, who: str, version: int, reason: str = ""
    ) -> State:
        """Change one incident. Raises `WorkError`."""
        return self._work.change(incident, change, who=who, version=version, reason=reason)

    def bulk(
        self,
        which: Filters | Sequence[str],
        change: Change,
        *,
        who: str,
        reason: str = "",
        every_team: bool = False,
    ) -> Bulk:
        """Change many. Raises `WorkError`."""
        if isinstance(which, Filters):
            which = self._people.translated(which, every_team=every_team)
        return self._work.bulk(which, change, who=who, reason=reason, most=COUNTED)

    def note(self, incident: str, text: str, *, who: str) -> Note:
        """Write a note. Raises `WorkError`."""
        return self._work.note(incident, text, who=who)

    # --- people -----------------------------------------------------------------------------------

    def unmask(self, incident: str, *, who: str, reason: str) -> Person:
        """Whom an incident is about. Raises `WorkError`."""
        return self._people.unmask(incident, who=who, reason=reason)

    def ask(self, incident: str, *, who: str, reason: str) -> Request:
        """Ask for a second person's consent. Raises `WorkError`."""
        return self._people.ask(incident, who=who, reason=reason)

    def decide(self, request: str, *, who: str, grant: bool, reason: str = "") -> Request:
        """Agree or deny. Raises `WorkError`."""
        return self._people.decide(request, who=who, grant=grant, reason=reason)

    def requests(self, *, waiting: bool = False) -> tuple[Request, ...]:
        """Who asks to see whom an incident is about."""
        return self._people.requests(waiting=waiting)
