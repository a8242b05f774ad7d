"""Clients that send exactly what they are told, over HTTP/1.1, HTTP/2 and WebSocket.

Client libraries tidy up what they send; these do not: trailers, framing and header bytes leave as
given. Each goes through a proxy, or straight to a server when `proxy` is None.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import wsproto
import wsproto.events
import wsproto.utilities

type Fields = Sequence[tuple[str, str]]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class GoneError(Exception):
    """The connection ended before an answer."""


def connect(
    host: str, *, proxy: int | None, server: int | None = None, cafile: Path | None, http2: bool
) -> ssl.SSLSocket:
    """TLS to `host`: through the proxy on port `proxy`, or straight to the local port `server`."""
    plain = socket.create_connection(("127.0.0.1", proxy or server or 0), timeout=60)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if proxy:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = plain.recv(1)
            if not data:
                raise GoneError
            head += data
        assert head.startswith(b"HTTP/1.1 200"), head
    context = ssl.create_default_context(cafile=cafile)
    if not proxy:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"] if http2 else ["http/1.1"])
    return context.wrap_socket(plain, server_hostname=host)


class Http1:
    """One HTTP/1.1 connection, opened again when the other side has closed it."""

    version = "1.1"

    def __init__(self, host: str, **where: object) -> None:
        self.host = host
        self._where = where
        self._socket: ssl.SSLSocket | None = None
        self._buffer = b""

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(
        self,
        method: str,
        target: str,
        headers: Fields = (),
        body: bytes = b"",
        *,
        chunked: bool = False,
        trailers: Fields = (),
    ) -> Answer:
        """Send a request, return its answer. `trailers` need `chunked`."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            if trailers:
                lines.append("Trailer: " + ", ".join(name for name, _ in trailers))
        elif body or method not in {"GET", "HEAD"}:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        if chunked:
            # Odd sizes, so that what is looked for stands across chunks.
            pieces = [body[i : i + 37] for i in range(0, len(body), 37)]
            framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            end = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode()
            body = framed + b"0\r\n" + end + b"\r\n"
        return self.raw(head + body)

    def raw(self, data: bytes) -> Answer:
        """Send bytes as they are, return the answer."""
        if self._socket is None:
            self._socket = connect(self.host, http2=False, **self._where)  # type: ignore[arg-type]
            self._buffer = b""
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(data)
            return self._answer()
        except (OSError, GoneError):
            self.close()
            raise

    def _more(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise GoneError
        self._buffer += data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _answer(self) -> Answer:
        answer = Answer(int(self._line().split()[1]))
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            answer.headers.append((name.lower(), value.strip()))
        known = dict(answer.headers)
        if known.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self._line(), 16):
                answer.body += self._exactly(size + 2)[:-2]
            while self._line():
                pass
        else:
            answer.body = self._exactly(int(known.get("content-length", 0)))
        if known.get("connection", "").lower() == "close":
            self.close()
        return answer


class Http2:
    """One HTTP/2 connection, opened again when the other side has closed it."""

    version = "2"

    def __init__(self, host: str, **where: object) -> None:
        self.host = host
        self._where = where
        self._socket: ssl.SSLSocket | None = None
        self._h2: h2.connection.H2Connection | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(
        self,
        method: str,
        target: str,
        headers: Fields = (),
        body: bytes = b"",
        *,
        chunked: bool = False,
        trailers: Fields = (),
    ) -> Answer:
        """Send a request, return its answer. `chunked` leaves the length untold."""
        if self._socket is None:
            self._socket = connect(self.host, http2=True, **self._where)  # type: ignore[arg-type]
            assert self._socket.selected_alpn_protocol() == "h2"
            self._h2 = h2.connection.H2Connection(
                h2.config.H2Configuration(
                    header_encoding="latin-1",
                    validate_outbound_headers=False,
                    normalize_outbound_headers=False,
                )
            )
            self._h2.initiate_connection()
        try:
            return self._exchange(method, target, headers, body, chunked, trailers)
        except (OSError, GoneError, h2.exceptions.ProtocolError):
            self.close()
            raise

    def _exchange(
        self,
        method: str,
        target: str,
        headers: Fields,
        body: bytes,
        chunked: bool,
        trailers: Fields,
    ) -> Answer:
        assert self._h2 is not None
        assert self._socket is not None
        stream = self._h2.get_next_available_stream_id()
        pseudo = [
            (":method", method), (":scheme", "https"), (":authority", self.host), (":path", target)
        ]  # fmt: skip
        fields = [*pseudo, *((name.lower(), value) for name, value in headers)]
        if body and not chunked:
            fields.append(("content-length", str(len(body))))
        encoded = [(name.encode(), value.encode()) for name, value in fields]
        self._h2.send_headers(stream, encoded, end_stream=not body and not trailers)
        answer = Answer(0)
        rest, sent_end = body, not body and not trailers
        while True:
            while rest and (room := self._h2.local_flow_control_window(stream)) > 0:
                piece = rest[: min(room, 16384, 37 if chunked and len(body) < 65536 else 16384)]
                rest = rest[len(piece) :]
                sent_end = not rest and not trailers
                self._h2.send_data(stream, piece, end_stream=sent_end)
            if not rest and not sent_end:
                ending = [(name.lower().encode(), value.encode()) for name, value in trailers]
                self._h2.send_headers(stream, ending, end_stream=True)
                sent_end = True
            self._socket.sendall(self._h2.data_to_send())
            data = self._socket.recv(65536)
            if not data:
                raise GoneError
            for event in self._h2.receive_data(data):
                match event:
                    case h2.events.ResponseReceived():
                        answer.headers = [(str(k), str(v)) for k, v in event.headers]
                        answer.status = int(dict(answer.headers)[":status"])
                    case h2.events.DataReceived():
                        answer.body += event.data
                        self._h2.acknowledge_received_data(
                            event.flow_controlled_length, event.stream_id
                        )
                    case h2.events.StreamEnded():
                        self._socket.sendall(self._h2.data_to_send())
                        return answer
                    case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                        if answer.status and sent_end:
                            return answer
                        raise GoneError


class RefusedError(Exception):
    """The handshake of a WebSocket got another answer than 101."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class ClosedError(Exception):
    """The other side has closed the WebSocket; `code` 0 when without a word."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)


_TOLD = '"code": "blocked_by_policy"'


class WebSocket:
    """A WebSocket in one thread: a TLS socket that two threads share stalls in some Pythons."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._socket = connection
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._waiting: list[wsproto.events.Event] = []
        self.told = ""

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, wsproto.utilities.LocalProtocolError):
            self.put(wsproto.events.CloseConnection(1000))
        self._socket.close()

    def shake_hands(self, host: str, target: str, headers: Fields) -> None:
        """Ask for the WebSocket. `RefusedError` when it is not given."""
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        self.put(wsproto.events.Request(host=host, target=target, extra_headers=encoded))
        match self._next(20):
            case wsproto.events.AcceptConnection():
                return
            case wsproto.events.RejectConnection(status_code=status):
                self._socket.close()
                raise RefusedError(status)
            case other:
                raise AssertionError(other)

    def put(self, event: wsproto.events.Event) -> None:
        """Send one frame."""
        self._socket.sendall(self._ws.send(event))

    def send(self, message: str | bytes) -> None:
        """Send a message in one frame."""
        self.send_pieces([message])

    def send_pieces(self, pieces: Sequence[str] | Sequence[bytes]) -> None:
        """Send a message in as many frames as there are pieces."""
        for number, piece in enumerate(pieces, start=1):
            kind = (
                wsproto.events.TextMessage
                if isinstance(piece, str)
                else (wsproto.events.BytesMessage)
            )
            self.put(kind(data=piece, message_finished=number == len(pieces)))

    def recv(self, timeout: float = 20) -> str | bytes:
        """The next message. `ClosedError` when there is none, `TimeoutError` in time.

        What the gateway says before it closes the connection is kept in `told`: no service said it.
        """
        whole: list[str | bytes] = []
        while True:
            match self._next(timeout):
                case wsproto.events.Message(data=data, message_finished=finished):
                    whole.append(data)
                    if not finished:
                        continue
                    message: str | bytes = whole[0][:0].join(whole)  # type: ignore[arg-type]
                    if not isinstance(message, str) or _TOLD not in message:
                        return message
                    self.told = message
                    whole = []
                case wsproto.events.CloseConnection(code=code, reason=reason):
                    raise ClosedError(code, reason or "")
                case _:
                    pass

    def _next(self, timeout: float) -> wsproto.events.Event:
        self._socket.settimeout(timeout)
        while not self._waiting:
            data = self._socket.recv(65536)
            if not data:
                raise ClosedError(0, "")
            self._ws.receive_data(data)
            self._waiting += self._ws.events()
        return self._waiting.pop(0)


def websocket(
    host: str,
    target: str,
    headers: Fields = (),
    *,
    proxy: int | None,
    server: int | None = None,
    cafile: Path | None,
) -> WebSocket:
    """An open WebSocket. `RefusedError` when the handshake is not accepted."""
    opened = WebSocket(connect(host, proxy=proxy, server=server, cafile=cafile, http2=False))
    try:
        opened.shake_hands(host, target, headers)
    except BaseException:
        opened._socket.close()  # ours
        raise
    return opened
