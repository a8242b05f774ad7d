"""Which names of hosts may be written down? Those in which nothing was found, as incidents have it.

Law: asking costs the asker nothing, in any thread: what has not been looked at is not known yet, and
whoever would write it down waits. What cannot be looked at is never said to be harmless, and holds up no
other name. Bounded in number; no name is kept anywhere but in memory.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

MOST = 50_000
"""Names of which it is remembered what was found, the last: some 8 MB."""

WAITING = 20_000
"""Names that wait to be looked at; more are not taken, and asked about again."""

LOOK_SECONDS = 0.25
"""How often it is looked for names that wait."""

PAUSE_SECONDS = 5.0
"""How long nothing is looked at after something could not be."""

TRIES = 10
"""Times that it is tried to look at a name, before it counts as one in which something was found."""

type Look = Callable[[str], Awaitable[bool | None]]
"""Whether nothing is found in a name; None when it cannot be looked at now."""


class Harmless:
    """Says of names of hosts whether they may be written down."""

    def __init__(self, look: Look, *, pause: float = PAUSE_SECONDS) -> None:
        self._look = look
        self._pause = pause
        self._known: dict[str, bool] = {}
        self._waiting: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, host: str) -> bool | None:
        """Whether nothing was found in `host`; None until that is known."""
        with self._lock:
            known = self._known.get(host)
            if known is None and len(self._waiting) < WAITING:
                self._waiting.setdefault(host, 0)
            return known

    async def keep_looking(self, every: float = LOOK_SECONDS) -> None:
        """Look at what waits, one after another; a task of its own, to be cancelled."""
        while True:  # noqa: ASYNC110  # who asks may sit in another thread, where no event can be set
            await asyncio.sleep(every if await self.look_at_all() else self._pause)

    async def look_at_all(self) -> bool:
        """Look at all that waits; False when something could not be, and waits on."""
        while self._waiting:
            host = next(iter(self._waiting))
            harmless = await self._look(host)
            with self._lock:
                tries = self._waiting.pop(host) + 1
                if harmless is None and tries < TRIES:
                    self._waiting[host] = tries  # behind the others
                    return False
                if len(self._known) >= MOST:
                    del self._known[next(iter(self._known))]
                self._known[host] = harmless is True
        return True
