"""How does the judge get its weights? `python -m training.secrets.train --out MODEL` trains it anew, within a minute.

A logistic regression over what `secret_judge.seen` tells of each value. What held-out wordings give is
printed: a wording is either learned from or tried.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from gateway.detectors import secret_judge, secret_values
from training.secrets.generate import Text, texts

INVENTED = 15_000
TIMES = 4
SEED = 11
STRENGTH = 1.0
"""Inverse of the regularisation; more learns wordings by heart."""

WEIGHTS = {"wording": 1.0, "invented": 0.05, "code": 0.1}
"""What a wording, an invented text, and a value in real code and manuals count."""

LEAST = {"sure": 0.75, "soft": 0.8, "doubtful": 0.88, "pin": 0.8}
"""Chances that are enough, by group of forms: chosen on held-out wordings and on real code."""

FOLDS = 4
SMALL = 0.02
"""Weights below are left out."""


class Row(NamedTuple):
    """One value of a text: what is seen of it, whether it is a secret, what it counts."""

    seen: list[str]
    secret: bool
    weight: float
    group: str
    wording: str


def rows(text: Text, weight: float) -> Iterator[Row]:
    """The values of a text that the judge would be asked about."""
    cues = secret_values.cues_in(text.text, 0, len(text.text))
    for value in secret_values.values(text.text, 0, len(text.text)):
        entity, near = secret_judge.about(cues, value)
        placeholder = secret_judge.is_placeholder(text.text, value)
        found = secret_judge.seen(text.text, value, near) if entity and not placeholder else []
        if found:
            size = [b - a for a, b in text.secrets]
            common = [min(b, value.end) - max(a, value.start) for a, b in text.secrets]
            secret = any(2 * part >= whole for part, whole in zip(common, size, strict=True))
            yield Row(found, secret, weight, secret_judge.group(value.shape), text.wording)


def code() -> Iterator[Row]:
    """Values in Python's standard library: none is a secret."""
    for file in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in file.parts:
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        for at in range(0, min(len(text), 60_000), 4_000):
            part = text[at : at + 4_000]
            if secret_values.cues_in(part, 0, len(part)):
                yield from rows(Text(part, (), "code"), WEIGHTS["code"])


def learned(known: Sequence[Row]) -> dict[str, float]:
    """The weights."""
    columns = DictVectorizer()
    table = columns.fit_transform([dict.fromkeys(row.seen, 1) for row in known])
    model = LogisticRegression(C=STRENGTH, max_iter=4_000)
    model.fit(table, [row.secret for row in known], sample_weight=[row.weight for row in known])
    weights = dict(zip(columns.get_feature_names_out(), model.coef_[0], strict=True))
    weights["bias"] = weights.get("bias", 0.0) + model.intercept_[0]
    return {
        name: round(float(weight), 3)
        for name, weight in sorted(weights.items())
        if abs(weight) >= SMALL
    }


def fold(wording: str) -> int:
    """The part that a wording is in."""
    return hashlib.sha256(wording.encode()).digest()[0] % FOLDS


def main() -> None:
    """Train, say what held-out wordings give, and write the model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=secret_judge.MODEL)
    out = options.parse_args().out
    known = []
    for text in texts(SEED, times=TIMES, invented=INVENTED):
        kind = "invented" if text.wording.startswith("invented-") else "wording"
        known += rows(text, WEIGHTS[kind] / (TIMES if kind == "wording" else 1))
    known += code()
    print(f"{len(known)} values, {sum(row.secret for row in known)} secrets")
    told: dict[str, collections.Counter[tuple[bool, bool]]] = collections.defaultdict(
        collections.Counter
    )
    for part in range(FOLDS):
        held = [
            row
            for row in known
            if fold(row.wording) == part and row.weight == WEIGHTS["wording"] / TIMES
        ]
        weights = learned(
            [
                row
                for row in known
                if row.weight != WEIGHTS["wording"] / TIMES or fold(row.wording) != part
            ]
        )
        judge = secret_judge.Judge(weights, LEAST)
        for row in held:
            told[row.group][row.secret, judge.chance(row.seen) >= LEAST[row.group]] += 1
    for group, counts in sorted(told.items()):
        found, missed, alarms = counts[True, True], counts[True, False], counts[False, True]
        print(
            f"{group:10} found {found} of {found + missed}, precision {found / max(1, found + alarms):.3f}"
        )
    weights = learned(known)
    judge = secret_judge.Judge(weights, LEAST)
    real = [row for row in known if row.wording == "code"]
    print(
        f"alarms in code: {sum(judge.chance(r.seen) >= LEAST[r.group] for r in real)} of {len(real)} values"
    )
    out.write_text(
        json.dumps({"least": LEAST, "weights": weights}, ensure_ascii=False, indent=0) + "\n",
        encoding="utf-8",
    )
    print(f"{len(weights)} weights, {np.max(np.abs(list(weights.values()))):.2f} at most")


if __name__ == "__main__":
    main()
