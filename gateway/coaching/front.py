"""How does the proxy's event loop reach coaching? Through a few threads, for a second at most.

Law: nothing here raises. What cannot be asked in time is not there: no grant, no link, no answer; a
request is then refused as any other. What is remembered is bounded in number and time, and never a
grant past its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from gateway.coaching.store import MOST_ITEMS, Answer, Ask, Coaching, Store
from gateway.database.patience import Breaker, Recent
from gateway.model import Grant

log = logging.getLogger(__name__)

SECONDS = 1.0
"""How long a request waits for the database."""

THREADS = 2

SENDERS = 8_192
BELIEVED_SECONDS = 60.0
"""Of how many senders grants are remembered, and how long that is believed."""

GRANTS = 500
"""Most grants that are remembered of a sender. Others are asked for when a request needs them."""

TIDY_SECONDS = 20.0
"""How often it is looked for what nobody has answered."""

_CLOSE_LIMIT = 5.0
LINK_BYTES = 18
"""144 random bits; in a link 24 letters."""


class Watching(Protocol):
    """Who counts what comes of coaching."""

    def coached(self, rule: str, service: str) -> None:
        """Somebody was asked to think, and given a link."""

    def coaching_answered(self, rule: str, service: str, answer: str, *, seconds: float) -> None:
        """They answered (`justified`, `cancelled`), so long after."""

    def coaching_expired(self, rule: str, service: str) -> None:
        """They never answered."""

    def failed(self, cause: str) -> None:
        """A stage failed."""


class Front:
    """Coaching for the event loop. All methods are called in the loop."""

    def __init__(
        self,
        store: Store,
        *,
        base_url: str,
        watch: Watching,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._base_url = base_url
        self._watch = watch
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="coaching")
        self._breaker = Breaker(clock)
        self._known: Recent[dict[Grant, datetime]] = Recent(SENDERS, BELIEVED_SECONDS, clock)
        self._told = ""

    def now(self) -> datetime:
        """The time by which things end."""
        return self._store.now()

    # --- what the gate asks ----------------------------------------------------------------------

    def known(self, sender: str) -> frozenset[Grant]:
        """The grants of a sender that are remembered, and in force."""
        if not len(self._known):
            return frozenset()  # as almost always
        held = self._known.get(self._store.sender(sender).encode())
        if not held:
            return frozenset()
        now = self._store.now()
        return frozenset(grant for grant, until in held.items() if until > now)

    async def granted(self, sender: str, grants: frozenset[Grant]) -> frozenset[Grant]:
        """Those of `grants` that the sender has, as the database says now.

        What of them is remembered and was taken back is forgotten.
        """
        if not grants or len(grants) > MOST_ITEMS:
            return frozenset()
        found = await self._call(lambda: self._store.live(sender, grants))
        if found is None:
            return frozenset()
        mark = self._store.sender(sender).encode()
        held = {
            grant: until
            for grant, until in (self._known.get(mark) or {}).items()
            if grant not in grants
        } | dict(found)
        self._known[mark] = dict(list(held.items())[-GRANTS:])
        return frozenset(found)

    async def ask(self, ask: Ask) -> str | None:
        """The link to where somebody may answer; None when they cannot be asked."""
        if not ask.asks or len(ask.asks) > MOST_ITEMS or not all(each.item for each in ask.asks):
            return None
        link, identity = secrets.token_urlsafe(LINK_BYTES), secrets.token_hex(8)
        if await self._call(lambda: self._store.ask(ask, link=link, identity=identity)) is None:
            return None
        self._watch.coached(ask.rule, ask.service)
        return f"{self._base_url}/c/{link}"

    # --- what the pages ask ----------------------------------------------------------------------

    def is_sender(self, coaching: Coaching, sender: str) -> bool:
        """Whether a coaching is about what this sender sent."""
        return secrets.compare_digest(coaching.sender, self._store.sender(sender))

    async def follow(self, link: str) -> tuple[bool, Coaching | None]:
        """Whether the database could be asked, and where the link leads."""
        found = await self._call(lambda: (self._store.follow(link),))
        return (False, None) if found is None else (True, found[0])

    async def answer(self, coaching: Coaching, answer: Answer) -> bool | None:
        """Whether the answer was in time; None when it could not be written down."""
        done = await self._call(lambda: self._store.answer(coaching.id, answer))
        if done:
            seconds = (self._store.now() - coaching.at).total_seconds()
            self._watch.coaching_answered(
                coaching.rule, coaching.service, answer.state, seconds=max(0.0, seconds)
            )
        return done

    # --- keeping in order ------------------------------------------------------------------------

    async def tidy(self, every: float = TIDY_SECONDS) -> None:
        """Close what nobody has answered, again and again; a task of its own, to be cancelled."""
        while True:
            await asyncio.sleep(every)
            await self.expire()

    async def expire(self) -> None:
        """Close what nobody has answered in time."""
        late: Iterable[tuple[str, str]] = await self._call(self._store.expire) or ()
        for rule, service in late:
            self._watch.coaching_expired(rule, service)

    async def close(self) -> None:
        """Take nothing more, wait a little for calls under way, and close the store."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT):
                await asyncio.to_thread(self._threads.shutdown)
        self._store.close()

    async def _call[T](self, act: Callable[[], T]) -> T | None:
        """What `act` gives in a thread; None, counted, when it fails or takes too long."""
        if not self._breaker.closed():
            self._watch.failed("coaching")
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                answer = await loop.run_in_executor(self._threads, act)
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; the law says None
            self._breaker.failed()
            self._watch.failed("coaching")
            kind = type(error).__name__
            if kind != self._told:  # once per change, by kind alone: texts may quote rows
                self._told = kind
                log.warning("nobody can be coached, so what should be is refused: %s", kind)
            return None
        self._breaker.worked()
        if self._told:
            self._told = ""
            log.info("people can be coached again")
        return answer
