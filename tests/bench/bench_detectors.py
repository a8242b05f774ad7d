"""How fast does detection run, against stock Presidio in the same run?

    python tests/bench/bench_detectors.py [--stock] [--profile]

Prints MB/s of UTF-8 for four kinds of text at three sizes, without and with the memory of earlier
results, and the latency of a 2 KB prompt. Ratios count; absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.detectors import Engine, Settings

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


def sample(kind: str, size: int, seed: int) -> str:
    rng = random.Random(seed)
    parts: list[str] = []
    length = 0
    while length < size:
        pick = kind if kind != "mixed" else rng.choice(["prose"] * 5 + ["code"] * 2 + ["dense"])
        if pick == "prose":
            part = " ".join(rng.choice(PROSE) for _ in range(60)) + ".\n"
        elif pick == "code":
            lines = CODE.splitlines(keepends=True)
            at = rng.randrange(len(lines) - 6)
            part = "".join(lines[at : at + 6])
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


def stock() -> Callable[[str], Any]:
    """`AnalyzerEngine.analyze` with a blank pipeline and the default recognizers."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    nlp = SpacyNlpEngine(ner_model_configuration=NerModelConfiguration())
    nlp.nlp = {"en": spacy.blank("en")}
    engine = AnalyzerEngine(nlp_engine=nlp)
    return lambda text: engine.analyze(text, "en")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--stock", action="store_true", help="measure stock Presidio too (slow)")
    options.add_argument("--profile", metavar="KIND", help="profile one kind of text at 20 KB")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        Engine.build(Settings(), key=b"bench", cache_dir=Path(folder))
        print(f"cold build {time.perf_counter() - started:.2f} s")
        started = time.perf_counter()
        engine = Engine.build(Settings(), key=b"bench", cache_dir=Path(folder))
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
    presidio = stock() if chosen.stock else None
    print("kind   size KB  first MB/s  again MB/s" + ("  stock MB/s" if presidio else ""))
    for kind in ("mixed", "prose", "code", "dense"):
        for size, count in ((2_000, 60), (20_000, 8), (100_000, 3)):
            texts = [sample(kind, size, seed) for seed in range(count)]
            volume = size * count / 1e6
            row = f"{kind:6} {size // 1000:7}  {volume / seconds(engine.scan, texts):10.2f}"
            row += f"  {volume / seconds(engine.scan, texts):10.0f}"
            if presidio is not None:
                few = texts[: max(1, count // 8)]
                row += f"  {size * len(few) / 1e6 / seconds(presidio, few):10.3f}"
            print(row)
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


if __name__ == "__main__":
    main()
