"""A service that breaks off: in the middle of anything, by closing or with a reset."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

RESET = object()
"""What to say to reset the connection."""


class Breaking:
    """Says to each request what `answer(name)` gives, piece by piece, then closes or resets.

    `name` is the name that it was told: the value, or its token; empty without one. A piece is bytes, or seconds to
    wait as a `float`, or `RESET`. `open` is the number of answers under way.
    """

    def __init__(self, pem: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.answer: Callable[[str], Iterable[object]] = lambda _: []
        self.open = 0
        self._count = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        with self._count:
            self.open += 1
        try:
            with contextlib.suppress(OSError), plain:
                plain.settimeout(60)
                connection = self._context.wrap_socket(plain, server_side=True)
                with connection:
                    self._say(connection)
        finally:
            with self._count:
                self.open -= 1

    def _say(self, connection: socket.socket) -> None:
        told = re.search(r"call (\w+ \w+|PERSON_\w+) now", _request(connection).decode())
        for piece in self.answer(told[1] if told else ""):
            if piece is RESET:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            if isinstance(piece, float):
                time.sleep(piece)
            elif isinstance(piece, bytes):
                connection.sendall(piece)
        time.sleep(0.05)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    told = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < int(told[1] if told else 0):
        body += connection.recv(65536)
    return body
