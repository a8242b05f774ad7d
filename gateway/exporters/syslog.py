"""How does a syslog server learn of incidents? By RFC 5424 messages over TCP or TLS.

Law: each message is framed by its length (RFC 6587 3.4.1, RFC 5425 4.3), so nothing in it can begin
another one, and fits 8,192 octets. Syslog knows no receipt: a batch counts as told when the peer's
system has acknowledged every octet of it and the connection stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import ssl
import struct
import termios
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from gateway import __version__
from gateway.exporters import cef
from gateway.exporters.document import Syslog
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Undelivered
from gateway.incidents.record import Incident
from gateway.model import Severity

MAX_OCTETS = 8192
"""RFC 5425 4.3.1: a receiver SHOULD take messages of this length."""

_PORTS = {"tcp": 601, "tls": 6514}

_FACILITY = {
    "user": 1, "daemon": 3, "auth": 4, "authpriv": 10, "audit": 13, "alert": 14,
    "local0": 16, "local1": 17, "local2": 18, "local3": 19,
    "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip

_LEVEL = {
    Severity.INFO: 6,
    Severity.LOW: 5,
    Severity.MEDIUM: 4,
    Severity.HIGH: 3,
    Severity.CRITICAL: 2,
}

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.005


class SyslogSink:
    """Holds one connection for as long as the server does."""

    batch = 200

    def __init__(self, export: Syslog, *, reach: Reach, tls: ssl.SSLContext) -> None:
        parts = urlsplit(export.to)
        self._export = export
        self._reach = reach
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = tls if parts.scheme == "tls" else None
        self._hostname = _printable(export.hostname or socket.gethostname(), 255)
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, incidents: Sequence[Incident]) -> None:
        """Write all messages and wait until the peer has them."""
        data = b"".join(framed(self.message(incident)) for incident in incidents)
        try:
            await self._write(data)
        except ssl.SSLError:
            raise Undelivered("tls") from None
        except OSError:
            raise Undelivered("closed") from None

    async def _write(self, data: bytes) -> None:
        reader, writer = await self._connection()
        try:
            writer.write(data)
            await writer.drain()
            await _acknowledged(reader, writer)
        except BaseException:
            # Half a message may be on its way: nothing can follow it on this connection.
            await self._drop()
            raise
        # A server that stopped says so only now, and may not have read what its system took.
        if _gone(reader, writer):
            await self._drop()
            raise Undelivered("closed")

    def message(self, incident: Incident) -> bytes:
        """One incident as an RFC 5424 message."""
        priority = _FACILITY[self._export.facility] * 8 + _LEVEL[incident.severity]
        at = incident.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head = f"<{priority}>1 {at} {self._hostname} leakgate {os.getpid()} incident"
        match self._export.format:
            case "cef":
                # No byte order mark: the message is MSG-ANY, which receivers of CEF expect.
                return f"{head} - {cef.line(incident)}".encode()
            case "structured":
                return f"{head} {structured(incident, self._export.enterprise)}".encode()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is not None:
            if not _gone(*self._open):
                return self._open
            await self._drop()
        cause: Undelivered | None = None
        for address in await self._reach.addresses(self._host, self._port):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    self._open = await asyncio.open_connection(
                        address,
                        self._port,
                        ssl=self._tls,
                        server_hostname=self._host if self._tls else None,
                    )
            except TimeoutError:
                cause = Undelivered("timeout")
            except (ssl.SSLError, ssl.CertificateError):
                cause = Undelivered("tls")
            except OSError:
                cause = Undelivered("connect")
            else:
                return self._open
        raise cause or Undelivered("resolve")

    async def close(self) -> None:
        """Say good-bye and close the connection."""
        await self._drop()

    async def _drop(self) -> None:
        held, self._open = self._open, None
        if held is None:
            return
        held[1].close()
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(1):
                await held[1].wait_closed()
        # A peer that takes nothing any more would keep the socket for ever.
        held[1].transport.abort()


def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the peer has ended the connection, as far as this side knows."""
    return reader.at_eof() or reader.exception() is not None or writer.is_closing()


async def _acknowledged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the peer has acknowledged what was written. Linux tells, other systems do not."""
    connection = writer.get_extra_info("socket")
    if connection is None or not hasattr(termios, "TIOCOUTQ"):
        return
    quiet = 0
    while quiet < 2 and not _gone(reader, writer):
        try:
            told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except (OSError, ValueError):
            return  # not for this kind of socket, or closed: the caller looks
        # Twice: below TLS is another buffer that the loop empties in between, and a reset that came
        # with the last acknowledgement is seen by then.
        empty = struct.unpack("i", told)[0] == 0 and writer.transport.get_write_buffer_size() == 0
        quiet = quiet + 1 if empty else 0
        await asyncio.sleep(_LOOK_SECONDS)


def framed(message: bytes) -> bytes:
    """`MSG-LEN SP SYSLOG-MSG`."""
    return b"%d %s" % (len(message), message)


def structured(incident: Incident, enterprise: int) -> str:
    """The incident as one element of structured data (RFC 5424 6.3) and a sentence."""
    fields = {
        "id": incident.id,
        "enforcement": incident.enforcement,
        "severity": incident.severity.name.lower(),
        "cause": incident.cause,
        "actor": incident.actor,
        "teams": cef.joined(incident.teams or ()),
        "source": incident.source_ip,
        "service": incident.service,
        "category": incident.category,
        "operation": incident.operation,
        "host": incident.host,
        "rules": cef.joined(rule.rule for rule in incident.rules),
        "entities": cef.joined(cef.entities(incident)),
        "unread": cef.joined(place.reason for place in incident.unread),
        "findings": str(incident.findings_total),
        "policy": incident.policy_revision,
        "version": __version__,
    }
    room = {
        "actor": cef.PERSON_BYTES,
        "host": cef.PERSON_BYTES,
        "teams": cef.LIST_BYTES,
        "rules": cef.LIST_BYTES,
        "entities": cef.LIST_BYTES,
        "unread": cef.LIST_BYTES,
    }
    pairs = " ".join(
        f'{name}="{_parameter(cef.bounded(value, room.get(name, cef.NAME_BYTES)))}"'
        for name, value in _given(fields.items())
    )
    service = cef.bounded(incident.service, cef.NAME_BYTES)
    return f"[leakgate@{enterprise} {pairs}] {incident.enforcement}: {service}"


def _given(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in pairs if value)


def _parameter(text: str) -> str:
    # RFC 5424 6.3.3: these three MUST be escaped, nothing else.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _printable(text: str, limit: int) -> str:
    """PRINTUSASCII of RFC 5424; `-` when nothing is left."""
    return "".join(char for char in text if "!" <= char <= "~")[:limit] or "-"
