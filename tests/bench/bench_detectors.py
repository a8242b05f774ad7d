"""How fast does detection run, against stock Presidio in the same run?

    python tests/bench/bench_detectors.py [--names] [--stock] [--scale] [--profile KIND]

Prints MB/s of UTF-8 (CPU time of one core) for kinds of text at three sizes, without and with the
memory of earlier results, and the latency of a 2 KB prompt. `--stock` adds Presidio as it comes and
with the recognizers of all countries on; `--scale` looks at texts up to 10 MB and at 100,000
findings. Ratios count; absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from gateway.detectors import Engine, Settings
from gateway.detectors.settings import Nlp

PROSE = (
    "The committee met on Thursday to talk about the plan for the coming year. Nobody had read the "
    "draft, which made the discussion both shorter and livelier than usual. In the end they agreed "
    "to meet again, to ask for figures, and to send the minutes round before the weekend. "
).split()
CODE = '''
def load_settings(path, *, strict=True):
    """Read the settings file and return a mapping of option names to values."""
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, value = line.partition("=")
            if strict and name not in KNOWN_OPTIONS:
                raise ValueError(f"{path}:{number}: unknown option {name!r}")
            yield name.strip(), value.strip()[0:128], self.cache.get(name, None)
    threading.Thread(target=worker, args=(queue, 1024)).start()
    return {"a": [1, 2, 3.5], "b": x[::3], "timeout": 30_000, "rows": 1999}
'''


def personal(rng: random.Random) -> str:
    """One line with something personal in it, generated."""

    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    first, last = (
        rng.choice(["maria", "john", "wei", "amina"]),
        rng.choice(["smith", "garcia", "li"]),
    )
    return rng.choice(
        [
            f"Contact: {first}.{last}@{last}-mail.com, phone +1 212-{rng.randint(200, 999)}-{digits(4)}",
            f"SSN {rng.randint(100, 665)}-{rng.randint(10, 99)}-{digits(4)} of {first.title()}",
            f"card 4111 1111 1111 1111 exp 0{rng.randint(1, 9)}/27, account number {digits(10)}",
            f"IBAN DE89370400440532013000 for invoice {digits(6)} from {rng.randint(1, 28)}.03.2024",
            f"host 10.{rng.randrange(256)}.3.{rng.randrange(256)} mac aa:bb:cc:dd:ee:{digits(2)}",
            f"passport {digits(9)}, born 0{rng.randint(1, 9)}/12/19{rng.randint(50, 99)}",
        ]
    )


def log_line(rng: random.Random) -> str:
    """A line of a web server's log, of a service that logs JSON, or of a stack trace."""
    clock = f"{rng.randint(10, 23)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}"
    day = rng.randint(10, 28)
    return rng.choice(
        [
            (
                f"{rng.randint(11, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.9 - - "
                f'[{day}/Mar/2025:{clock} +0000] "GET /api/v1/items/{rng.randrange(9999)} HTTP/1.1" '
                f'200 {rng.randrange(99999)} "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
            ),
            (
                f'{{"ts":"2025-03-{day}T{clock}.{rng.randrange(1000):03}Z","level":"info",'
                f'"msg":"request done","duration_ms":{rng.randrange(999)},'
                f'"trace":"{rng.getrandbits(64):016x}"}}\n'
            ),
            (
                f"2025-03-{day} {clock},{rng.randrange(1000):03} ERROR worker-{rng.randrange(16)} "
                f"[app.queue] job {rng.getrandbits(32):08x} failed after {rng.randrange(9)} tries\n"
                f'  File "/srv/app/queue.py", line {rng.randrange(999)}, in run\n'
                "    self.handler.process(job, timeout=30)\nTimeoutError: timed out\n"
            ),
        ]
    )


def sample(kind: str, size: int, seed: int) -> str:
    """Text of one kind; `mixed` are prompts: prose, code, logs, and lines with personal data."""
    rng = random.Random(seed)
    parts: list[str] = []
    length = 0
    mixture = ["prose"] * 5 + ["code"] * 2 + ["logs"] * 2 + ["dense"]
    while length < size:
        pick = kind if kind != "mixed" else rng.choice(mixture)
        if pick == "prose":
            part = " ".join(rng.choice(PROSE) for _ in range(60)) + ".\n"
        elif pick == "code":
            lines = CODE.splitlines(keepends=True)
            at = rng.randrange(len(lines) - 6)
            part = "".join(lines[at : at + 6])
        elif pick == "logs":
            part = "".join(log_line(rng) for _ in range(4))
        else:
            part = personal(rng) + "\n"
        parts.append(part)
        length += len(part)
    return "".join(parts)[:size]


def seconds(run: Callable[[str], Any], texts: list[str]) -> float:
    started = time.process_time()  # others may use the machine
    for text in texts:
        run(text)
    return time.process_time() - started


def stock(*, everything: bool) -> Callable[[str], Any]:
    """`AnalyzerEngine.analyze` with a blank pipeline and the default recognizers, or all of them."""
    from support.stock import analyzer

    engine = analyzer(everything=everything)
    return lambda text: engine.analyze(text, "en")


def against_stock(engine: Engine, counts: dict[int, int]) -> None:
    """The same texts by our engine and by Presidio, in turns of a few texts each.

    A turn is long enough that each works with the processor's caches as its own, as a busy gateway
    does, and short enough that both see the same state of the machine. The medians of turns count.
    """
    usual, everything = stock(everything=False), stock(everything=True)
    print("\nkind   size KB  first MB/s  stock MB/s   ratio  all countries   ratio")
    for kind in ("mixed", "prose", "code", "logs", "dense"):
        for size, (turns, count) in counts.items():
            rates: dict[str, list[float]] = {"ours": [], "usual": [], "everything": []}
            for turn in range(turns):
                texts = [sample(kind, size, 500 + turn * count + seed) for seed in range(count)]
                few = texts[: max(1, count // 10)]
                for name, run, part in (
                    ("ours", engine.scan, texts),
                    ("usual", usual, few),
                    ("everything", everything, few[: max(1, len(few) // 2)]),
                ):
                    rates[name].append(size * len(part) / 1e6 / seconds(run, part))
            ours, theirs, all_on = (statistics.median(rates[name]) for name in rates)
            print(
                f"{kind:6} {size // 1000:7}  {ours:10.2f}  {theirs:10.3f}  {ours / theirs:6.0f}"
                f"  {all_on:13.3f}  {ours / all_on:6.0f}",
                flush=True,
            )


def scale(engine: Engine) -> None:
    """Time per character and per finding, from small texts to large ones."""
    print("\nmixed MB  µs per KB")
    for size in (100_000, 1_000_000, 10_000_000):
        text = sample("mixed", size, 77)
        print(f"{size / 1e6:8.1f}  {seconds(engine.scan, [text]) * 1e9 / size:9.1f}", flush=True)
    print("\n findings  µs per finding")
    rng = random.Random(9)
    for count in (1_000, 10_000, 100_000):
        text = "".join(f"u{rng.randrange(10**9)}@mail.com\n" for _ in range(count))
        started = time.process_time()
        found = len(engine.scan(text).matches)
        took = time.process_time() - started
        print(f"{found:9,}  {took * 1e6 / max(1, found):14.1f}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--stock", action="store_true", help="measure stock Presidio too (slow)")
    options.add_argument("--names", action="store_true", help="with names of people and places")
    options.add_argument("--scale", action="store_true", help="texts up to 10 MB")
    options.add_argument("--profile", metavar="KIND", help="profile one kind of text at 20 KB")
    chosen = options.parse_args()
    wanted = Settings() if chosen.names else Settings(nlp=Nlp(engine="blank"))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        Engine.build(wanted, key=b"bench", cache_dir=Path(folder))
        print(f"cold build {time.perf_counter() - started:.2f} s")
        started = time.perf_counter()
        engine = Engine.build(wanted, key=b"bench", cache_dir=Path(folder))
        print(f"warm build {time.perf_counter() - started:.2f} s")
    engine.scan(sample("mixed", 20_000, 99))
    if chosen.profile:
        texts = [sample(chosen.profile, 20_000, seed) for seed in range(20)]
        profiler = cProfile.Profile()
        profiler.enable()
        seconds(engine.scan, texts)
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return
    print("kind   size KB  first MB/s  again MB/s")
    for kind in ("mixed", "prose", "code", "logs", "dense"):
        for size, count in ((2_000, 60), (20_000, 8), (100_000, 2)):
            texts = [sample(kind, size, seed) for seed in range(count)]
            volume = size * count / 1e6
            first = volume / seconds(engine.scan, texts)
            again = volume / seconds(engine.scan, texts)
            print(f"{kind:6} {size // 1000:7}  {first:10.2f}  {again:10.0f}", flush=True)
    times = [seconds(engine.scan, [sample("mixed", 2_000, 1000 + seed)]) for seed in range(200)]
    times.sort()
    print(
        f"2 KB mixed prompt, first time: median {statistics.median(times) * 1e3:.2f} ms, "
        f"p99 {times[-2] * 1e3:.2f} ms"
    )
    text = sample("mixed", 2_000, 1001)
    times = sorted(seconds(engine.scan, [text]) for _ in range(500))
    print(f"the same again: median {statistics.median(times) * 1e6:.0f} µs")
    history = sample("mixed", 200_000, 5)
    seconds(engine.scan, [history])
    print(f"200 KB seen before: {seconds(engine.scan, [history]) * 1e3:.2f} ms")
    longer = history + "\n\nand one more question"
    print(f"200 KB with one more line: {seconds(engine.scan, [longer]) * 1e3:.2f} ms")
    print(f"200 KB with a new first line: {seconds(engine.scan, ['Hi!\n' + history]) * 1e3:.2f} ms")
    if chosen.stock:
        against_stock(engine, {2_000: (5, 40), 20_000: (3, 10), 100_000: (3, 2)})
    if chosen.scale:
        scale(engine)


if __name__ == "__main__":
    main()
