"""Where is something tried while the gateway runs? In a process of its own, as long as it is needed.

Law: traffic never waits for it, and neither a file that breaks a reader nor one that never ends can
hurt more than the try. The process keeps nothing of what it was given, and ends when nobody needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from gateway.metrics import NullMeter
from gateway.rehearsal import BENCH, BenchPlan
from gateway.workers import InspectionFault, Pool, WorkerSpec

SECONDS = 60.0
"""What one try may take, waiting for others included."""

IDLE_SECONDS = 600.0
_WAITING = 4


class Scratch:
    """One bench, started when first asked. To be used on one event loop.

    `plan` gives what is to be tried by now; the bench is built anew when that has changed.
    """

    def __init__(
        self, plan: Callable[[], BenchPlan], *, memory: int, idle: float = IDLE_SECONDS
    ) -> None:
        self._plan = plan
        self._memory = memory
        self._idle = idle
        self._pool: Pool | None = None
        self._revision = ""
        self._starting = asyncio.Lock()
        self._asked = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    async def ask(self, asked: object, *, size: int = 0) -> Any:
        """What the bench says. Raises `InspectionFault`."""
        if self._asked >= _WAITING:
            raise InspectionFault("overloaded")
        self._asked += 1
        try:
            pool = await self._ready()
            return await pool.ask(asked, size=size)
        finally:
            self._asked -= 1
            self._rest()

    async def _ready(self) -> Pool:
        async with self._starting:
            plan = self._plan()
            revision = plan.rules.policy.revision
            if self._pool is not None and self._revision == revision:
                return self._pool
            spec = WorkerSpec(BENCH, plan, self._memory, first_alone=False)
            if self._pool is not None:
                await self._pool.replace(spec)
                self._revision = revision
                return self._pool
            pool = Pool(spec, size=1, deadline=SECONDS, watch=NullMeter(), backlog=_WAITING)
            await pool.start()
            self._pool, self._revision = pool, revision
            return pool

    def _rest(self) -> None:
        """End the process some time after the last try."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle, self._end)

    def _end(self) -> None:
        if not self._asked:
            self._ending = asyncio.get_running_loop().create_task(self.stop())

    async def stop(self) -> None:
        """End the process now."""
        if self._timer is not None:
            self._timer.cancel()
        async with self._starting:
            pool, self._pool = self._pool, None
            if pool is not None:
                with contextlib.suppress(InspectionFault):
                    await pool.stop()
