"""Streamed answers through the proxy: what does it cost when tokens in them become values again?

The same stream straight, through the gateway to somebody who has no tokens, and through the gateway
with tokens in it, in turns. Each event carries the time at which it was sent, so the delay of each
is known. Two more ways are through a gateway whose rules take values out of answers, so that each
window of an answer is looked at before it goes on. Then many streams at the same time: memory of
the proxy, and no error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
from support.gateway import GatewayProcess
from support.upstream import certificate

HOST = "api.openai.com"
NAME = "Angela Whitfield"
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: PERSON}
    action: tokenise
"""
LOOKING = f"""\
{POLICY}
answers:
  rules:
    - id: numbers
      severity: high
      when: {{entity: [US_SSN, CREDIT_CARD, IBAN_CODE], min_confidence: 0.6}}
      action: redact
"""
WORDS = "The plan for next week is ready and the team will look at it on Monday morning. "
SAID = re.compile(rb"call (\w+ \w+|PERSON_\w+) (\d+) times with (\d+) ms")
STAMP = re.compile(rb'"t":([\d.]+)')
CONTENT = re.compile(rb'"content":"([^"]*)"')


def pieces(name: str, count: int) -> list[str]:
    """`count` times a sentence and the name, in pieces of four characters."""
    text = "".join(f"{WORDS}Ask {name} then. " for _ in range(count))
    return [text[at : at + 4] for at in range(0, len(text), 4)]


# --- the service ---------------------------------------------------------------------------------


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            told = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(told[1]))
            said = SAID.search(body)
            pause = int(said[3]) / 1000
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            for piece in pieces(said[1].decode(), int(said[2])):
                event = (
                    b'data: {"id":"c","object":"chat.completion.chunk","t":%.6f,"choices":'
                    b'[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
                    % (time.perf_counter(), piece.encode())
                )
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                if pause:
                    await asyncio.sleep(pause)
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def serve(pem: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


# --- the client ----------------------------------------------------------------------------------


class RefusedError(Exception):
    """The request was refused; the text is the answer."""


@dataclass
class Way:
    """One way to the service, and what was measured on it, in seconds."""

    title: str
    source: str
    port: int
    ca: Path
    proxied: bool
    text: str
    first: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=str(self.ca))
        where = {"local_addr": (self.source, 0), "limit": 1 << 20}
        if not self.proxied:
            return await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=context, server_hostname="127.0.0.1", **where
            )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **where)
        writer.write(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(context, server_hostname=HOST)
        return reader, writer

    async def stream(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        count: int,
        pause: int,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """One stream; `AssertionError` when its text is not what it would be without a gateway."""
        reader, writer = connection
        text = f"Please call {self.text} {count} times with {pause} ms."
        body = json.dumps(
            {"model": "echo", "stream": True, "messages": [{"role": "user", "content": text}]}
        ).encode()
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\ncontent-length: {len(body)}\r\n"
            "content-type: application/json\r\n\r\n".encode()
            + body
        )
        began = time.perf_counter()
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            raise RefusedError((await reader.readexactly(int(size[1]))).decode())
        said, before = b"", 0.0
        while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
            data = (await reader.readexactly(size + 2))[:-2]
            now = time.perf_counter()
            if not before:
                self.first.append(now - began)
                begun()
            else:
                self.gaps.append(now - before)
            before = now
            self.delays += [now - float(stamp) for stamp in STAMP.findall(data)]
            said += data
        await reader.readexactly(2)
        assert b"".join(CONTENT.findall(said)).decode() == "".join(pieces(self.text, count))


def share(taken: list[float], part: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(part * len(taken)))] * 1000


async def latency(ways: list[Way], rounds: int) -> None:
    for pause in (20, 0):
        for way in ways:
            way.first, way.delays, way.gaps = [], [], []
        connections = [await way.connect() for way in ways]
        for way, connection in zip(ways, connections, strict=True):
            await way.stream(connection, 1, 0)
            way.first, way.delays, way.gaps = [], [], []
        for _ in range(rounds):
            for way, connection in zip(ways, connections, strict=True):
                await way.stream(connection, 8 if pause else 40, pause)
        for _, writer in connections:
            writer.close()
        print(f"\nan event every {pause} ms" if pause else "\nevents as fast as they go")
        print("\n| ms | first p50 | p99 | delay of an event p50 | p99 | gap p50 | p99 |")
        print("|---|---|---|---|---|---|---|")
        for way in ways:
            cells = [
                share(taken, part)
                for taken in (way.first, way.delays, way.gaps)
                for part in (0.5, 0.99)
            ]
            print(f"| {way.title} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def memory(pid: int) -> float:
    """MiB that a process alone holds."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1]) / 1024


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def crowd(
    way: Way, number: int, pid: int, *, at_once: int, pause: int, sentences: int
) -> str:
    """Many streams at the same time, slow ones: a row of the table.

    `at_once` of them ask in the same moment.
    """
    before, began = memory(pid), cpu(pid)
    few = asyncio.Semaphore(at_once)
    failed: list[str] = []
    under_way = most_under_way = 0
    way.first, way.delays = [], []

    async def one() -> None:
        nonlocal under_way, most_under_way
        started = asyncio.Event()
        try:
            async with few:
                connection = await way.connect()
                task = asyncio.create_task(way.stream(connection, sentences, pause, started.set))
                waiting = asyncio.create_task(started.wait())
                await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            under_way += 1
            most_under_way = max(most_under_way, under_way)
            await task
            connection[1].close()
        except Exception as error:  # counted
            why = re.search(r"gateway:\w+", str(error))
            failed.append(why[0] if why else f"{type(error).__name__} {str(error)[:80]}")
        under_way -= 1

    tasks = [asyncio.create_task(one()) for _ in range(number)]
    most = 0.0
    while not all(task.done() for task in tasks):
        most = max(most, memory(pid))
        await asyncio.sleep(0.5)
    spent = cpu(pid) - began
    await asyncio.sleep(3)
    for kind in sorted(set(failed)):
        print(f"{kind}: {failed.count(kind)}", file=sys.stderr)
    return (
        f"| {way.title} | {most_under_way} | {before:.0f} | {most:.0f} "
        f"| {(most - before) / number * 1024:.1f} "
        f"| {memory(pid):.0f} | {spent * 1e6 / max(1, len(way.delays)):.0f} "
        f"| {share(way.delays, 0.5):.1f} | {share(way.delays, 0.99):.0f} | {len(failed)} |"
    )


def crowds(ways: list[Way], gateway: GatewayProcess, options: argparse.Namespace) -> None:
    print(
        f"\n{options.streams} streams, {options.at_once} asked for at once, "
        f"an event every {options.pause} ms each\n"
    )
    print(
        "| MiB of the proxy | at once | before | streaming | KiB per stream | after "
        "| µs CPU per event | delay p50, ms | p99 | errors |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for way in [*reversed(ways)] * options.again:
        row = crowd(
            way,
            options.streams,
            gateway.pid,
            at_once=options.at_once,
            pause=options.pause,
            sentences=options.sentences,
        )
        print(uvloop.run(row), flush=True)
    print(f"\nstreams open at the end: {gateway.metric('leakgate_streams_open'):.0f}")


def gateway(folder: Path, policies: str, port: int, trusted: Path) -> GatewayProcess:
    upstreams = {HOST: f"https://127.0.0.1:{port}"}
    return GatewayProcess(folder, policies=policies, upstreams=upstreams, trusted_ca=trusted)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--streams", type=int, default=1000)
    # A thousand people do not ask in the same moment; but all answers are under way at the end.
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=4, help="in each answer")
    parser.add_argument("--pause", type=int, default=800, help="ms between two events")
    parser.add_argument("--again", type=int, default=1, help="times that the crowds come")
    parser.add_argument("--serve")
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve))
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pem, trusted = certificate(folder, "127.0.0.1")
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", pem], stdout=subprocess.PIPE, text=True
        )
        try:
            port = int(server.stdout.readline())
            with (
                gateway(folder / "gateway", POLICY, port, trusted) as plain,
                gateway(folder / "looking", LOOKING, port, trusted) as looking,
            ):
                ways = [
                    Way("straight", "127.0.0.1", port, trusted, proxied=False, text=NAME),
                    Way("no tokens", "127.0.0.1", plain.port, plain.ca, True, "the office"),
                    Way("restored", "127.0.0.2", plain.port, plain.ca, True, NAME),
                    Way("looked at", "127.0.0.1", looking.port, looking.ca, True, "the office"),
                    Way("both", "127.0.0.2", looking.port, looking.ca, True, NAME),
                ]
                uvloop.run(latency(ways, options.rounds))
                if options.streams:
                    crowds(ways[1:3], plain, options)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
