"""A Kafka cluster that others wrote: the one that librdkafka carries for tests of its own.

It speaks no TLS and knows no logins, and cannot be stopped and started at one address. So tests reach
it through a relay, which does all that, and which can be made to fail. Logins by SCRAM are checked by
another library's server.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ssl
import struct
import threading
import time
from pathlib import Path

import confluent_kafka
import scramp

TOPIC = "leakgate"
_API_VERSIONS, _HANDSHAKE, _AUTHENTICATE, PRODUCE, INIT_PRODUCER = 18, 17, 36, 0, 22
_PRODUCER = 0


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (path,) = folder.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class Kafka:
    """One broker with one topic. `script` holds what the next connections meet: `close`, `hang`."""

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        port: int = 0,
        *,
        login: tuple[str, str] | None = None,
        mechanism: str = "PLAIN",
        partitions: int = 1,
    ) -> None:
        self.port = port
        self.script: list[str] = []
        self.connections = 0
        self.logins: list[bytes] = []
        self._login = login
        self._mechanism = mechanism
        self._library = _library()
        error = ctypes.create_string_buffer(512)
        client = self._library.rd_kafka_new(_PRODUCER, None, error, len(error))
        assert client, error.value
        self._client = ctypes.c_void_p(client)
        cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        assert cluster
        self._cluster = ctypes.c_void_p(cluster)
        self._library.rd_kafka_mock_topic_create(self._cluster, TOPIC.encode(), partitions, 1)
        self._behind = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._partitions = partitions
        self._taken: list[confluent_kafka.Message] = []
        self._reader = confluent_kafka.Consumer(
            {"bootstrap.servers": self._behind, "group.id": "test", "auto.offset.reset": "earliest"}
        )
        self._reader.assign(
            [confluent_kafka.TopicPartition(TOPIC, each, 0) for each in range(partitions)]
        )
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    def fail(self, api: int, *codes: int) -> None:
        """Answer the next requests of a kind with these errors of the protocol."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(api), ctypes.c_size_t(len(codes)), array
        )

    def records(self) -> list[confluent_kafka.Message]:
        """What the cluster has taken, as a consumer of librdkafka reads it."""
        until = time.monotonic() + 0.3
        while (message := self._reader.poll(0.05)) is not None or time.monotonic() < until:
            if message is not None and not message.error():
                self._taken.append(message)
                until = 0.0
        return list(self._taken)

    @property
    def messages(self) -> list[bytes]:
        return [record.value() or b"" for record in self.records()]

    # --- the relay -------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda *_: None)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        writers: set[asyncio.StreamWriter] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            self.connections += 1
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await self._relay(reader, writer, writers)
            writer.transport.abort()

        server = await asyncio.start_server(talk, "127.0.0.1", self.port, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writers: set[asyncio.StreamWriter],
    ) -> None:
        host, _, port = self._behind.rpartition(":")
        mine = b"127.0.0.1" + struct.pack(">i", self.port)
        theirs = b"127.0.0.1" + struct.pack(">i", int(port))
        back, there = await asyncio.open_connection(host, int(port))
        writers.add(there)
        asked: dict[int, int] = {}
        welcome = self._login is None
        scram = None
        if self._login is not None and self._mechanism != "PLAIN":
            scram = _Scram(self._mechanism, *self._login)

        async def answers() -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    frame = await back.readexactly(await _size(back))
                    if asked.pop(struct.unpack(">i", frame[:4])[0], None) == _API_VERSIONS:
                        frame = self._with_logins(frame)
                    _send(writer, frame.replace(theirs, mine))

        relaying = asyncio.create_task(answers())
        try:
            while True:
                frame = await reader.readexactly(await _size(reader))
                api, version, number = struct.unpack(">hhi", frame[:8])
                if self.script and self.script[0] == "hang":
                    self.script.pop(0)
                    await self._stop.wait()
                if self.script and self.script[0] == "close":
                    self.script.pop(0)
                    return
                if api == _API_VERSIONS and version > 2:
                    # As older brokers do: in the layout of version 0. This cluster takes another.
                    told = struct.pack(">ihihhh", number, 35, 1, _API_VERSIONS, 0, 2)
                    _send(writer, told)
                    continue
                if api == _HANDSHAKE:
                    name = self._mechanism.encode()
                    known = _after_client(frame, ">h") == name
                    told = struct.pack(">ihih", number, 0 if known else 33, 1, len(name))
                    _send(writer, told + name)
                    continue
                if api == _AUTHENTICATE:
                    self.logins.append(frame)
                    user, password = self._login or ("", "")
                    good, said = f"\0{user}\0{password}".encode() in frame, b""
                    welcome = good
                    if scram is not None:
                        try:
                            said, welcome = scram.answer(_after_client(frame, ">i"))
                            good = True
                        except scramp.ScramException:
                            good = welcome = False
                    head = struct.pack(">ihhi", number, 0 if good else 58, -1, len(said)) + said
                    _send(writer, head + (struct.pack(">q", 0) if version else b""))
                    continue
                if not welcome and api != _API_VERSIONS:
                    return
                asked[number] = api
                _send(there, frame)
        finally:
            relaying.cancel()
            there.transport.abort()

    def _with_logins(self, frame: bytes) -> bytes:
        """The answer that tells which requests there are, with those of logins."""
        if self._login is None:
            return frame
        (count,) = struct.unpack(">i", frame[6:10])
        more = b"".join(struct.pack(">hhh", api, 0, 1) for api in (_HANDSHAKE, _AUTHENTICATE))
        return frame[:6] + struct.pack(">i", count + 2) + more + frame[10:]

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)


class _Scram:
    """The server's side of one login by SCRAM (RFC 5802)."""

    def __init__(self, mechanism: str, user: str, password: str) -> None:
        made = scramp.ScramMechanism(mechanism)
        info = made.make_auth_info(password)

        def known(name: str) -> object:
            if name != user:
                raise scramp.ScramException("nobody is called so")
            return info

        self._server = made.make_server(known)
        self._begun = False

    def answer(self, said: bytes) -> tuple[bytes, bool]:
        """What is answered, and whether the client is known now."""
        if not self._begun:
            self._begun = True
            self._server.set_client_first(said.decode())
            return self._server.get_server_first().encode(), False
        self._server.set_client_final(said.decode())
        return self._server.get_server_final().encode(), True


def _after_client(frame: bytes, size: str) -> bytes:
    """The string or bytes that follow the client's name in a request."""
    (name,) = struct.unpack(">h", frame[8:10])
    begin = 10 + max(name, 0)
    (length,) = struct.unpack_from(size, frame, begin)
    begin += struct.calcsize(size)
    return frame[begin : begin + length]


async def _size(reader: asyncio.StreamReader) -> int:
    return int(struct.unpack(">i", await reader.readexactly(4))[0])


def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)
