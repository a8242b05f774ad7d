"""How are incidents told while the gateway runs? By one task per export, each with its own pace.

Law: a task outlives every failure and tries again, with longer and longer pauses; nothing but success,
or a receiver that takes others and refuses just this one, ends the wait of an incident. No task waits
for another, and no exchange for any.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from gateway.exporters import digest
from gateway.exporters.document import Export, Mail
from gateway.exporters.ledger import Ledger, Page
from gateway.exporters.mail import MailSink
from gateway.exporters.sink import Cause, Sink, Undelivered
from gateway.incidents.record import Incident
from gateway.metrics import Meter

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0
"""What one try may take; well below the ledger's lease, which is renewed before each."""

STOP_SECONDS = 3.0
"""How long the end waits for statements under way."""

DATABASE_THREADS = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between looks, between looks while another gateway tells, and after failures."""

    look: float = 1.0
    standby: float = 5.0
    first: float = 1.0
    longest: float = 300.0
    moved: float = 60.0
    """How far the time of a quiet cursor may lag before it is written."""

    def after(self, failures: int, asked: float = 0.0) -> float:
        """The pause after so many failures in a row: doubled each time, bounded, and never in step.

        Gateways and exports that failed together must not come back together.
        """
        doubled = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return max(doubled * random.uniform(0.5, 1.0), asked)  # noqa: S311  # no secret


@dataclass(frozen=True, slots=True)
class Health:
    """How an export goes. `problem` is empty or one of `Cause`; `telling` is False on standby."""

    telling: bool
    problem: str
    failures: int
    delivered: int


class Exporter:
    """The task of one export."""

    def __init__(
        self,
        export: Export,
        sink: Sink,
        ledger: Ledger,
        *,
        meter: Meter,
        threads: ThreadPoolExecutor,
        pace: Pace = Pace(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = export.name
        self.kind = export.kind
        self._export = export
        self._sink = sink
        self._ledger = ledger
        self._meter = meter
        self._threads = threads
        self._pace = pace
        self._clock = clock
        self._telling = False
        self._problem = ""
        self._failures = 0
        self._delivered = 0
        self._oldest: datetime | None = None
        self._moved_at = 0.0
        # What the receiver has and the database does not know of yet.
        self._owed: tuple[dict[str, datetime], datetime | None] | None = None

    def health(self) -> Health:
        """How it goes; cheap."""
        return Health(self._telling, self._problem, self._failures, self._delivered)

    def lag(self) -> float:
        """Seconds since the oldest incident that waits was stored; 0 when none waits, or on standby."""
        if self._oldest is None:
            return 0.0
        return max(0.0, self._clock() - self._oldest.timestamp())

    async def run(self) -> None:
        """Tell incidents until cancelled."""
        self._meter.exported(self.name, "delivered", 0)
        self._meter.exported(self.name, "refused", 0)
        try:
            while True:
                pause = await self._guarded()
                await asyncio.sleep(pause)
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await self._sink.close()
            if self._telling:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(2):
                        await self._database(self._ledger.release, self.name)

    async def _guarded(self) -> float:
        """One turn, and how long to rest after it, whatever happens."""
        try:
            pause = await self._turn()
        except Undelivered as failure:
            return await self._failed(failure.cause, failure.after)
        except SQLAlchemyError:
            return await self._failed("database")
        except Exception as error:  # noqa: BLE001  # INVARIANT: the task outlives every error; incidents wait in the database
            # The kind only: texts may quote what was sent.
            log.error("export `%s` failed: %s", self.name, type(error).__name__)  # noqa: TRY400  # told without a traceback
            return await self._failed("error")
        if self._failures and self._telling:
            log.warning("export `%s` works again after %d failures", self.name, self._failures)
            self._failures, self._problem = 0, ""
        return pause

    async def _failed(self, cause: Cause, after: float = 0.0) -> float:
        self._failures += 1
        self._meter.export_failed(self.name, cause)
        if cause != self._problem:
            # Said once, not at every try.
            log.warning("export `%s` does not get through: %s", self.name, cause)
            self._problem = cause
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await self._sink.close()
        return self._pace.after(self._failures, after)

    async def _turn(self) -> float:
        if not await self._hold():
            return self._pace.standby
        await self._settle()
        page = await self._database(
            self._ledger.waiting, self.name, self._sink.batch, self._export.min_severity
        )
        self._oldest = page.oldest
        if not page.incidents:
            await self._move(page)
            return self._pace.look
        await self._tell(page)
        return self._pace.look if page.last else 0.0

    async def _hold(self) -> bool:
        self._telling = await self._database(self._ledger.hold, self.name)
        if not self._telling:
            self._oldest = None
        return self._telling

    async def _move(self, page: Page) -> None:
        """Carry a quiet cursor on, now and then, so that the overlap stays short."""
        now = self._clock()
        if page.last and now - self._moved_at >= self._pace.moved:
            self._moved_at = now
            await self._database(self._ledger.told, self.name, {}, page.reached)

    async def _tell(self, page: Page) -> None:
        try:
            await self._send(page.incidents)
        except Undelivered as failure:
            if not failure.at_fault:
                raise
            await self._one_by_one(page, failure)
            return
        await self._delivered_all(page.incidents, page, reached=page.reached)

    async def _one_by_one(self, page: Page, failure: Undelivered) -> None:
        """Find those that the receiver refuses. When it takes none, it is the receiver that is wrong."""
        taken: list[Incident] = []
        refused = list(page.incidents)
        # Twice: what was refused before the receiver took another may have met it while it was wrong.
        for _ in range(2):
            tried, refused = refused, []
            for incident in tried:
                if not await self._hold():
                    return
                try:
                    await self._send((incident,))
                except Undelivered as again:
                    if not again.at_fault:
                        await self._delivered_all(taken, page)
                        raise
                    refused.append(incident)
                else:
                    taken.append(incident)
            if not taken:
                raise failure
        for incident in refused:
            log.error("export `%s` refused incident `%s`; left out", self.name, incident.id)
        self._meter.exported(self.name, "refused", len(refused))
        await self._delivered_all(taken, page, refused, reached=page.reached)

    async def _send(self, incidents: Sequence[Incident]) -> None:
        if self._export.people == "unnamed":
            incidents = [
                dataclasses.replace(incident, actor="", source_ip="") for incident in incidents
            ]
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._sink.send(incidents)
        except TimeoutError:
            raise Undelivered("timeout") from None

    async def _delivered_all(
        self,
        incidents: Sequence[Incident],
        page: Page,
        refused: Sequence[Incident] = (),
        *,
        reached: datetime | None = None,
    ) -> None:
        self._delivered += len(incidents)
        self._meter.exported(self.name, "delivered", len(incidents))
        done = {incident.id: page.stored[incident.id] for incident in (*incidents, *refused)}
        self._owed = (done, reached)
        if reached is not None and page.last:
            self._oldest = None
        await self._settle()

    async def _settle(self) -> None:
        """Note in the database what was told; until that works, nothing more is told."""
        if self._owed is None:
            return
        if await self._database(self._ledger.told, self.name, *self._owed):
            self._moved_at = self._clock()
        self._owed = None

    async def _database[**P, T](
        self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*arguments, **named))


class Digester(Exporter):
    """The task of one digest: counts of a time, when that is over, in one mail.

    It holds the export as others do, and its cursor stands where the last digest ended: so of several
    gateways one sends it, and after a restart it goes on where it was. That it is sent is noted before it
    is: whoever does not know whether it arrived sends one of the same time, with the same Message-ID.
    """

    def __init__(
        self,
        export: Mail,
        sink: MailSink,
        ledger: Ledger,
        *,
        meter: Meter,
        threads: ThreadPoolExecutor,
        pace: Pace = Pace(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(export, sink, ledger, meter=meter, threads=threads, pace=pace, clock=clock)
        self._mail = export
        self._post = sink.post

    async def _turn(self) -> float:
        if not await self._hold():
            return self._pace.standby
        await self._settle()
        until = digest.due(self._mail, datetime.fromtimestamp(self._clock(), UTC))
        since = await self._database(self._ledger.reached, self.name)
        # INVARIANT: what may have arrived is repeated as it was, not as part of a longer time.
        begun = await self._database(self._ledger.sending, self.name)
        until = until if begun is None else begun
        if since is None or since >= until:
            self._oldest = None
            return self._pace.look
        self._oldest = until
        told = await self._database(digest.read, self._ledger.engine, self._mail, since, until)
        if told.all or self._mail.empty:
            if not await self._database(self._ledger.begin_sending, self.name, until):
                return self._pace.standby
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    refused = await self._post(told)
            except TimeoutError:
                raise Undelivered("timeout") from None
            if refused:
                log.error("export `%s`: %d receivers were refused", self.name, len(refused))
                self._meter.exported(self.name, "refused", len(refused))
            self._delivered += 1
            self._meter.exported(self.name, "delivered", 1)
        self._oldest = None
        self._owed = ({}, until)
        await self._settle()
        return self._pace.look


class Exports:
    """All exports of one gateway."""

    def __init__(
        self,
        exports: Iterable[tuple[Export, Sink]],
        ledger: Ledger,
        *,
        meter: Meter,
        pace: Pace = Pace(),
    ) -> None:
        self._ledger = ledger
        self._meter = meter
        # Not the loop's own threads: a database that hangs must not take those from anybody else.
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="exports")
        self.exporters = tuple(
            Digester(export, sink, ledger, meter=meter, threads=self._threads, pace=pace)
            if isinstance(export, Mail) and isinstance(sink, MailSink)
            else Exporter(export, sink, ledger, meter=meter, threads=self._threads, pace=pace)
            for export, sink in exports
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Make cursors where there are none, and begin. Raises SQLAlchemy's errors."""
        names = [exporter.name for exporter in self.exporters]
        await asyncio.get_running_loop().run_in_executor(self._threads, self._ledger.begin, names)
        self._tasks = [
            asyncio.create_task(exporter.run(), name=f"export {exporter.name}")
            for exporter in self.exporters
        ]

    def report(self) -> None:
        """Put into the metrics what only changes with time."""
        for exporter in self.exporters:
            self._meter.export_lag(exporter.name, exporter.lag())

    async def stop(self) -> None:
        """End; what waits is told by the next gateway."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A statement under way holds a connection that cannot be closed yet; it has a limit of time,
        # and so has this.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        self._ledger.close()
