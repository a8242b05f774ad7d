"""A recording upstream: what arrived is asserted on these bytes, never on a client's status.

Serves HTTP/1.1 and, over TLS with ALPN, HTTP/2; keeps every byte of every request.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import wsproto
import wsproto.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Seen:
    """One request as it arrived."""

    method: str = ""
    target: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    raw: bytes = b""
    http_version: str = "1.1"
    messages: list[bytes | str] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


def certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """A self-signed certificate for `names`: (PEM with key, PEM certificate)."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream test")])

    def general(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.SubjectAlternativeName([general(name) for name in names]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both, alone = folder / "upstream.pem", folder / "upstream-cert.pem"
    both.write_bytes(secret + pem)
    alone.write_bytes(pem)
    return both, alone


class Upstream:
    """Runs in a thread on a free port of 127.0.0.1.

    Paths that end in `/sse` stream five events 0.2 s apart; `/ws` speaks WebSocket and echoes;
    everything else gets a small JSON answer, with trailers where the path ends in `/trailers`.
    """

    def __init__(self, pem: Path | None = None, *, http2: bool = False) -> None:
        self.seen: list[Seen] = []
        self.port = 0
        self.connections = 0
        self._tls: ssl.SSLContext | None = None
        if pem is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(pem)
            self._tls.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self) -> Upstream:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def everything(self) -> bytes:
        """All that arrived, on any request."""
        parts = []
        for seen in self.seen:
            parts += [seen.raw, seen.body, seen.target.encode(), repr(seen.headers).encode()]
            parts += [repr(seen.trailers).encode()]
            parts += [m.encode() if isinstance(m, str) else m for m in seen.messages]
        return b"\n".join(parts)

    def _main(self) -> None:
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                tls = writer.get_extra_info("ssl_object")
                if tls is not None and tls.selected_alpn_protocol() == "h2":
                    await self._http2(reader, writer)
                else:
                    await self._http1(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                tasks.discard(task)
                with contextlib.suppress(Exception):
                    writer.close()

        server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=self._tls, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0.02)

    async def _http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            seen = Seen(method, target, raw=head)
            seen.headers = [
                (name, value.strip())
                for name, _, value in (line.partition(":") for line in lines[1:] if line)
            ]
            if (seen.header("transfer-encoding") or "").lower() == "chunked":
                while True:
                    size_line = await reader.readuntil(b"\r\n")
                    seen.raw += size_line
                    size = int(size_line.split(b";")[0], 16)
                    if size == 0:
                        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                            seen.raw += line
                            name, _, value = line.decode("latin-1").partition(":")
                            seen.trailers.append((name, value.strip()))
                        break
                    data = await reader.readexactly(size + 2)
                    seen.raw += data
                    seen.body += data[:-2]
            elif length := int(seen.header("content-length") or 0):
                seen.body = await reader.readexactly(length)
                seen.raw += seen.body
            self.seen.append(seen)
            path = target.split("?")[0]
            if (seen.header("upgrade") or "").lower() == "websocket":
                await self._websocket(head, seen, reader, writer)
                return
            if path.endswith("/sse"):
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                    b"transfer-encoding: chunked\r\n\r\n"
                )
                for number in range(5):
                    event = b'data: {"n":%d,"t":%f}\n\n' % (number, time.time())
                    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                    await writer.drain()
                    await asyncio.sleep(0.2)
                writer.write(b"0\r\n\r\n")
            elif path.endswith("/trailers"):
                writer.write(
                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
                    b"2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n"
                )
            else:
                answer = b'{"ok":true}'
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    b'alt-svc: h3=":443"\r\ncontent-length: %d\r\n\r\n%s' % (len(answer), answer)
                )
            await writer.drain()

    async def _websocket(
        self, head: bytes, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        connection.receive_data(head)
        while True:
            for event in connection.events():
                match event:
                    case wsproto.events.Request():
                        writer.write(connection.send(wsproto.events.AcceptConnection()))
                    case wsproto.events.TextMessage() | wsproto.events.BytesMessage():
                        seen.messages.append(event.data)
                        writer.write(connection.send(type(event)(data=event.data)))
                    case wsproto.events.Ping() | wsproto.events.Pong():
                        seen.messages.append(bytes(event.payload))
                    case wsproto.events.CloseConnection():
                        seen.messages.append(event.reason or "")
                        writer.write(connection.send(event.response()))
                        await writer.drain()
                        return
            await writer.drain()
            data = await reader.read(65536)
            seen.raw += data
            if not data:
                return
            connection.receive_data(data)

    async def _http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        )
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        streams: dict[int, Seen] = {}
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                match event:
                    case h2.events.RequestReceived():
                        pairs = [(str(k), str(v)) for k, v in event.headers]
                        pseudo = dict(pair for pair in pairs if pair[0].startswith(":"))
                        streams[event.stream_id] = Seen(
                            pseudo[":method"], pseudo[":path"], pairs, http_version="2"
                        )
                    case h2.events.DataReceived():
                        streams[event.stream_id].body += event.data
                        connection.acknowledge_received_data(
                            event.flow_controlled_length, event.stream_id
                        )
                    case h2.events.TrailersReceived():
                        streams[event.stream_id].trailers = [
                            (str(k), str(v)) for k, v in event.headers
                        ]
                    case h2.events.StreamEnded():
                        self.seen.append(streams.pop(event.stream_id))
                        connection.send_headers(
                            event.stream_id,
                            [(":status", "200"), ("content-type", "application/json")],
                        )
                        connection.send_data(event.stream_id, b'{"ok":true}', end_stream=True)
            writer.write(connection.data_to_send())
            await writer.drain()
