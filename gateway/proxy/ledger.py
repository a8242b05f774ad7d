"""What passed through unopened? Hosts, connections, bytes and why, kept for discovery.

Law: bounded in memory and on disk; metrics get classes of hosts, never their names; the file holds
names and sums, nothing of what was said. A name in which something is found, or that nobody has looked at
yet, is told to nobody: what passed there is summed up under `*`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gateway.metrics import Meter

MAX_HOSTS = 10_000
"""Hosts remembered by name; further ones are summed up under `other`."""

HIDDEN = "*"
"""Hosts whose names are content, or may be."""

OTHER = "other"

_SAVE_SECONDS = 30.0


type Tunnelled = Callable[[str, str], Callable[[int, int], None] | None]
"""Told of a host and a sender; what it gives takes bytes, if it wants to know them."""


@dataclass(slots=True)
class Passed:
    """What passed to one host. Times in Unix seconds, sizes in bytes.

    `looked` once it is known that nothing is found in the name.
    """

    why: str
    first_seen: float
    last_seen: float = 0.0
    connections: int = 0
    sent: int = 0
    received: int = 0
    looked: bool = False

    def add(self, other: Passed) -> None:
        """Sum it up with what passed elsewhere."""
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        self.connections += other.connections
        self.sent += other.sent
        self.received += other.received


class PassedLedger:
    """Counts connections that pass through untouched, by host.

    The sums of earlier runs are read from `path` and go on. `harmless` says whether a name may be told,
    and None while that is not known. `tunnelled` is told of each connection, too.
    """

    def __init__(
        self,
        meter: Meter,
        path: Path,
        *,
        harmless: Callable[[str], bool | None],
        tunnelled: Tunnelled | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._meter = meter
        self._tunnelled = tunnelled or _of_no_interest
        self._path = path
        self._clock = clock
        self._harmless = harmless
        self._hosts: dict[str, Passed] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError, TypeError):
            for host, data in json.loads(path.read_text(encoding="utf-8")).items():
                self._hosts[str(host)] = Passed(**data)
        # What an earlier version wrote down unlooked goes with the next save.
        for host, each in self._hosts.items():
            if not each.looked:
                self._harmless(host)
                self._changed = True

    @property
    def hosts(self) -> dict[str, Passed]:
        """What passed, by names that may be told."""
        told: dict[str, Passed] = {}
        hidden: Passed | None = None
        # In one step: counts come from the event loop, and this is asked in other threads, too.
        for host, each in tuple(self._hosts.items()):
            if host in {HIDDEN, OTHER}:
                each.looked = True
            elif not each.looked:
                each.looked = self._harmless(host) is True
            if each.looked and host != HIDDEN:
                told[host] = each
            elif hidden is None:
                hidden = replace(each, looked=True)
            else:
                hidden.add(each)
        if hidden is not None:
            told[HIDDEN] = hidden
        return told

    def passed(self, host: str, why: str, sender: str = "") -> Callable[[int, int], None]:
        """A connection to `host` passes; the result takes bytes sent and received."""
        name = host.lower().rstrip(".")
        entry = self._hosts.get(name)
        if entry is None:
            if len(self._hosts) >= MAX_HOSTS:
                name = OTHER
            else:
                self._harmless(name)  # so that it is looked at
            entry = self._hosts.setdefault(name, Passed(why, self._clock()))
        entry.why = why
        entry.connections += 1
        entry.last_seen = self._clock()
        self._changed = True
        kind = host_class(host)
        self._meter.passed_through(kind, why)
        also = self._tunnelled(host, sender)

        def count(sent: int, received: int) -> None:
            if also is not None:
                also(sent, received)
            entry.sent += sent
            entry.received += received
            self._changed = True
            self._meter.passed_through(kind, why, connections=0, sent=sent, received=received)

        return count

    def refused_connection(self, why: str) -> None:
        """A connection was closed before anything was read."""
        self._meter.refused(why)

    async def keep(self) -> None:
        """Save from time to time."""
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            with contextlib.suppress(OSError):
                self.save()

    def save(self) -> None:
        """Write the sums, atomically."""
        if not self._changed:
            return
        self._changed = False
        data = json.dumps({host: asdict(entry) for host, entry in self.hosts.items()})
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(data)
        fresh.replace(self._path)


def _of_no_interest(_host: str, _sender: str) -> None:
    """Nobody wants to know."""


def host_class(host: str) -> str:
    """A class of hosts, for a metric: address, internal, or name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        internal = "." not in host or host.endswith(
            (".local", ".internal", ".lan", ".corp", ".home.arpa")
        )
        return "internal" if internal else "name"
    return "internal" if address.is_private else "address"
