"""Whom is an incident about? A pseudonym, until somebody says why they have to know.

Law: a pseudonym is keyed and stable: the same person has the same one in every incident, and nobody
without the key can find the person by trying names. A clear name is given only with its entry in the
audit log, in which the name does not stand; where the setting asks for it, only after another person
has agreed. Who searches by a clear name is told nothing that they could not see: `translated` takes
pseudonyms only.
"""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Executable, Row, Select, func, select, text, update
from sqlalchemy import insert as insert_into

from gateway.audit.chain import REASON_CHARS
from gateway.audit.log import Log
from gateway.incidents.crowds import SMALLEST, Crowds
from gateway.incidents.filters import Filters
from gateway.incidents.record import Incident
from gateway.incidents.states import UnknownIncident, WorkError
from gateway.incidents.tables import IncidentRow
from gateway.incidents.work_tables import UnmaskRow
from gateway.redaction.fingerprint import keyed

PSEUDONYM_BYTES = 6
"""48 bits: among 100,000 people two share a pseudonym with a chance of one in 50,000."""

SHORTEST_REASON = 10
ASKING = timedelta(days=7)
"""How long a request waits for the other person."""

_TOGETHER = 200  # incidents in one transaction
_LOOK_AGAIN = 5.0  # seconds between two looks for new names, for pseudonyms that nobody has
_LATE = timedelta(minutes=10)
_KINDS = {"person": IncidentRow.actor, "address": IncidentRow.source_ip}

type Decided = Literal["", "granted", "denied"]


class NotAllowed(WorkError):
    """Somebody may not see or decide this; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an incident is about, in clear."""

    actor: str = field(repr=False)
    source_ip: str = field(repr=False)
    device: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks to see whom an incident is about. `decided` is empty while nobody has decided."""

    id: str
    incident: str
    asked_at: datetime
    asked_by: str
    reason: str
    decided: Decided
    decided_at: datetime
    decided_by: str
    valid_until: datetime


class Pseudonyms:
    """What stands for people and addresses, under one key. Empty stays empty."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Pseudonyms()"

    def person(self, actor: str) -> str:
        """`person-…` for an actor. Letter case does not count, as in policies."""
        return self._of("person", actor.casefold())

    def address(self, source_ip: str) -> str:
        """`address-…` for an address."""
        return self._of("address", source_ip)

    def device(self, name: str) -> str:
        """`device-…` for a device, which may be called as its owner."""
        return self._of("device", name.casefold())

    def _of(self, kind: str, name: str) -> str:
        if not name:
            return ""
        told = keyed(name, self._key, purpose=kind.encode(), size=PSEUDONYM_BYTES)
        return f"{kind}-{told}"

    def masked(self, incident: Incident) -> Incident:
        """The incident with pseudonyms in the place of actor, address and device."""
        return dataclasses.replace(
            incident,
            actor=self.person(incident.actor),
            source_ip=self.address(incident.source_ip),
            device=self.device(incident.device),
        )


class People:
    """Pseudonyms and clear names of one database. Methods raise SQLAlchemy's errors and `AuditError`,
    too; no name is given then.

    A group with fewer people than `smallest` has no name of its own, but for those who may unmask them.
    With `second_person`, nobody sees a name before somebody else has agreed; what was agreed to
    is good for `agreed_for`.
    """

    def __init__(
        self,
        engine: Engine,
        audit: Log,
        pseudonyms: Pseudonyms,
        *,
        second_person: bool,
        agreed_for: timedelta = timedelta(hours=24),
        smallest: int = SMALLEST,
        clock: Callable[[], datetime] | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.pseudonyms = pseudonyms
        self.second_person = second_person
        self.crowds = Crowds(engine, smallest=smallest, ticks=ticks)
        self._audit = audit
        self._agreed_for = agreed_for
        self._clock = clock or (lambda: datetime.now(UTC))
        self._ticks = ticks
        self._known: dict[str, dict[str, str]] = {}
        self._looked: dict[str, float] = {}
        self._seen: dict[str, datetime] = {}
        self._lock = threading.Lock()

    # --- what is shown ----------------------------------------------------------------------------

    def masked(
        self, incidents: Iterable[Incident], *, every_team: bool = False
    ) -> tuple[Incident, ...]:
        """Incidents as they are shown: with pseudonyms, and without names of small groups.

        With `every_team`, small groups are named, too: for those who may unmask people.
        """
        shown = tuple(incidents) if every_team else self.crowds.named(incidents)
        return tuple(map(self.pseudonyms.masked, shown))

    # --- pseudonyms to filters -------------------------------------------------------------------

    def translated(self, filters: Filters, *, every_team: bool = False) -> Filters:
        """`filters` whose `actor` and `source_ip` are pseudonyms, as the store takes them.

        What is no pseudonym, or nobody's, holds for no incident: so a search tells nothing of a name.
        Neither does one for a small group, unless `every_team`.
        """
        changes: dict[str, str] = {}
        for name in ("actor", "source_ip"):
            wanted = getattr(filters, name)
            if wanted is not None:
                # No incident has a line break in its actor or address.
                changes[name] = wanted and (self._clear(wanted) or "\n")
        team = filters.team
        if team is not None and not every_team and self.crowds.small([team]):
            changes["team"] = "\n"
        return dataclasses.replace(filters, **changes)  # type: ignore[arg-type]  # all are str

    def searched(self, filters: Filters, *, who: str, reason: str) -> Filters:
        """`filters` whose `actor` or `source_ip` are clear names, once the search is noted.

        Raises `NotAllowed` where a second person has to agree: that can be had for one incident only.
        """
        reason = _reason(reason)
        if self.second_person:
            raise NotAllowed(
                "unmasking needs a second person here, so nobody can be searched by name; ask for"
                " one incident, then search by its pseudonym"
            )
        told = {
            "actor": self.pseudonyms.person(filters.actor or ""),
            "source_ip": self.pseudonyms.address(filters.source_ip or ""),
        }
        detail = {name: value for name, value in told.items() if value}
        self._audit.note(who, "unmask.searched", reason=reason, detail=detail)
        return filters

    def learn(self) -> None:
        """Look at all names ahead, so that nobody waits for it who searches by a pseudonym."""
        for kind in _KINDS:
            with self._lock:
                self._look(kind)

    def _clear(self, pseudonym: str) -> str | None:
        """Whose pseudonym it is, found by looking at the names that the database has."""
        kind = pseudonym.partition("-")[0]
        if kind not in _KINDS:
            return None
        with self._lock:
            known = self._known.get(kind, {})
            looked = self._looked.get(kind)
            if pseudonym not in known and (looked is None or self._ticks() - looked >= _LOOK_AGAIN):
                known = self._look(kind)
            return known.get(pseudonym)

    def _look(self, kind: str) -> dict[str, str]:
        """All names the first time, which takes a step a person; then those of what is new."""
        self._looked[kind] = self._ticks()
        known, seen = self._known.setdefault(kind, {}), self._seen.get(kind)
        column = _KINDS[kind]
        if seen is None:
            query: Executable = text(_DISTINCT.format(column=column.key))
        else:
            # An incident may appear with a time of storing that is so long ago.
            query = select(column).where(IncidentRow.stored_at >= seen - _LATE).distinct()
        stands_for = self.pseudonyms.person if kind == "person" else self.pseudonyms.address
        with self.engine.connect() as connection:
            newest = connection.execute(select(func.max(IncidentRow.stored_at))).scalar_one()
            for name in connection.execute(query).scalars():
                known[stands_for(name)] = name
        if newest is not None:
            self._seen[kind] = newest
        return known

    # --- clear names -----------------------------------------------------------------------------

    def unmask(self, incident: str, *, who: str, reason: str = "") -> Person:
        """Whom an incident is about, noted in the audit log.

        Needs a `reason` of ten characters or more; where a second person has to agree, it needs a
        granted request of `who` instead, whose reason counts. Raises `NotAllowed`, `UnknownIncident`,
        or `WorkError` for a missing reason.
        """
        detail: dict[str, str] = {}
        if not self.second_person:
            reason = _reason(reason)
        with self._audit.writing() as writing:
            person = _person(writing.connection, incident)
            if self.second_person:
                granted = self._granted(writing.connection, incident, who)
                reason = granted.reason
                detail = {"request": granted.id, "granted by": granted.decided_by}
            detail["person"] = self.pseudonyms.person(person.actor)
            writing.note(who, "unmask.seen", target=incident, reason=reason, detail=detail)
        return person

    def unmasked(
        self, incidents: Sequence[Incident], *, who: str, reason: str
    ) -> tuple[Incident, ...]:
        """Incidents that may name people, once each is noted in the audit log. Errors as of `searched`."""
        reason = _reason(reason)
        if self.second_person:
            raise NotAllowed(
                "unmasking needs a second person here, so it is done incident by incident"
            )
        for some in itertools.batched(incidents, _TOGETHER):
            with self._audit.writing() as writing:
                for incident in some:
                    detail = {"person": self.pseudonyms.person(incident.actor)}
                    writing.note(
                        who, "unmask.seen", target=incident.id, reason=reason, detail=detail
                    )
        return tuple(incidents)

    def ask(self, incident: str, *, who: str, reason: str) -> Request:
        """Ask to see whom an incident is about; another person decides with `decide`.

        The same question that still waits, or is granted, is not asked twice. Raises
        `UnknownIncident`, or `WorkError` for a missing reason.
        """
        reason = _reason(reason)
        now = self._clock()
        with self._audit.writing() as writing:
            _person(writing.connection, incident)
            known = writing.connection.execute(
                _living(now).where(
                    UnmaskRow.incident_id == incident,
                    UnmaskRow.asked_by == who,
                    UnmaskRow.decided != "denied",
                )
            ).first()
            if known is not None:
                return _request(known)
            asked = Request(
                secrets.token_hex(8), incident, now, who, reason, "", now, "", now + ASKING
            )
            values = {**dataclasses.asdict(asked), "incident_id": incident}
            del values["incident"]
            writing.connection.execute(insert_into(UnmaskRow).values(**values))
            writing.note(
                who, "unmask.asked", target=incident, reason=reason, detail={"request": asked.id}
            )
        return asked

    def decide(self, request: str, *, who: str, grant: bool, reason: str = "") -> Request:
        """Agree to a request or deny it. Raises `NotAllowed` when it is one's own, decided, or old.

        Whether `who` has the role for it is the caller's to know.
        """
        now = self._clock()
        with self._audit.writing() as writing:
            row = writing.connection.execute(
                select(UnmaskRow.__table__).where(UnmaskRow.id == request)
            ).one_or_none()
            if row is None:
                raise NotAllowed(f"no request `{request}`")
            asked = _request(row)
            if asked.asked_by.casefold() == who.casefold():
                raise NotAllowed("another person has to decide, not the one who asks")
            if asked.decided:
                raise NotAllowed(f"`{asked.decided_by}` has decided already: {asked.decided}")
            if asked.valid_until <= now:
                raise NotAllowed("the request is too old; it has to be asked anew")
            word: Decided = "granted" if grant else "denied"
            decided = dataclasses.replace(
                asked,
                decided=word,
                decided_at=now,
                decided_by=who,
                valid_until=now + self._agreed_for,
            )
            writing.connection.execute(
                update(UnmaskRow)
                .where(UnmaskRow.id == request)
                .values(
                    decided=word, decided_at=now, decided_by=who, valid_until=decided.valid_until
                )
            )
            writing.note(
                who,
                f"unmask.{word}",
                target=asked.incident,
                reason=reason,
                detail={"request": request, "asked by": asked.asked_by},
            )
        return decided

    def requests(
        self, *, incident: str | None = None, waiting: bool = False, limit: int = 100
    ) -> tuple[Request, ...]:
        """Requests, the newest first; `waiting` leaves out those that are decided or too old."""
        query = select(UnmaskRow.__table__)
        if incident is not None:
            query = query.where(UnmaskRow.incident_id == incident)
        if waiting:
            query = query.where(UnmaskRow.decided == "", UnmaskRow.valid_until > self._clock())
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(UnmaskRow.asked_at.desc()).limit(limit))
            return tuple(map(_request, rows))

    def _granted(self, connection: Connection, incident: str, who: str) -> Request:
        row = connection.execute(
            _living(self._clock()).where(
                UnmaskRow.incident_id == incident,
                UnmaskRow.asked_by == who,
                UnmaskRow.decided == "granted",
            )
        ).first()
        if row is None:
            raise NotAllowed(
                "unmasking needs a second person here: ask for it, and look again once it is granted"
            )
        return _request(row)


_DISTINCT = """
WITH RECURSIVE names(name) AS (
  SELECT * FROM (SELECT {column} FROM incidents ORDER BY {column} LIMIT 1) AS least
  UNION ALL
  SELECT (SELECT {column} FROM incidents WHERE {column} > names.name ORDER BY {column} LIMIT 1)
  FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL
"""
"""All names, by one step into the index for each: reading every incident would take seconds."""


def _living(now: datetime) -> Select[Any]:
    query = select(UnmaskRow.__table__).where(UnmaskRow.valid_until > now)
    return query.order_by(UnmaskRow.asked_at.desc())


def _person(connection: Connection, incident: str) -> Person:
    row = connection.execute(
        select(IncidentRow.actor, IncidentRow.source_ip, IncidentRow.device).where(
            IncidentRow.id == incident
        )
    ).one_or_none()
    if row is None:
        raise UnknownIncident(f"no incident `{incident}`")
    return Person(row.actor, row.source_ip, row.device or "")


def _request(row: Row[Any]) -> Request:
    values: Mapping[str, Any] = row._asdict()
    return Request(
        incident=values["incident_id"],
        **{name: value for name, value in values.items() if name != "incident_id"},
    )


def _reason(reason: str) -> str:
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise WorkError(
            f"unmasking needs a `reason` of at least {SHORTEST_REASON} characters; say why you"
            " have to know"
        )
    if len(reason) > REASON_CHARS:
        raise WorkError(f"the `reason` is over {REASON_CHARS} characters; shorten it")
    return reason
