"""How does Kafka learn of incidents? As records of one topic, which every replica in sync has taken.

Law: `send` returns when all records were acknowledged by all (`acks=all`), each written once however
often the library had to repeat it (idempotence). Records of one value have one key, so they stay in
their order. Every address that the cluster names is checked, and is the one that is connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from kafka import KafkaProducer, errors
from kafka.net import (
    KafkaConnectionManager,
    KafkaNetClient,
    KafkaNetSocket,
    NetworkSelector,
)

from gateway.exporters.document import Kafka
from gateway.exporters.plain import document
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Cause, Undelivered
from gateway.incidents.record import Incident

ACKNOWLEDGED_SECONDS = 25.0
"""How long a batch may take: less than the task behind the sink gives it."""

_BOOTSTRAP_SECONDS = 8.0
_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 1.0

# What the library logs quotes what came from outside; what matters is told by `Undelivered`.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class KafkaSink:
    """Holds one producer, whose network runs in a thread of its own."""

    batch = 200

    def __init__(self, export: Kafka, *, reach: Reach, tls: ssl.SSLContext) -> None:
        self._export = export
        self._reach = reach
        self._tls = tls if export.encrypted else None
        self._open: _Producer | None = None
        # One waits for receipts; the other ends a producer that hangs.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"export-{export.name}")

    async def send(self, incidents: Sequence[Incident]) -> None:
        """Write all records and wait until the cluster has them."""
        records = [(_key(incident), self._value(incident), incident.id) for incident in incidents]
        loop = asyncio.get_running_loop()
        producer = self._open
        if producer is None:
            await self._knock()
            password = self._export.password.value() if self._export.password else ""
            producer = _Producer(self._export, self._reach, self._tls, password, loop)
            # INVARIANT: known before it works, so that `close` can end it in the middle of that.
            self._open = producer
        told: asyncio.Future[Cause | None] = asyncio.wrap_future(
            self._threads.submit(producer.send, records)
        )
        try:
            while not (await asyncio.wait([told], timeout=_LOOK_SECONDS))[0]:
                # The library waits for a cluster to come back; here it is said that it is away.
                await self._knock()
                producer.look()
            told.result()
        except BaseException:
            told.cancel()
            # A producer that failed may still hold records, and would send them late.
            await self.close()
            raise

    def _value(self, incident: Incident) -> bytes:
        plain = document(incident, self._export.format)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    async def _knock(self) -> None:
        """See that one of the brokers that are named can be reached. Raises `Undelivered`."""
        failure = Undelivered("resolve")
        for host, port in self._export.brokers:
            try:
                addresses = await self._reach.addresses(host, port)
            except Undelivered as problem:
                failure = problem
                continue
            for address in addresses:
                try:
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        _, writer = await asyncio.open_connection(
                            address,
                            port,
                            ssl=self._tls,
                            server_hostname=host if self._tls else None,
                        )
                except TimeoutError:
                    failure = Undelivered("timeout")
                except (ssl.SSLError, ssl.CertificateError):
                    failure = Undelivered("tls")
                except OSError:
                    failure = Undelivered("connect")
                else:
                    writer.transport.abort()
                    return
        raise failure

    async def close(self) -> None:
        """End the producer; what was not acknowledged is not sent any more."""
        producer, self._open = self._open, None
        if producer is not None:
            await asyncio.wrap_future(self._threads.submit(producer.close))


class _Producer:
    """A producer of the library, made and used in threads where it may block."""

    def __init__(
        self,
        export: Kafka,
        reach: Reach,
        tls: ssl.SSLContext | None,
        password: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._export = export
        self._tls = tls
        self._password = password
        self._scheme = _checked(reach, loop, self)
        # Why it does not help to try again, as the library would.
        self.hopeless: Cause | None = None
        self._client: KafkaNetClient | None = None
        self._producer: KafkaProducer | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"_Producer({self._export.name})"

    def send(self, records: Sequence[tuple[bytes, bytes, str]]) -> None:
        """Write records and wait for all receipts. Raises `Undelivered`."""
        until = time.monotonic() + ACKNOWLEDGED_SECONDS
        try:
            if self._producer is None:
                self._producer = self._begin()
                if self._closed:
                    self._producer.close(0)
                    raise Undelivered("closed")
            receipts = [
                self._producer.send(
                    self._export.topic, value, key=key, headers=[("id", number.encode())]
                )
                for key, value, number in records
            ]
            for receipt in receipts:
                receipt.get(max(0.0, until - time.monotonic()))
        except errors.KafkaError as error:
            raise self._undelivered(error) from None
        except (OSError, ValueError, AssertionError):
            # AssertionError: what the library says of a producer that was closed meanwhile.
            raise Undelivered("closed" if self._closed else "protocol") from None

    def look(self) -> None:
        """Raises `Undelivered` when it does not help to wait any longer."""
        if self.hopeless is not None:
            raise Undelivered(self.hopeless)

    def _begin(self) -> KafkaProducer:
        secured = "SSL" if self._tls is not None else "PLAINTEXT"
        login: dict[str, Any] = {}
        if self._export.user:
            secured = f"SASL_{secured}"
            login = {
                "sasl_mechanism": self._export.mechanism,
                "sasl_plain_username": self._export.user,
                "sasl_plain_password": self._password,
            }
        try:
            return self._made(secured, login)
        except BaseException:
            if self._client is not None:
                self._client.close()
            raise

    def _made(self, secured: str, login: dict[str, Any]) -> KafkaProducer:
        return KafkaProducer(
            bootstrap_servers=[f"{_bracketed(host)}:{port}" for host, port in self._export.brokers],
            client_id="leakgate",
            kafka_client=self._talking,
            proxy_url=f"{self._scheme}://",
            security_protocol=secured,
            ssl_context=self._tls,
            **login,
            acks="all",
            enable_idempotence=True,
            compression_type=None if self._export.compression == "none" else "gzip",
            linger_ms=5,
            # A topic that is not there is a mistake in the settings, not a wish.
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=int(_BOOTSTRAP_SECONDS * 1000),
            max_block_ms=int(_BOOTSTRAP_SECONDS * 1000),
            request_timeout_ms=10_000,
            delivery_timeout_ms=int(ACKNOWLEDGED_SECONDS * 1000) - 1000,
            metrics_enabled=False,
        )

    def _talking(self, **config: Any) -> KafkaNetClient:
        """What the library talks through; kept here, for it forgets it when it does not get through."""
        net = NetworkSelector(**config)
        self._client = KafkaNetClient(net, _Connections(net, self, **config), **config)
        return self._client

    def _undelivered(self, error: errors.KafkaError) -> Undelivered:
        if self.hopeless is not None:
            return Undelivered(self.hopeless)
        return Undelivered(_cause(error), at_fault=isinstance(error, _AT_FAULT))

    def close(self) -> None:
        """End at once, also while `send` waits in another thread."""
        self._closed = True
        if self._producer is not None:
            with contextlib.suppress(errors.KafkaError):
                self._producer.close(0)
        KafkaNetSocket._registry.pop(self._scheme, None)  # noqa: SLF001  # the library has no other way to take one out


class _Connections(KafkaConnectionManager):  # type: ignore[misc]  # the library has no types
    """All connections of a producer. A login that was refused, or an address, ends them."""

    def __init__(self, net: NetworkSelector, producer: _Producer, **config: Any) -> None:
        super().__init__(net, **config)
        self._producer = producer

    def get_connection(self, *asked: Any, **named: Any) -> Any:
        connection = super().get_connection(*asked, **named)
        if not connection.init_future.is_done:
            connection.init_future.add_errback(self._lost)
        return connection

    def _lost(self, error: Exception) -> None:
        if isinstance(error, errors.KafkaError) and _cause(error) == "auth":
            self._producer.hopeless = "auth"
        if self._producer.hopeless is not None:
            self.close()


_AT_FAULT = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
    errors.PolicyViolationError,
)


def _cause(error: errors.KafkaError) -> Cause:
    match error:
        case (
            errors.AuthorizationError()
            | errors.SaslAuthenticationFailedError()
            | errors.UnsupportedSaslMechanismError()
            | errors.IllegalSaslStateError()
        ):
            return "auth"
        case errors.KafkaTimeoutError() | errors.RequestTimedOutError():
            return "timeout"
        case (
            errors.NotEnoughReplicasError()
            | errors.NotEnoughReplicasAfterAppendError()
            | errors.ThrottlingQuotaExceededError()
            | errors.LeaderNotAvailableError()
        ):
            return "busy"
        case (
            errors.UnknownTopicOrPartitionError()
            | errors.InvalidTopicError()
            | errors.MessageSizeTooLargeError()
            | errors.RecordListTooLargeError()
            | errors.InvalidRecordError()
            | errors.PolicyViolationError()
        ):
            return "refused"
        case errors.KafkaProtocolError() | errors.KafkaConfigurationError():
            return "protocol"
        case errors.BrokerResponseError():
            return "server"
        case _:
            return "closed"


def _checked(reach: Reach, loop: asyncio.AbstractEventLoop, producer: _Producer) -> str:
    """How the library finds addresses: a scheme that leads to a socket of ours.

    It has a place for classes of sockets by scheme, meant for proxies, and takes all connections of a
    producer through the one that it is given: those to brokers that the cluster names, too.
    """
    scheme = f"leakgate-{secrets.token_hex(8)}"

    class Checked(KafkaNetSocket):  # type: ignore[misc]  # the library has no types
        SCHEMES = (scheme,)

        def socket(self, *form: Any, **named: Any) -> Any:
            self._made = super().socket(*form, **named)
            return self._made

        async def connect(self, *to: Any, **named: Any) -> Any:
            try:
                return await super().connect(*to, **named)
            except BaseException:
                self._made.close()  # the library leaves that to the collector
                raise

        def dns_lookup(self, host: str, port: int, **_: object) -> list[Any]:
            looking = reach.addresses(host, port)
            try:
                found: Future[tuple[str, ...]] = asyncio.run_coroutine_threadsafe(looking, loop)
            except RuntimeError:  # the loop has ended, and so does this
                looking.close()
                return []
            try:
                addresses = found.result(_CONNECT_SECONDS)
            except Undelivered as failure:
                if failure.cause == "denied":
                    producer.hopeless = failure.cause
                return []
            except TimeoutError:
                found.cancel()
                return []
            # Numbers only: nothing is looked up here.
            return [each for ip in addresses for each in KafkaNetSocket.dns_lookup(self, ip, port)]

    return scheme


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _key(incident: Incident) -> bytes:
    """The fingerprint of the first value that was found, or what the incident is called."""
    prints = (each for group in incident.findings for each in group.fingerprints)
    return next(prints, incident.id).encode()
