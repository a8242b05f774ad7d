"""Where do our engine and stock Presidio differ?

    python tests/bench/differential.py [--count 1500] [--seed 1] [--show 5]

Runs short texts through both: those of `tests/corpus`, generated values among words, and random
mixtures of values, whole and damaged, with noise. Prints how often each difference that is meant
occurs (`tests/support/stock.py` lists them with their reasons), with `--show` examples of each, and
every difference that nobody meant. Exit status 1 when there is one. All countries' recognizers are
on, secrets and names are off: Presidio has no secrets, and names are a model's business.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import stock

from gateway.detectors import Engine, Settings
from gateway.detectors.settings import Nlp
from gateway.evaluation.corpus import load_corpus

CORPUS = Path(__file__).parents[1] / "corpus"
LONGEST = 600
"""Code points of a text of the corpus that are looked at: Presidio is slow."""


def texts(seed: int, count: int) -> list[str]:
    """A third of each kind."""
    rng = random.Random(seed)
    paths = [CORPUS / "dev.jsonl", *sorted((CORPUS / "benign").glob("*.jsonl"))]
    documents = [each for path in paths for each in load_corpus(path)]
    written = [each.text[:LONGEST] for each in documents]
    values = [each.text[s.start : s.end] for each in documents for s in each.spans]
    third = count // 3
    return [
        *rng.sample(written, min(third, len(written))),
        *stock.corpus(seed, third // 4),
        *stock.mixtures(seed, count - third - third // 4, values),
    ]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=1_500)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--show", type=int, default=0, metavar="N")
    chosen = options.parse_args()
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(secrets=False, nlp=Nlp(engine="blank"))
        engine = Engine.build(settings, key=b"bench", cache_dir=Path(folder))
    looked = texts(chosen.seed, chosen.count)
    result = stock.compare(looked, engine)
    print(f"{len(looked)} texts, {result.matches} matches, {time.process_time() - started:.0f} s")
    for name in stock.MEANT:
        found = result.meant.get(name, [])
        print(f"{len(found):6}  {name}")
        for each in random.Random(0).sample(found, min(len(found), chosen.show)):
            print(f"          {each}")
    print(f"{len(result.others):6}  not meant")
    for each in result.others:
        print(f"          {each}")
    return bool(result.others)


if __name__ == "__main__":
    sys.exit(main())
