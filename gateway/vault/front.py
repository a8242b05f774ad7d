"""How does the proxy's event loop reach the vault? Through a few threads, for a second at most.

Law: nothing here raises, and nobody waits longer than `seconds`: a vault that is away or slow means
that some tokens of later answers are not restored, never that a request fails or a value leaves.
What is remembered in memory is digests, bounded in number and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.database.patience import Breaker, Recent
from gateway.vault.keys import Keyring
from gateway.vault.store import MAX_TOKENS, PURGED, Kept, UnknownKey, Vault

log = logging.getLogger(__name__)

SECONDS = 1.0
"""How long one request or answer waits for the vault."""

THREADS = 4
"""Calls of the vault under way at the same time."""

KEPT_ENTRIES = 65_536
KEPT_SECONDS = 600.0
"""How many pairs of actor and token are known to be kept, and how long that is believed: a row that
was deleted by `forget` comes back with the conversation after that time."""

MISSED_ENTRIES = 16_384
MISSED_SECONDS = 5.0
"""How many tokens are known to be in no vault, and how long: another gateway may keep them."""

KEY_ENTRIES = 16_384
KEY_SECONDS = 60.0
"""Of how many actors it is known which key they go with, and how long. That an actor has none is
believed for `MISSED_SECONDS` only: another gateway may have given the first one meanwhile."""

PURGE_SECONDS = 300.0
"""How often expired rows are purged."""

_PURGE_LIMIT = 30.0
_CLOSE_LIMIT = 5.0
_BREATH = 0.05  # seconds between two batches, so that others get at the database

type Cause = Literal["timeout", "away", "error", "paused", "too_large", "unknown_key"]
"""Why something was not kept or looked up. `paused`: not tried, after failures in a row."""


class Watching(Protocol):
    """Who counts what the vault does."""

    def vault_failed(self, cause: str) -> None:
        """Something was not kept or looked up; `cause` is a `Cause`."""

    def vault_kept(self, count: int) -> None:
        """So many tokens were written, as new or to live on."""

    def vault_found(self, count: int) -> None:
        """So many tokens were found for the actor that asked."""

    def vault_missed(self, count: int) -> None:
        """So many tokens were asked for and not found."""


class Front:
    """The vault for the event loop. All methods are called in the loop."""

    def __init__(
        self,
        vault: Vault,
        *,
        watch: Watching,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vault = vault
        self._watch = watch
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="vault")
        self._breaker = Breaker(clock)
        # A row lives at least three quarters of its time after it was found fresh; half is safe.
        believed = min(KEPT_SECONDS, vault.ttl.total_seconds() / 2)
        self._kept: Recent[Literal["kept", "taken"]] = Recent(KEPT_ENTRIES, believed, clock)
        self._missed: Recent[bool] = Recent(MISSED_ENTRIES, MISSED_SECONDS, clock)
        self._keys: Recent[str] = Recent(KEY_ENTRIES, KEY_SECONDS, clock)
        self._keyless: Recent[bool] = Recent(KEY_ENTRIES, MISSED_SECONDS, clock)
        self._told = ""

    # --- what the proxy asks ---------------------------------------------------------------------

    async def keep(self, actor: str, issued: Mapping[str, str], *, key_id: str) -> frozenset[str]:
        """Remember what tokens stand for, before they are sent; those that stand for another value.

        These must not be sent: mint others in their place. Everything else may be, kept or not.
        """
        taken: set[str] = set()
        asked: dict[str, str] = {}
        marks: dict[str, bytes] = {}
        for token, value in issued.items():
            marks[token] = self._vault.mark(actor, token, value)
            match self._kept.get(marks[token]):
                case None:
                    asked[token] = value
                case "taken":
                    taken.add(token)
                case "kept":
                    pass
        if asked and actor:
            done = await self._call(lambda: self._vault.keep(actor, asked, key_id=key_id))
            if done is not None:
                taken |= done.taken
                self._remember(actor, asked, marks, key_id, done)
        return frozenset(taken)

    def _remember(
        self, actor: str, asked: Iterable[str], marks: Mapping[str, bytes], key_id: str, done: Kept
    ) -> None:
        for token in asked:
            if token not in done.refused:
                self._kept[marks[token]] = "taken" if token in done.taken else "kept"
                self._missed.drop(self._vault.mark(actor, token))
        if done.refused:
            self._watch.vault_failed("too_large")
        if done.written:
            self._watch.vault_kept(done.written)
            mark = self._vault.mark(actor)
            self._keys[mark] = key_id
            self._keyless.drop(mark)

    async def find(self, actor: str, tokens: Iterable[str]) -> Mapping[str, str]:
        """What tokens stand for to this actor; what is not kept, or cannot be asked, is not in it."""
        wanted = dict.fromkeys(tokens)
        marks = {token: self._vault.mark(actor, token) for token in list(wanted)[:MAX_TOKENS]}
        asked = [token for token, mark in marks.items() if self._missed.get(mark) is None]
        found: Mapping[str, str] = {}
        if asked and actor:
            answer = await self._call(lambda: self._vault.find(actor, asked))
            if answer is not None:
                found = answer
                for token in asked:
                    if token not in found:
                        self._missed[marks[token]] = True
        if found:
            self._watch.vault_found(len(found))
        if len(found) < len(wanted):
            self._watch.vault_missed(len(wanted) - len(found))
        return found

    async def key_of(self, actor: str) -> str | None:
        """The key that this actor's newest tokens go with; None when there are none, or no telling."""
        mark = self._vault.mark(actor)
        known = self._keys.get(mark)
        if known is None and self._keyless.get(mark) is None:
            # Empty when there is no key, for None says that there was no telling.
            known = await self._call(lambda: self._vault.key_of(actor) or "")
            if known:
                self._keys[mark] = known
            elif known is not None:
                self._keyless[mark] = True
        return known or None

    async def token_key(self, actor: str) -> str:
        """The id of the key to mint this actor's tokens with.

        It is the one that the actor's living tokens go with, so that a conversation goes on with the
        tokens it has, until that key has been out of force for as long as tokens live.
        """
        ring, now = self._vault.keyring, self._vault.now()
        current = ring.current(now).id

        def lives(identity: str) -> bool:
            left = ring.left(identity)
            return left is None or left + self._vault.ttl > now

        if not any(key.id != current and lives(key.id) for key in ring.keys):
            return current  # as almost always: nothing to ask
        used = await self.key_of(actor)
        if used is None or ring.get(used) is None or not lives(used):
            return current
        return used

    def adopt(self, keyring: Keyring) -> None:
        """Go over to these keys, as after a rotation. `ValueError` as of `Vault.adopt`.

        Whoever mints has to know a new key before this is called, since `token_key` may name it.
        """
        self._vault.adopt(keyring)

    # --- what keeps it in order ------------------------------------------------------------------

    async def tidy(self, every: float = PURGE_SECONDS) -> None:
        """Purge expired rows again and again; a task of its own, to be cancelled."""
        while True:
            more = await self._call(self._vault.purge, seconds=_PURGE_LIMIT) == PURGED
            await asyncio.sleep(_BREATH if more else every)

    async def close(self) -> None:
        """Take nothing more, wait a little for calls under way, and close the vault."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(TimeoutError):
            # What hangs for longer ends by the database's own limits.
            async with asyncio.timeout(_CLOSE_LIMIT):
                await asyncio.to_thread(self._threads.shutdown)
        self._vault.close()

    async def _call[T](self, act: Callable[[], T], *, seconds: float | None = None) -> T | None:
        """What `act` gives in a thread; None, counted, when it fails or takes too long."""
        if not self._breaker.closed():
            self._watch.vault_failed("paused")
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds if seconds is None else seconds):
                answer = await loop.run_in_executor(self._threads, act)
        except UnknownKey:
            # Dropped since the request began; the vault itself is well.
            self._watch.vault_failed("unknown_key")
            return None
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; the law says None
            self._breaker.failed()
            cause = _cause(error)
            self._watch.vault_failed(cause)
            kind = type(error).__name__
            if kind != self._told:  # once per change, by kind alone: texts may quote rows
                self._told = kind
                log.warning("the token vault cannot be used: %s (%s)", cause, kind)
            return None
        self._breaker.worked()
        if self._told:
            self._told = ""
            log.info("the token vault can be used again")
        return answer


def _cause(error: Exception) -> Cause:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return "away"
    return "error"
