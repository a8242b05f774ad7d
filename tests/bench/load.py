"""A load generator and a TLS upstream, as processes of their own, lean enough to measure a proxy.

`python load.py upstream PEM` serves HTTP/1.1 and HTTP/2 and prints its port.
`python load.py client JSON` sends requests through a proxy and prints a JSON line of results.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.events
import uvloop

ANSWER = b'{"id":"x","choices":[{"message":{"role":"assistant","content":"ok"}}]}'

NOUNS = (
    "invoice report contract release customer migration layout budget schedule proposal dataset "
    "pipeline meeting training delivery backlog warranty survey roadmap dashboard"
).split()
VERBS = "summarise rewrite explain translate compare check shorten extend review plan".split()
LINES = (
    "Please {verb} the {noun} for the northern region in three short bullets.",
    "Our team wants to know whether the {noun} will be ready before the end of the month.",
    "The {noun} has {n} open questions about pricing, {noun} and support.",
    "Could you {verb} the paragraph below so that a new colleague understands the {noun}?",
    "We tried two ways to {verb} it, and neither the {noun} nor the {noun} got any faster.",
    "In the last meeting somebody asked why the {noun} costs {n} percent more than planned.",
    "Write a friendly answer that thanks them for the {noun} and says that we will {verb} it.",
    "    def {verb}_{noun}(self, {noun}: str, limit: int = {n}) -> list[str]:",
    "        return [item.strip() for item in {noun}.split(',') if len(item) > {n}]",
    "    if not {noun}.is_valid():",
    "        raise ValueError(f'cannot {verb} {{{noun}!r}}')",
    "SELECT {noun}.name, count(*) FROM {noun} JOIN {noun} USING (id) GROUP BY 1 ORDER BY 2 DESC;",
    "2026-11-{d} 12:{d}:10 WARNING api.{noun} retry after {n} seconds, attempt {d}",
    "Traceback (most recent call last):",
    '  File "app/{noun}.py", line {n}, in {verb}',
    "KeyError: '{noun}'",
    "The attached {noun} lists the steps; step {d} is the one where people get stuck.",
    "Use plain words, avoid jargon, and keep the table with the columns {noun}, {noun} and total.",
    "What would you {verb} first if you had only one afternoon for the {noun}?",
    "- [ ] {verb} the {noun} with the design group",
)
SLOT = re.compile(r"\{(noun|verb|n|d)\}")


def line(rng: random.Random) -> str:
    """One line as prompts have them: prose, code, logs."""
    choices = {
        "noun": lambda: rng.choice(NOUNS),
        "verb": lambda: rng.choice(VERBS),
        "n": lambda: str(rng.randrange(2, 900)),
        "d": lambda: f"{rng.randrange(1, 29):02}",
    }
    return SLOT.sub(lambda slot: choices[slot[1]](), rng.choice(LINES))


class Server(asyncio.Protocol):
    """Answers every request with the same 200."""

    def __init__(self) -> None:
        self.buffer = b""
        self.h2: h2.connection.H2Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self.h2 = h2.connection.H2Connection(
                h2.config.H2Configuration(client_side=False, header_encoding=None)
            )
            self.h2.initiate_connection()
            transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        if self.h2 is not None:
            self._http2(data)
            return
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                % (len(ANSWER), ANSWER)
            )

    def _http2(self, data: bytes) -> None:
        assert self.h2 is not None
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.h2.send_headers(
                    event.stream_id, [(b":status", b"200"), (b"content-type", b"application/json")]
                )
                self.h2.send_data(event.stream_id, ANSWER, end_stream=True)
        self.transport.write(self.h2.data_to_send())


async def serve(pem: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def prompts(count: int, size: int, seed: int) -> list[bytes]:
    """Chat requests with distinct prompts of about `size` bytes."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        text = line(rng)
        while len(text) < size:
            text += "\n" + line(rng)
        made.append(
            json.dumps(
                {"model": "gpt-5", "messages": [{"role": "user", "content": text[:size]}]}
            ).encode()
        )
    return made


class Load:
    """A closed loop: `connections` clients, each sends its next request after the answer."""

    def __init__(self, job: dict) -> None:
        self.job = job
        self.context = ssl.create_default_context(cafile=job["ca"])
        self.context.set_alpn_protocols(["h2"] if job["kind"] == "http2" else ["http/1.1"])
        self.bodies = prompts(job["distinct"], job["size"], job.get("seed", 1))
        self.next = 0
        self.latencies: list[float] = []
        self.errors = 0
        self.deadline = 0.0
        self.limit = job.get("requests", 1 << 60)

    def body(self) -> bytes:
        self.next += 1
        return self.bodies[self.next % len(self.bodies)]

    def more(self) -> bool:
        return time.perf_counter() < self.deadline and self.next < self.limit

    async def connect(self):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.job["proxy"], limit=1 << 20
        )
        if self.job.get("direct"):
            raise NotImplementedError
        authority = f"{self.job['host']}:{self.job['port']}"
        writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(self.context, server_hostname=self.job["host"])
        return reader, writer

    def head(self, body: bytes) -> bytes:
        return (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.job['host']}:{self.job['port']}\r\n"
            "accept: application/json\r\ncontent-type: application/json\r\n"
            "authorization: Bearer none\r\nuser-agent: OpenAI/Python 2.0\r\n"
            "x-stainless-lang: python\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def one(self, reader, writer) -> None:
        writer.write(self.head(self.body()))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            self.errors += 1
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        await reader.readexactly(length)

    async def keep_alive(self) -> None:
        reader, writer = await self.connect()
        while self.more():
            started = time.perf_counter()
            await self.one(reader, writer)
            self.latencies.append(time.perf_counter() - started)
        writer.close()

    async def fresh(self) -> None:
        while self.more():
            started = time.perf_counter()
            reader, writer = await self.connect()
            await self.one(reader, writer)
            self.latencies.append(time.perf_counter() - started)
            writer.close()

    async def http2(self) -> None:
        reader, writer = await self.connect()
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        authority = f"{self.job['host']}:{self.job['port']}".encode()
        streams: dict[int, float] = {}

        def start() -> None:
            body = self.body()
            stream = connection.get_next_available_stream_id()
            connection.send_headers(
                stream,
                [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", authority),
                    (b":path", b"/v1/chat/completions"),
                    (b"content-type", b"application/json"),
                    (b"authorization", b"Bearer none"),
                    (b"user-agent", b"OpenAI/Python 2.0"),
                ],
            )
            connection.send_data(stream, body, end_stream=True)
            streams[stream] = time.perf_counter()

        for _ in range(self.job["streams"]):
            start()
        writer.write(connection.data_to_send())
        while streams:
            for event in connection.receive_data(await reader.read(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    if dict(event.headers)[b":status"] != b"200":
                        self.errors += 1
                elif isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                elif isinstance(event, h2.events.StreamEnded):
                    self.latencies.append(time.perf_counter() - streams.pop(event.stream_id))
                    if self.more():
                        start()
            writer.write(connection.data_to_send())
        writer.close()

    async def run(self) -> dict:
        kind = {"new": self.fresh, "keep-alive": self.keep_alive, "http2": self.http2}[
            self.job["kind"]
        ]
        self.deadline = time.perf_counter() + self.job["seconds"]
        started = time.perf_counter()
        await asyncio.gather(*(kind() for _ in range(self.job["connections"])))
        elapsed = time.perf_counter() - started
        ordered = sorted(self.latencies)

        def share(part: float) -> float:
            return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000

        return {
            "requests": len(ordered),
            "rate": len(ordered) / elapsed,
            "p50": share(0.50),
            "p95": share(0.95),
            "p99": share(0.99),
            "errors": self.errors,
        }


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        uvloop.run(serve(sys.argv[2]))
    else:
        print(json.dumps(uvloop.run(Load(json.loads(sys.argv[2])).run())), flush=True)
