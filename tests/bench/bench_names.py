"""How fast is the name model on one core, and how often does it err on text without names?

    python tests/bench/bench_names.py [--benign prompts.jsonl]

Prints words per second with and without the gate, the milliseconds of a 2 KB prompt, and names per
1,000 words of code. `--benign` takes lines {"source", "text"}. Times are of the processor, so that
other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sysconfig
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gateway.detectors.name_model import NameModel
from gateway.detectors.names import MODELS
from tests.bench.bench_detectors import sample


def measure(model: NameModel, texts: list[str]) -> tuple[float, float, dict[str, float]]:
    """Words per second, median milliseconds of a text, and names by kind per 1,000 words."""
    for text in texts:
        model.find(text)
    times, counts = [], {"PER": 0, "LOC": 0, "ORG": 0}
    for text in texts:
        started = time.process_time()
        names = model.find(text)
        times.append(time.process_time() - started)
        for name in names:
            counts[name.kind] += 1
    words = sum(len(text.split()) for text in texts)
    rates = {kind: 1000 * count / words for kind, count in counts.items()}
    return words / sum(times), statistics.median(times) * 1e3, rates


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--benign", type=Path)
    chosen = options.parse_args()
    started = time.process_time()
    model = NameModel.load(MODELS / "names.npz")
    print(f"loaded in {time.process_time() - started:.2f} s")
    gate = model.gate
    kinds = {
        f"{kind}, 2 KB": [sample(kind, 2_000, seed) for seed in range(100)]
        for kind in ("mixed", "prose", "code")
    }
    stdlib = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[::4]
    kinds["stdlib, 2 KB"] = [path.read_text("utf-8", "replace")[2_000:4_000] for path in stdlib]
    if chosen.benign:
        for line in chosen.benign.read_text("utf-8").splitlines():
            record = json.loads(line)
            kinds.setdefault(record["source"], []).append(record["text"])
    print(f"{'text':16} {'gate':>5} {'words/s':>9} {'ms':>6}  names per 1,000 words")
    for kind, texts in kinds.items():
        for gated in (True, False):
            model.gate = gate if gated else None
            rate, middle, errors = measure(model, texts)
            row = "  ".join(f"{name} {value:.2f}" for name, value in errors.items())
            print(f"{kind:16} {'yes' if gated else 'no':>5} {rate:9.0f} {middle:6.2f}  {row}")


if __name__ == "__main__":
    main()
