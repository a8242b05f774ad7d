"""What does somebody need who works on incidents? The parts of one database, opened together.

Law: all of them share one engine, one audit log and one set of pseudonyms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.audit import keeping
from gateway.audit.log import Log
from gateway.database.engines import open_engine
from gateway.incidents.counts import Counts
from gateway.incidents.crowds import SMALLEST
from gateway.incidents.people import People, Pseudonyms
from gateway.incidents.store import Store
from gateway.incidents.work import Work


@dataclass(frozen=True, slots=True)
class Desk:
    """Incidents, the work on them, figures, people, and the log of what is done with them.

    Pseudonyms are not put in by `store`: what it gives names people. Show `people.masked`.
    """

    store: Store = field(repr=False)
    work: Work = field(repr=False)
    counts: Counts = field(repr=False)
    people: People = field(repr=False)
    audit: Log = field(repr=False)

    def close(self) -> None:
        """Close all connections."""
        self.store.close()


def open_desk(
    url: str,
    *,
    audit_key: Path,
    seen: Path,
    person_key: bytes,
    second_person: bool,
    agreed_for: timedelta,
    smallest: int = SMALLEST,
    make_key: bool = True,
    clock: Callable[[], datetime] | None = None,
) -> Desk:
    """The desk over the database at `url`; connects when first used.

    `audit_key` is made if there is none and `make_key` says so, `seen` remembers how far the audit log was, `person_key` keys
    the pseudonyms, `smallest` is how many people a group has that is called by its name. Raises `StoreError` for a URL that names no database, and `AuditError`.
    """
    now = clock or (lambda: datetime.now(UTC))
    engine = open_engine(url, durable=True)
    log = Log(engine, keeping.key(audit_key, make=make_key), seen=keeping.Seen(seen), clock=now)
    people = People(
        engine,
        log,
        Pseudonyms(person_key),
        second_person=second_person,
        agreed_for=agreed_for,
        smallest=smallest,
        clock=now,
    )
    return Desk(Store(engine, clock=now), Work(engine, log, clock=now), Counts(engine), people, log)
