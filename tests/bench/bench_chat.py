"""A chat of 100 turns, each request with the whole history: what does a turn cost?

Through the real gateway, one keep-alive connection. Beside each turn stands a request of the same
size whose text was never seen: what the turn would cost without memory. Rounds are interleaved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bench_gateway
import load

TURNS = 100
SHOWN = (1, 2, 10, 25, 50, 75, 100)


def texts(count: int, seed: int) -> list[str]:
    return [json.loads(body)["messages"][0]["content"] for body in load.prompts(count, 2048, seed)]


def request(messages: list[str]) -> bytes:
    roles = ("user", "assistant")
    return json.dumps(
        {
            "model": "gpt-5",
            "messages": [
                {"role": roles[n % 2], "content": text} for n, text in enumerate(messages)
            ],
        }
    ).encode()


class Chat(load.Load):
    """One client that times each request."""

    async def talk(self, rounds: int) -> dict[int, list[tuple[float, float]]]:
        reader, writer = await self.connect()
        taken: dict[int, list[tuple[float, float]]] = {}

        async def timed(body: bytes) -> float:
            self.bodies = [body]
            started = time.perf_counter()
            await self.one(reader, writer)
            return time.perf_counter() - started

        await timed(request(["warm up"]))
        for number in range(rounds):
            history: list[str] = []
            fresh = texts(TURNS, 1000 + number)
            for turn, text in enumerate(fresh, start=1):
                history.append(text)
                spent = await timed(request(history))
                unseen = 0.0
                if turn in SHOWN:
                    unseen = await timed(request(texts(turn, 10_000 + number * TURNS + turn)))
                taken.setdefault(turn, []).append((spent, unseen))
        writer.close()
        return taken


def detect_seconds(admin: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith('leakgate_stage_seconds_sum{stage="detect"}'):
                return float(line.split()[-1])
    return 0.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        pem, trusted = bench_gateway.certificate(folder, "localhost", "127.0.0.1")
        server = subprocess.Popen(
            [sys.executable, bench_gateway.LOAD, "upstream", pem], stdout=subprocess.PIPE
        )
        stack.callback(server.kill)
        assert server.stdout is not None
        upstream = int(server.stdout.readline())
        proxy = stack.enter_context(bench_gateway.gateway(folder, trusted, Path("policies")))
        chat = Chat(
            {
                "proxy": proxy.port,
                "ca": proxy.ca,
                "host": "localhost",
                "port": upstream,
                "kind": "keep-alive",
                "distinct": 1,
                "size": 100,
            }
        )
        taken = asyncio.run(chat.talk(3))
        assert not chat.errors, "the gateway refused a turn"
        print("| turn | request KB | this turn, ms | same size, never seen, ms | ratio |")
        print("|---|---|---|---|---|")
        for turn in SHOWN:
            spent = statistics.median(pair[0] for pair in taken[turn]) * 1000
            unseen = statistics.median(pair[1] for pair in taken[turn]) * 1000
            size = len(request(texts(turn, 1))) / 1000
            print(f"| {turn} | {size:.0f} | {spent:.1f} | {unseen:.1f} | {spent / unseen:.2f} |")


if __name__ == "__main__":
    main()
