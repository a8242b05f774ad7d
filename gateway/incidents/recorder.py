"""How does an incident get from the request's path to the database? Through the spool, later.

Law: `record` only appends to the spool, and its error refuses the exchange; a thread of its own
carries batches from spool to store, and commits the spool only after the store has them. A
database that is away costs nothing but spool; an incident that the database cannot take is set
aside and counted, and holds up nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    StatementError,
)

from gateway.database.engines import kind_of
from gateway.incidents.record import Incident
from gateway.incidents.spool import Batch, Depth, Spool, SpoolFull
from gateway.metrics import Meter, NullMeter

log = logging.getLogger(__name__)

BATCH = 200
"""Most incidents in one transaction."""

IDLE_SECONDS = 0.25
"""How long the thread sleeps when the spool is empty; so long an incident may wait."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Pauses between tries while the database is away: doubled from the first to the longest."""

SYNC_SECONDS = 1.0
"""How often the spool is forced to disk while the database is away."""

ADOPT_SECONDS = 30.0
"""How often the folders of processes that died beside us are looked for."""


class Sink(Protocol):
    """Where incidents go. `add` raises when it stored nothing, and may be called again."""

    def add(self, incidents: tuple[Incident, ...]) -> int:
        """Store what is not stored yet; how many were new."""


@dataclass(frozen=True, slots=True)
class Health:
    """How recording goes. `problem` is empty, or names the last error's kind, never its text.

    `stored` counts new incidents since the start; `failures` counts failed tries in a row.
    `stored_at` is the time of the last commit, 0.0 before the first.
    """

    running: bool
    ready: bool
    problem: str
    failures: int
    stored: int
    stored_at: float
    depth: Depth

    @property
    def full(self) -> bool:
        """True when the spool takes nothing more and exchanges with incidents are refused."""
        return self.depth.size >= self.depth.capacity


class Recorder:
    """The way from `record` to the store.

    `prepare` is called until it succeeds once, before anything is stored: the migration. The
    recorder owns neither spool nor store; whoever made them closes them after `stop`.
    """

    def __init__(
        self,
        spool: Spool,
        store: Sink,
        *,
        meter: Meter | None = None,
        prepare: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
        batch: int = BATCH,
        idle: float = IDLE_SECONDS,
        first_pause: float = FIRST_PAUSE,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._spool = spool
        self._store = store
        self._meter: Meter = meter or NullMeter()
        self._prepare = prepare
        self._clock = clock
        self._batch = batch
        self._idle = idle
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._deadline = 0.0
        self._problem = ""
        self._failures = 0
        self._stored = 0
        self._stored_at = 0.0
        self._adopted_at = time.monotonic()
        self._empty = threading.Condition()

    # --- on the request's path -------------------------------------------------------------------

    def record(self, incident: Incident) -> None:
        """Put `incident` on file. Raises OSError (`SpoolFull`) when that fails: refuse then."""
        try:
            self._spool.append(incident)
        except SpoolFull:
            self._meter.incident_write_failed("spool_full")
            raise
        except OSError:
            self._meter.incident_write_failed("spool_error")
            raise

    # --- the thread ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to carry incidents to the store."""
        if self._thread is not None:
            raise RuntimeError("recorder is running already")
        self._report()
        self._thread = threading.Thread(target=self._run, name="incident-recorder", daemon=True)
        self._thread.start()

    def stop(self, *, timeout: float = 5.0) -> bool:
        """Store what waits, for at most `timeout` seconds, then end; True when nothing waits.

        What is left stays in the spool and is stored by the next process.
        """
        self._deadline = time.monotonic() + timeout
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            # A statement under way has a time limit of its own; it is not waited for.
            self._thread.join(timeout + 1.0)
            self._thread = None
        return self._spool.depth().records == 0

    def flush(self, *, timeout: float) -> bool:
        """Wait until what is on file now is stored; False when that took too long."""
        deadline = time.monotonic() + timeout
        self._wake.set()
        with self._empty:
            while self._spool.depth().records > 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._empty.wait(min(left, 0.05))
        return True

    def health(self) -> Health:
        """How recording goes, for readiness and metrics; cheap."""
        thread = self._thread
        return Health(
            running=thread is not None and thread.is_alive(),
            ready=self._prepare is None,
            problem=self._problem,
            failures=self._failures,
            stored=self._stored,
            stored_at=self._stored_at,
            depth=self._spool.depth(),
        )

    def _run(self) -> None:
        while True:
            failures = self._failures
            try:
                pause = self._turn()
            except Exception as error:  # noqa: BLE001  # INVARIANT: the thread outlives every error; the spool keeps what it could not store
                pause = self._failed(error)
            self._report()
            with self._empty:
                self._empty.notify_all()
            if self._stopping.is_set() and (
                self._spool.depth().records == 0
                or self._failures > failures  # away; the spool keeps them for the next process
                or time.monotonic() >= self._deadline
            ):
                return
            if pause > 0 and not self._stopping.is_set():
                self._rest(pause)

    def _rest(self, pause: float) -> None:
        """Sleep; while the database is away, keep what arrives safe from a power cut."""
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            if self._wake.wait(min(left, SYNC_SECONDS)):
                break
            if self._failures:
                self._sync()
                self._report()
        self._wake.clear()

    def _sync(self) -> None:
        try:
            self._spool.sync()
        except OSError as problem:
            log.error("spool cannot be flushed to disk: %s", kind_of(problem))  # noqa: TRY400  # a traceback tells nothing more

    def _turn(self) -> float:
        """Carry one batch; how long to pause before the next."""
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        now = time.monotonic()
        if now - self._adopted_at >= ADOPT_SECONDS:
            self._adopted_at = now
            self._spool.adopt()
        batch = self._spool.read(self._batch)
        if batch is None:
            self._recovered()
            return self._idle
        stored = self._put(batch)
        self._stored += stored
        self._stored_at = self._clock()
        self._meter.incidents_stored(stored)
        self._spool.commit(batch)
        for kind in ("torn", "corrupt"):
            count = sum(item.kind == kind for item in batch.spoiled)
            if count:
                self._meter.incidents_set_aside(kind, count)
                log.error("%d %s spool lines set aside in a .corrupt file", count, kind)
        self._recovered()
        return 0.0

    def _put(self, batch: Batch) -> int:
        """Store a batch, whole or, when one of it is at fault, one by one."""
        if not batch.incidents:
            return 0
        try:
            return self._store.add(batch.incidents)
        except Exception as error:
            if not _at_fault(error):
                raise
            log.warning(
                "a batch was refused by the database (%s); trying one by one", kind_of(error)
            )
        stored = 0
        for incident in batch.incidents:
            try:
                stored += self._store.add((incident,))
            except Exception as error:
                if not _at_fault(error):
                    raise
                self._spool.set_aside(incident)
                self._meter.incidents_set_aside("rejected", 1)
                log.error(  # noqa: TRY400  # a traceback could quote the row
                    "incident `%s` was refused by the database (%s), set aside",
                    incident.id,
                    kind_of(error),
                )
        return stored

    def _failed(self, error: Exception) -> float:
        away = isinstance(error, OperationalError)
        kind = kind_of(error)
        if self._failures == 0 or kind != self._problem:
            # Said once, not at every try. INVARIANT: kinds only, an error's text may quote values.
            log.warning("incidents wait in the spool: %s", kind)
        self._failures += 1
        self._problem = kind
        self._meter.incident_write_failed("database_away" if away else "database_error")
        self._sync()
        doubled: float = self._first_pause * 2.0 ** min(self._failures - 1, 16)
        return min(doubled, self._longest_pause)

    def _recovered(self) -> None:
        if self._failures:
            log.warning("incidents are stored again after %d failed tries", self._failures)
            self._failures = 0
            self._problem = ""

    def _report(self) -> None:
        depth = self._spool.depth()
        self._meter.spool(records=depth.records, size=depth.size, capacity=depth.capacity)


def _at_fault(error: Exception) -> bool:
    """True when the values are refused, so that trying again cannot help.

    Everything else (away, no rights, no table, no space, a lock) is the database's fault: wait.
    """
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError) and not error.connection_invalidated
    return isinstance(error, StatementError | ValueError | OverflowError)
