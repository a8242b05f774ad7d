"""What passed through unopened? Hosts, connections, bytes and why, kept for discovery.

Law: bounded in memory and on disk; metrics get classes of hosts, never their names; the file holds
names and sums, nothing of what was said.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.metrics import Meter

MAX_HOSTS = 10_000
"""Hosts remembered by name; further ones are summed up under `other`."""

_SAVE_SECONDS = 30.0


type Tunnelled = Callable[[str, str], Callable[[int, int], None] | None]
"""Told of a host and a sender; what it gives takes bytes, if it wants to know them."""


@dataclass(slots=True)
class Passed:
    """What passed to one host. Times in Unix seconds, sizes in bytes."""

    why: str
    first_seen: float
    last_seen: float = 0.0
    connections: int = 0
    sent: int = 0
    received: int = 0


class PassedLedger:
    """Counts connections that pass through untouched, by host.

    The sums of earlier runs are read from `path` and go on. `tunnelled` is told of each, too.
    """

    def __init__(
        self,
        meter: Meter,
        path: Path,
        *,
        tunnelled: Tunnelled | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._meter = meter
        self._tunnelled = tunnelled or _of_no_interest
        self._path = path
        self._clock = clock
        self.hosts: dict[str, Passed] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError, TypeError):
            for host, data in json.loads(path.read_text(encoding="utf-8")).items():
                self.hosts[str(host)] = Passed(**data)

    def passed(self, host: str, why: str, sender: str = "") -> Callable[[int, int], None]:
        """A connection to `host` passes; the result takes bytes sent and received."""
        name = host.lower().rstrip(".")
        entry = self.hosts.get(name)
        if entry is None:
            if len(self.hosts) >= MAX_HOSTS:
                name = "other"
            entry = self.hosts.setdefault(name, Passed(why, self._clock()))
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
