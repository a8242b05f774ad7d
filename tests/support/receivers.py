"""Servers that are told of incidents, and that tests can make fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Web:
    """An HTTP server that answers with what `script` says, then with 200.

    A script holds statuses, `close` (hang up without an answer) and `hang`.
    """

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.script: list[int | str] = []
        self.answer_body = b'{"text":"Success","code":0}'
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.accepted: list[bytes] = []
        self.released = threading.Event()
        outer = self

        self._connections: set[socket.socket] = set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def setup(self) -> None:
                outer._connections.add(self.request)
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                heard = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, heard, body))
                step = outer.script.pop(0) if outer.script else 200
                if step == "hang":
                    outer.released.wait(30)
                    self.close_connection = True
                    return
                if step == "close":
                    self.close_connection = True
                    return
                if step == 200:
                    outer.accepted.append(body)
                self.send_response(int(step))
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(outer.answer_body)))
                self.end_headers()
                self.wfile.write(outer.answer_body)

            def do_GET(self) -> None:
                outer.requests.append((self.path, {}, b""))
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """Clients that hang up are no error here."""

        self._server = Server(("127.0.0.1", port), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            # A stopped server is gone, with what it kept alive.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Syslog:
    """A syslog server in a thread of its own: octet counting over TCP or TLS."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.messages: list[bytes] = []
        self.script: list[str] = []
        self.connections = 0
        self.port = port
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

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
            step = self.script.pop(0) if self.script else ""
            try:
                if step == "close":
                    return
                if step == "hang":
                    writer.transport.pause_reading()
                    await self._stop.wait()
                while True:
                    length = await reader.readuntil(b" ")
                    self.messages.append(await reader.readexactly(int(length)))
            except (asyncio.IncompleteReadError, OSError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(talk, "127.0.0.1", self.port, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for `condition()` to hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    return context
