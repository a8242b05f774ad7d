"""A mock of AI services that others wrote (aimock), behind a server that records what arrives.

Law: what the mock answers reaches the client byte for byte, as it comes; what the client sent is
kept before the mock sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from support.upstream import Seen, Upstream

PROGRAM = (
    Path(__file__).parents[2]
    / ".tools"
    / "node_modules"
    / "@copilotkit"
    / "aimock"
    / "dist"
    / "cli.js"
)

MISSING = "aimock is not installed (`make tools` installs it where npm is)"

ANSWER = (
    "The words of the mock come one after the other, a few at a time, so that streams can be seen."
)


_HOP = re.compile(rb"(?:connection|keep-alive):", re.IGNORECASE)


def available() -> bool:
    return PROGRAM.exists() and shutil.which("node") is not None


class Mock:
    """aimock on a free port; answers every prompt with `ANSWER`, `latency` ms between chunks."""

    def __init__(self, folder: Path, *, latency: int = 20) -> None:
        self._folder = folder
        self._latency = latency
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Mock:
        self._folder.mkdir(parents=True, exist_ok=True)
        answers = [
            {"match": {"endpoint": "image"}, "response": {"image": {"b64Json": "aGk="}}},
            {"match": {"endpoint": "embedding"}, "response": {"embedding": [0.25, 0.5, 0.75]}},
            {"match": {}, "response": {"content": ANSWER}},
        ]
        fixtures = self._folder / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": answers}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                *("node", str(PROGRAM), "--port", str(self.port), "--fixtures", str(fixtures)),
                *("--latency", str(self._latency), "--chunk-size", "8", "--log-level", "warn"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.__exit__()
                raise AssertionError((self._folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


class Relay(Upstream):
    """Records each request, then hands it to the server on port `behind` and back what it says.

    `own` are answers that this server gives itself: path to media type and body.
    """

    def __init__(
        self, pem: Path | None, behind: int, own: Mapping[str, tuple[str, bytes]] | None = None
    ) -> None:
        super().__init__(pem)
        self._behind = behind
        self._own = own or {}

    async def _http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        seen = Seen(method, target, raw=head)
        seen.headers = [
            (name, value.strip())
            for name, _, value in (each.partition(":") for each in lines[1:] if each)
        ]
        if (seen.header("transfer-encoding") or "").lower() == "chunked":
            while True:
                line = await reader.readuntil(b"\r\n")
                data = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
                seen.raw += line + data
                seen.body += data[:-2]
                if len(data) == 2:
                    break
        else:
            seen.body = await reader.readexactly(int(seen.header("content-length") or 0))
            seen.raw += seen.body
        self.seen.append(seen)
        own = self._own.get(target.partition("?")[0])
        if own is not None:
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (own[0].encode(), len(own[1]), own[1])
            )
            await writer.drain()
            return
        # One request per connection: the end of the answer is then the end of the connection.
        kept = [line for line in lines[1:-2] if not line.lower().startswith("connection:")]
        ours = "\r\n".join([lines[0], *kept, "Connection: close", "", ""]).encode("latin-1")
        back, forth = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            forth.write(ours + seen.raw[len(head) :])
            await forth.drain()
            answer = (await back.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            kept_back = [each for each in answer if not _HOP.match(each)]
            writer.write(b"\r\n".join([*kept_back, b"Connection: close", b"", b""]))
            while data := await back.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            forth.close()
