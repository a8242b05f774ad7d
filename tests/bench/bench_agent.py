"""A coding agent's session of 40 turns: what does the gateway add to a turn, and does a value leave?

Each request goes straight to a service and through the gateway to another of the same mind, in turns,
twice: the first time its last message is new, the second time all of it has been seen. Through the
gateway its values leave as tokens, and the streamed edit comes back with the values in it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
from clients.test_agent_session import POLICY, WIRES
from support import agent
from support.echo import Echo
from support.gateway import GatewayProcess
from support.upstream import certificate

WARM = b"This only warms up."


def service(pem: str, wire: str, seed: int, turns: int) -> None:
    """A service in a process of its own; prints its port, and for each line read what it heard."""
    repo = agent.repository(seed)
    with Echo(Path(pem), script=agent.model(agent.plan(repo, turns))) as echo:
        print(echo.port, flush=True)
        sys.stdin.readline()
        bodies = [body for _, _, body in echo.heard if WARM not in body]
        heard = [
            body for before, body in zip([b"", *bodies], bodies, strict=False) if body != before
        ]
        cut = sum(
            agent.prefix(one, two) != len(one) - len(b"]}")
            for one, two in itertools.pairwise(heard)
        )
        print(len(repo.left(echo.everything())), cut, len(heard), len(heard[-1]), flush=True)


@contextlib.contextmanager
def served(
    pem: Path, wire: str, seed: int, turns: int
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", pem, wire, str(seed), "--turns", str(turns)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def timed(client: tuple[httpx.Client, str], body: bytes) -> tuple[float, bytes]:
    """Seconds of one request, and its answer."""
    headers = {"content-type": "application/json"}
    began = time.perf_counter()
    answer = client[0].post(client[1], content=body, headers=headers)
    taken = time.perf_counter() - began
    assert answer.status_code == 200, answer.text[:300]
    return taken, answer.content


def percentile(taken: list[float], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(share * len(taken)))]


def replay(folder: Path, name: str, rounds: int, turns: int) -> None:
    wire = WIRES[name]
    pem, trusted = certificate(folder, "127.0.0.1")
    spent: dict[tuple[str, str], list[float]] = {}
    said: list[str] = []
    answers = equal = 0
    for round_ in range(rounds):
        # Other values each time: a gateway that saw the last round knows nothing of this one.
        seed = 100 + round_ + (1000 if name == "responses" else 0)
        repo = agent.repository(seed)
        with contextlib.ExitStack() as stack:
            behind, near = stack.enter_context(served(pem, name, seed, turns))
            straight, far = stack.enter_context(served(pem, name, seed, turns))
            gateway = stack.enter_context(
                GatewayProcess(
                    folder / f"{name}-{round_}",
                    policies=POLICY,
                    upstreams={wire.url.split("/")[2]: f"https://127.0.0.1:{near}"},
                    trusted_ca=trusted,
                )
            )
            through = stack.enter_context(
                httpx.Client(
                    proxy=gateway.url,
                    verify=ssl.create_default_context(cafile=str(gateway.ca)),
                    timeout=60,
                )
            )
            direct = stack.enter_context(
                httpx.Client(verify=ssl.create_default_context(cafile=str(trusted)), timeout=60)
            )

            clients = {
                "through": (through, wire.url),
                "straight": (direct, f"https://127.0.0.1:{far}{wire.path}"),
            }

            # Connections and workers are there before anything is measured.
            warm = agent.Session(wire, repo).body().replace(b"Work on your own.", WARM)
            for how in (*clients, *clients, *clients):
                timed(clients[how], warm)
            session = agent.Session(wire, repo)
            for _ in range(turns):
                body = session.body()
                said_by: dict[str, bytes] = {}
                for when, how in itertools.product(("first", "cached"), clients):
                    taken, said_by[how] = timed(clients[how], body)
                    spent.setdefault((how, when), []).append(taken)
                plain, restored = said_by["straight"], said_by["through"]
                answers += 1
                equal += wire.spoken(plain) == wire.spoken(restored)
                session.go_on(restored)
            for process in (behind, straight):
                process.stdin.write("\n")
                process.stdin.flush()
            left, cut, heard, size = behind.stdout.readline().split()
            without = straight.stdout.readline().split()
            said.append(
                f"round {round_}: {left} of {len(repo.planted)} values left (straight: {without[0]}); "
                f"{cut} of {int(heard) - 1} prefixes cut (straight: {without[1]}); "
                f"last request {len(body)} bytes, {size} as the service saw it"
            )
    print(f"\n{name}, {turns} turns, {rounds} rounds; {equal} of {answers} answers equal\n")
    print("\n".join(said))
    print("\n| ms | straight p50 | p95 | through p50 | p95 | added p50 | p95 | most |")
    print("|---|---|---|---|---|---|---|---|")
    for when in ("first", "cached"):
        one, two = spent["straight", when], spent["through", when]
        added = [b - a for a, b in zip(one, two, strict=True)]
        cells = [
            statistics.median(one), percentile(one, 0.95), statistics.median(two),
            percentile(two, 0.95), statistics.median(added), percentile(added, 0.95), max(added),
        ]  # fmt: skip
        print(f"| {when} | " + " | ".join(f"{cell * 1000:.1f}" for cell in cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--serve", nargs=3)
    options = parser.parse_args()
    if options.serve:
        pem, wire, seed = options.serve
        service(pem, wire, int(seed), options.turns)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        for wire in WIRES:
            replay(Path(name), wire, options.rounds, options.turns)


if __name__ == "__main__":
    main()
