"""How is something posted to a web address? Over a connection that was checked, to that address alone.

Law: no redirect is followed, no proxy of the environment is used, no cookie is kept; an answer is
read to its first 64 KiB, and every failure becomes an `Undelivered`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import httpcore2

from gateway import __version__
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Cause, Undelivered

MAX_ANSWER = 64 << 10
LONGEST_REST = 3600.0
"""Most seconds that a receiver can ask to be left alone for."""

_IDLE_SECONDS = 5.0
"""How long a connection is kept for the next batch. Receivers close idle ones, some without a word."""

_SECONDS = {"connect": 10.0, "read": 20.0, "write": 20.0, "pool": 10.0}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` came from outside: it is looked into, and never told."""

    status: int
    body: bytes = field(repr=False)
    after: float = 0.0

    def judge(self) -> None:
        """Raise `Undelivered` for everything but success."""
        if 200 <= self.status < 300:
            return
        raise Undelivered(
            _cause(self.status), at_fault=self.status in {400, 413, 422}, after=self.after
        )


def _cause(status: int) -> Cause:
    match status:
        case 401 | 403 | 407:
            return "auth"
        case 408 | 429 | 503:
            return "busy"
        case _ if 300 <= status < 400:
            return "redirect"
        case _ if status >= 500:
            return "server"
        case _:
            return "refused"


class _Checked(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that `Reach` allows, and to the very ones that it has checked.

    Not by the library's own backend: its groups of tasks fail in a loop whose tasks start at once,
    which mitmproxy makes of ours.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # signature of the base class
        local_address: str | None = None,  # noqa: ARG002  # as above
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002  # as above
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError()
        for address in await self._reach.addresses(host, port):
            try:
                async with asyncio.timeout(timeout):
                    return _Stream(*await asyncio.open_connection(address, port))
            except TimeoutError:
                failure = httpcore2.ConnectTimeout()
            except OSError:
                failure = httpcore2.ConnectError()
        raise failure


class _Stream(httpcore2.AsyncNetworkStream):
    """One connection, in the words of the library."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # signature of the base class
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError:
            raise httpcore2.ReadTimeout from None
        except OSError:
            raise httpcore2.ReadError from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as above
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError:
            raise httpcore2.WriteTimeout from None
        except OSError:
            raise httpcore2.WriteError from None

    async def aclose(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # as above
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except TimeoutError:
            self._writer.transport.abort()
            raise httpcore2.ConnectTimeout from None
        except OSError as error:
            self._writer.transport.abort()
            raise httpcore2.ConnectError from error
        return self

    def get_extra_info(self, info: str) -> object:
        if info == "is_readable":
            # What the library asks of a connection that rests: has the other side ended it?
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(info)


class Post:
    """One web address to post to."""

    def __init__(self, url: str, *, reach: Reach, tls: ssl.SSLContext) -> None:
        self._url = url
        self._reach = reach
        self._tls = tls
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def __call__(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post `body` and return the answer, whatever its status. Raises `Undelivered`."""
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=1,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=_Checked(self._reach),
            )
        every = {
            "user-agent": f"leakgate/{__version__}",
            "content-type": "application/json",
            "accept": "application/json",
            **headers,
        }
        received = bytearray()
        try:
            async with self._pool.stream(
                "POST",
                self._url,
                headers=list(every.items()),
                content=body,
                extensions={"timeout": _SECONDS},
            ) as response:
                async for chunk in response.aiter_stream():
                    received += chunk[: MAX_ANSWER - len(received)]
                    if len(received) >= MAX_ANSWER:
                        break
                return Answer(response.status, bytes(received), _after(response.headers))
        except httpcore2.TimeoutException:
            raise Undelivered("timeout") from None
        except httpcore2.ConnectError as error:
            raise Undelivered("tls" if _is_tls(error) else "connect") from None
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError):
            raise Undelivered("closed") from None
        except (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol):
            raise Undelivered("protocol") from None

    async def close(self) -> None:
        """Close the connection; the next post opens another."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()


def _after(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Seconds of a `Retry-After`; dates are not read, our own pauses do as well."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.strip().isdigit():
            return min(float(value.strip()[:9]), LONGEST_REST)
    return 0.0


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
