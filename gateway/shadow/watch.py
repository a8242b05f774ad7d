"""What do people have to do with hosts that look like AI services? Counted beside the proxy.

Law: nothing here holds up or fails a connection. A host that does not look so is not remembered; what
is, is bounded in memory, and goes to the database in the background, once it is known that nothing is
found in its name; one in which something is found goes nowhere. When the database is away it waits, and
when it is too much it is dropped and counted.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from gateway.metrics import Meter
from gateway.model import Exchange
from gateway.rounds import Rounds
from gateway.services.hosts import normalise
from gateway.shadow import shapes
from gateway.shadow.ledger import Key, Seen
from gateway.shadow.names import Signs, shipped, signs_of_name
from gateway.shadow.tables import HOST_CHARS, SENDER_CHARS

MOST = 20_000
"""Hosts, days and senders that wait for the database: some 10 MB."""

FLUSH_SECONDS = 5.0
COUNT_SECONDS = 60.0
LONGEST_PAUSE = 300.0

_HOST = re.compile(r"[a-z0-9._-]+")
"""What a host is made of; what else a client calls one would only hold up the database."""


class Kept(Protocol):
    """Where it goes: the ledger, in production."""

    def add(self, seen: dict[Key, Seen], signs: dict[str, frozenset[str]]) -> None:
        """Add it all, or raise."""

    def many(self) -> int:
        """How many suspects there are."""


@dataclass(slots=True)
class Glance:
    """One request under way to a host that no service owns, and what it looks like so far."""

    watch: Watch = field(repr=False)
    host: str
    sender: str
    sent: int
    signs: frozenset[str]
    received: int = 0
    _head: bytearray = field(default_factory=bytearray, repr=False)
    _streams: bool = False
    _ended: bool = False

    def answered(self, content_type: str, names: Iterable[str], *, mcp: bool = False) -> None:
        """The answer begins; `names` are those of the service's certificate."""
        self._streams = content_type.lower().startswith(shapes.STREAM)
        self.signs |= shapes.of_answer(content_type, b"", mcp=mcp)
        self.signs |= shipped().of_certificate(names)

    def note(self, chunk: bytes) -> None:
        """Part of the answer."""
        self.received += len(chunk)
        if self._streams and len(self._head) < 4096:
            self._head += chunk[:4096]

    def end(self) -> None:
        """It is over; counted once."""
        if self._ended:
            return
        self._ended = True
        if self._head:
            self.signs |= shapes.of_answer(shapes.STREAM, bytes(self._head))
        self.watch.saw(self)


class Watch:
    """Counts; `knows` says whether a service of the catalogue owns a host, a reload may change it.

    `harmless` says whether a name may be written down; None while that is not known.
    """

    def __init__(
        self,
        kept: Kept,
        *,
        knows: Callable[[str], bool],
        harmless: Callable[[str], bool | None],
        meter: Meter,
        signs: Signs | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        flush: float = FLUSH_SECONDS,
    ) -> None:
        self._kept = kept
        self._knows = knows
        self._harmless = harmless
        self._meter = meter
        self._signs = signs or shipped()
        self._clock = clock
        self._seen: dict[Key, Seen] = {}
        self._why: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._counted_at = -COUNT_SECONDS
        self._rounds = Rounds(
            self._round,
            name="shadow AI",
            wrong="hosts that look like AI services are not written",
            every=flush,
            longest=LONGEST_PAUSE,
            failed=lambda: meter.failed("shadow_store"),
            last=self._round,
        )

    # --- beside the proxy ------------------------------------------------------------------------

    def tunnelled(self, host: str, sender: str) -> Callable[[int, int], None] | None:
        """A connection passes unopened; who takes its bytes, sent and received, if it is of interest."""
        name = normalise(host)
        signs = signs_of_name(name)
        if self._signs.chance(signs) < self._signs.suspect_from or self._knows(name):
            return None
        self._add(name, sender, signs, tunnels=1)
        return lambda sent, received: self._add(name, sender, signs, sent=sent, received=received)

    def opened(self, exchange: Exchange) -> Glance | None:
        """A request to a host that is inspected and has no service."""
        name = normalise(exchange.host)
        if self._knows(name):
            return None
        signs = signs_of_name(name) | shapes.of_request(exchange)
        return Glance(self, name, exchange.sender, len(exchange.body), signs)

    def in_clear(self, host: str, sender: str, target: str, sent: int) -> Glance | None:
        """A request over plain HTTP to a host that is not inspected: its path is seen, its body is not."""
        name = normalise(host)
        if self._knows(name):
            return None
        return Glance(self, name, sender, sent, signs_of_name(name) | shapes.of_path(target))

    def saw(self, look: Glance) -> None:
        """A request is over."""
        if self._signs.chance(look.signs) >= self._signs.suspect_from:
            self._add(
                look.host,
                look.sender,
                look.signs,
                requests=1,
                sent=look.sent,
                received=look.received,
            )

    def _add(
        self,
        host: str,
        sender: str,
        signs: frozenset[str],
        *,
        tunnels: int = 0,
        requests: int = 0,
        sent: int = 0,
        received: int = 0,
    ) -> None:
        if tunnels or requests:
            self._meter.suspected("tunnel" if tunnels else "request")
        if len(host) > HOST_CHARS or not _HOST.fullmatch(host):
            return
        if self._harmless(host) is False:
            return
        now = self._clock()
        key = host, now.date(), _clean(sender)
        with self._lock:
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= MOST:
                    self._meter.failed("shadow_full")
                    return
                seen = self._seen[key] = Seen(now, now)
            seen.last_at = now
            seen.tunnels += tunnels
            seen.requests += requests
            seen.sent += sent
            seen.received += received
            self._why[host] = self._why.get(host, frozenset()) | signs

    # --- in the background -----------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write."""
        self._rounds.start()

    def stop(self, *, timeout: float = 3.0) -> None:
        """End; what can be written still is."""
        self._rounds.stop(timeout=timeout)

    def _round(self) -> None:
        self.flush()
        self._count()

    def flush(self) -> None:
        """Write what was seen since; raises what the database raises, and loses nothing by that."""
        with self._lock:
            all_seen, self._seen = self._seen, {}
            all_why, self._why = self._why, {}
        told = {host: self._harmless(host) for host in all_why}
        seen, why = _those(all_seen, all_why, {host for host, may in told.items() if may})
        waiting = {host for host, may in told.items() if may is None}
        with self._lock:
            self._take_back(*_those(all_seen, all_why, waiting))
        if not seen:
            return
        try:
            self._kept.add(seen, why)
        except BaseException:
            with self._lock:
                self._take_back(seen, why)
            raise

    def _take_back(self, seen: dict[Key, Seen], why: dict[str, frozenset[str]]) -> None:
        for host, signs in why.items():
            self._why[host] = self._why.get(host, frozenset()) | signs
        for key, each in seen.items():
            later = self._seen.get(key)
            if later is None:
                if len(self._seen) >= MOST:
                    self._meter.failed("shadow_full")
                    continue
                self._seen[key] = each
                continue
            later.first_at = each.first_at
            later.tunnels += each.tunnels
            later.requests += each.requests
            later.sent += each.sent
            later.received += each.received

    def _count(self) -> None:
        if time.monotonic() - self._counted_at >= COUNT_SECONDS:
            self._meter.suspects(self._kept.many())
            self._counted_at = time.monotonic()


def _those(
    seen: dict[Key, Seen], why: dict[str, frozenset[str]], hosts: set[str]
) -> tuple[dict[Key, Seen], dict[str, frozenset[str]]]:
    """What of it is about these hosts."""
    return (
        {key: each for key, each in seen.items() if key[0] in hosts},
        {host: signs for host, signs in why.items() if host in hosts},
    )


def _clean(sender: str) -> str:
    """A name that every database takes: no control character, no lone surrogate, bounded."""
    name = sender[:SENDER_CHARS].encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
