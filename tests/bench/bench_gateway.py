"""The whole gateway, inspecting 2 KB prompts, against stock `mitmdump` doing nothing.

Same run, same machine, same TLS upstream, interleaved rounds; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.upstream import certificate

LOAD = Path(__file__).with_name("load.py")
BIN = Path(sys.executable).parent

POLICY = """version: 1
services:
  - id: bench
    name: Bench
    category: chat
    hosts: [localhost]
    protocol: openai
    operations:
      - {{id: chat_completions, method: POST, path: /v1/chat/completions, act: prompt}}
    examples:
      - {{method: POST, url: "https://localhost/v1/chat/completions", operation: chat_completions}}
"""


@dataclass
class Proxy:
    name: str
    port: int
    ca: str
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """The process and everything below it."""
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    queue += [int(x) for x in (task / "children").read_text().split()]
        return found

    def cpu(self) -> float:
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Proportional set size in MiB, so that shared pages count once."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    raise SystemExit("a proxy did not start")


@contextlib.contextmanager
def stock(folder: Path, trusted: Path, *, quiet: bool) -> Iterator[Proxy]:
    port = free_port()
    confdir = folder / f"mitm-{port}"
    process = subprocess.Popen(
        [
            BIN / "mitmdump",
            *(["-q"] if quiet else []),
            "--listen-host",
            "127.0.0.1",
            "-p",
            str(port),
            "--set",
            f"confdir={confdir}",
            "--set",
            f"ssl_verify_upstream_trusted_ca={trusted}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(port)
    try:
        yield Proxy(
            "mitmdump -q" if quiet else "mitmdump",
            port,
            str(confdir / "mitmproxy-ca-cert.pem"),
            process,
        )
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def gateway(folder: Path, trusted: Path, policies: Path | None) -> Iterator[Proxy]:
    port, admin = free_port(), free_port()
    state = folder / f"state-{port}"
    where = folder / "policies"
    where.mkdir(exist_ok=True)
    (where / "99-bench.yaml").write_text(POLICY.format())
    if policies is not None:
        for source in policies.glob("*.yaml"):
            (where / source.name).write_text(source.read_text())
    log = (folder / f"log-{port}").open("wb")
    process = subprocess.Popen(
        [
            BIN / "leakgate",
            "run",
            "--state",
            state,
            "--policies",
            where,
            "--listen",
            f"127.0.0.1:{port}",
            "--admin",
            f"127.0.0.1:{admin}",
        ],
        env={k: v for k, v in os.environ.items() if not k.startswith("LEAKGATE_")}
        | {"LEAKGATE_TRUSTED_CA": str(trusted)},
        stdout=log,
        stderr=log,
    )
    for _ in range(1200):
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1),
        ):
            break
        if process.poll() is not None:
            raise SystemExit((folder / f"log-{port}").read_text())
        time.sleep(0.1)
    try:
        yield Proxy("leakgate", port, str(state / "ca" / "leakgate-ca-cert.pem"), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def measure(proxy: Proxy, kind: str, upstream: int, **job: object) -> dict[str, float]:
    job = {
        "proxy": proxy.port,
        "ca": proxy.ca,
        "host": "localhost",
        "port": upstream,
        "kind": kind,
        "connections": 2 if kind == "http2" else 16,
        "streams": 8,
        "distinct": 20_000,
        "size": 2048,
        "seconds": 4,
    } | job
    before = proxy.cpu()
    done = subprocess.run(
        [sys.executable, LOAD, "client", json.dumps(job)], capture_output=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    result["cpu"] = (proxy.cpu() - before) * 1000 / max(1, result["requests"])
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--kinds", default="new,keep-alive,http2")
    parser.add_argument("--memory", type=int, default=50_000, help="requests before memory is read")
    parser.add_argument("--policies", type=Path, default=Path("policies"))
    parser.add_argument("--no-stock", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        pem, trusted = certificate(folder, "localhost", "127.0.0.1")
        server = subprocess.Popen([sys.executable, LOAD, "upstream", pem], stdout=subprocess.PIPE)
        stack.callback(server.kill)
        assert server.stdout is not None
        upstream = int(server.stdout.readline())
        proxies = [stack.enter_context(gateway(folder, trusted, arguments.policies))]
        if not arguments.no_stock:
            proxies += [
                stack.enter_context(stock(folder, trusted, quiet=False)),
                stack.enter_context(stock(folder, trusted, quiet=True)),
            ]
        kinds = arguments.kinds.split(",")
        results: dict[tuple[str, str], list[dict[str, float]]] = {}
        for proxy in proxies:  # caches, certificates, lazy imports
            for kind in kinds:
                measure(proxy, kind, upstream, seconds=1.5, seed=99)
        for number in range(arguments.rounds):
            for kind in kinds:
                for proxy in proxies if number % 2 else reversed(proxies):
                    results.setdefault((kind, proxy.name), []).append(
                        measure(proxy, kind, upstream, seconds=arguments.seconds, seed=number)
                    )
        print("| | requests/s | p50 ms | p95 ms | p99 ms | CPU ms/request | errors | rate, ratio |")
        print("|---|---|---|---|---|---|---|---|")
        for kind in kinds:
            base = None
            for proxy in reversed(proxies):
                runs = results[kind, proxy.name]
                middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
                base = base or results[kind, proxies[1].name if len(proxies) > 1 else proxy.name]
                ratio = statistics.median(
                    run["rate"] / other["rate"] for run, other in zip(runs, base, strict=True)
                )
                print(
                    f"| {kind}, {proxy.name} | {middle['rate']:.0f} | {middle['p50']:.1f} |"
                    f" {middle['p95']:.1f} | {middle['p99']:.1f} | {middle['cpu']:.2f} |"
                    f" {sum(run['errors'] for run in runs):.0f} | {ratio:.2f} |"
                )
        if arguments.memory:
            print(
                f"\n| memory, MiB | at first | after {arguments.memory} requests |\n|---|---|---|"
            )
            for proxy in proxies:
                first = proxy.memory()
                measure(
                    proxy, "keep-alive", upstream, seconds=600, requests=arguments.memory, seed=7
                )
                print(f"| {proxy.name} | {first:.0f} | {proxy.memory():.0f} |")


if __name__ == "__main__":
    main()
