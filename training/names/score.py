"""How good is a name model? Entity-level precision, recall, F1 and F2; strict: same span and kind;
overlapping: the same kind touches.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gateway.detectors.name_model import NameModel
from training.names.corpora import Document

REPORTED = ("PER", "LOC", "ORG")

type Span = tuple[int, int, str]


def fscore(precision: float, recall: float, beta: float) -> float:
    """van Rijsbergen's F: recall counts `beta` times as much as precision."""
    weight = beta * beta
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0


def counts(
    gold: Sequence[Span], found: Sequence[Span], kind: str
) -> tuple[int, int, int, int, int]:
    """(gold, found, strict hits, gold touched, found that touch) of one document."""
    wanted = [(s, e) for s, e, k in gold if k == kind]
    given = [(s, e) for s, e, k in found if k == kind]
    strict = len(set(wanted) & set(given))
    touched = sum(any(a < e and s < b for a, b in given) for s, e in wanted)
    touching = sum(any(a < e and s < b for a, b in wanted) for s, e in given)
    return len(wanted), len(given), strict, touched, touching


def table(model: NameModel, documents: Iterable[Document]) -> dict[str, tuple[float, ...]]:
    """By kind: strict P, R, F1, F2, then overlapping P, R, F1, F2."""
    sums = {kind: [0] * 5 for kind in REPORTED}
    for document in documents:
        found = [(n.start, n.end, n.kind) for n in model.find(document.text)]
        for kind in REPORTED:
            for number, value in enumerate(counts(document.spans, found, kind)):
                sums[kind][number] += value
    result = {}
    for kind, (gold, given, strict, touched, touching) in sums.items():
        figures: list[float] = []
        for hit_given, hit_gold in ((strict, strict), (touching, touched)):
            precision, recall = hit_given / max(1, given), hit_gold / max(1, gold)
            figures += [
                precision,
                recall,
                fscore(precision, recall, 1),
                fscore(precision, recall, 2),
            ]
        result[kind] = tuple(figures)
    return result


def report(path: Path, sets: Mapping[str, Sequence[Document]], *, gated: bool = True) -> None:
    """Print a table for each set."""
    model = NameModel.load(path)
    model.gate = model.gate if gated else None
    print(f"{'':10} {'':4}  strict P    R   F1   F2  overlap P    R   F1   F2")
    for name, documents in sets.items():
        for kind, figures in table(model, documents).items():
            row = "".join(f" {figure:4.2f}" for figure in figures[:4])
            print(f"{name:10} {kind:4}      {row}       " + "".join(f" {f:4.2f}" for f in figures[4:]),
                  flush=True)  # fmt: skip


def main() -> None:
    """Score a model on what it never learned from."""
    from training.names import corpora  # noqa: PLC0415

    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--ungated", action="store_true")
    chosen = options.parse_args()
    report(chosen.model, corpora.held_out(chosen.data), gated=not chosen.ungated)


if __name__ == "__main__":
    main()
