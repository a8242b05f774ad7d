"""Does memory stay flat however many distinct prompts pass through? Everything counts: remembered
results, the caches of the phone library, of patterns and of domain suffixes, the words of the name
model, and the matcher's scratch space.

    python tests/bench/bench_memory.py [--prompts 1000000]

Prints the resident memory of the process as prompts go by; fails when it grows after the memory of
results is full.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
from pathlib import Path

from gateway.detectors import Engine, Settings

MIB = 1 << 20
ALLOWED = 16
"""MiB that may be added from the half of the prompts to the end: now and then the table of the
memory of results is rebuilt, and the allocator does not give the old one back at once."""


def resident() -> float:
    """MiB of this process that are in memory."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / MIB
    raise RuntimeError("no `VmRSS` in /proc/self/status")


def prompt(number: int, rng: random.Random) -> str:
    """A short text like no other; every tenth holds values that are found."""
    word = "".join(rng.choice("abcdefghijklmnoprstuvwz") for _ in range(9))
    if number % 10:
        return f"{word.title()} {number} what does it mean to {word[::-1]}"
    return rng.choice(
        [
            f"call {word} at +{rng.randint(1, 99)} {rng.randint(10**8, 10**9)} please",
            f"mail {word}@{word[::-1]}.{rng.choice(['com', 'de', 'co.uk'])} about {number}",
            f"ssn {rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)} {word}",
            f"{word} é {number} IBAN DE{rng.randint(10**19, 10**20)}",
        ]
    )


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--prompts", type=int, default=200_000)
    chosen = options.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine.build(Settings(), key=b"bench", cache_dir=Path(folder))
    print(f"{'prompts':>9}  {'MiB':>6}  {'found':>8}", flush=True)
    found, half = 0, 0.0
    for number in range(chosen.prompts + 1):
        if number % max(1, chosen.prompts // 20) == 0:
            gc.collect()
            print(f"{number:>9,}  {resident():>6.1f}  {found:>8,}", flush=True)
        if number == chosen.prompts // 2:
            half = resident()
        found += len(engine.scan(prompt(number, rng)).matches)
    grown = resident() - half
    print(f"from half to end: {grown:+.1f} MiB")
    sys.exit(grown > ALLOWED)


if __name__ == "__main__":
    main()
