"""Train the name model: `python -m training.names.train --data DIR --out FILE`. See README.md.

Law: the same data, seed and versions of the libraries give the same model.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gateway.detectors import name_words as words
from training.names import augment, corpora, generate, lexicon, score
from training.names.corpora import KINDS, Document

TAGS = 1 + 2 * len(KINDS)
"""O, then B and I of each kind."""

jax.config.update(
    "jax_default_prng_impl", "unsafe_rbg"
)  # quick on a CPU; reproducible all the same

ROW, ROWS, GAP = 512, 8, 4
"""Words in a row, rows in a batch, and empty words between the documents of a row: as many as the
widest window reaches to one side, so that documents do not see each other."""


TABLES = ("word", "ngram", "begins", "ends", "ends_short")
"""Arrays with a row for each word, n-gram or affix."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of the model."""

    width: int = 96
    dilations: tuple[int, ...] = (1, 1, 2, 4)
    word: int = 64
    ngram: int = 48
    begins: int = 24
    ends: int = 24
    ends_short: int = 16
    shape: int = 16


# --- words as numbers -----------------------------------------------------------------------------


class Vocabulary:
    """Descriptions of all words met so far, as rows of one table."""

    def __init__(self, known: dict[str, int], lists: dict[str, int]) -> None:
        self.known, self.lists = known, lists
        self._rows: dict[str, int] = {}
        self._table: list[list[int]] = []

    def row(self, word: str) -> int:
        """The row of `word`."""
        row = self._rows.get(word)
        if row is None:
            made = words.describe(word, known=self.known, lists=self.lists)
            ngrams = [*made.ngrams, *[-1] * (words.MOST_NGRAMS - len(made.ngrams))]
            row = self._rows[word] = len(self._table)
            self._table.append(
                [
                    made.word,
                    made.begins,
                    made.ends,
                    made.ends_short,
                    made.shape,
                    made.lists,
                    *ngrams,
                ]
            )
        return row

    def table(self) -> np.ndarray:
        """All rows."""
        return np.array(self._table, dtype=np.int32)


def tagged(document: Document, vocabulary: Vocabulary) -> tuple[list[int], list[int], list[int]]:
    """Rows, spacings and tags of a document's words."""
    rows, gaps, tags = [], [], []
    spans = iter([*document.spans, (len(document.text) + 9, len(document.text) + 9, "")])
    start, end, kind = next(spans)
    reached, inside = 0, False
    for match in words.WORD.finditer(document.text):
        first, last = match.span()
        while first >= end:
            start, end, kind = next(spans)
            inside = False
        rows.append(vocabulary.row(match[0]))
        gaps.append(words.spacing(document.text[reached:first]))
        reached = last
        if last > start and first < end:
            tags.append(1 + 2 * KINDS.index(kind) + inside)
            inside = True
        else:
            tags.append(0)
    return rows, gaps, tags


# --- the model ------------------------------------------------------------------------------------


def initial(key: Any, shape: Shape, known: int) -> dict[str, Any]:
    """Weights to begin with."""
    keys = iter(jax.random.split(key, 64))

    def table(rows: int, width: int) -> Any:
        return jax.random.normal(next(keys), (rows, width)) * 0.1

    def dense(inputs: int, outputs: int) -> Any:
        return jax.random.normal(next(keys), (inputs, outputs)) / np.sqrt(inputs)

    width = shape.width
    joined = shape.word + shape.ngram + shape.begins + shape.ends + shape.ends_short + shape.shape
    joined += len(words.LISTS)
    return {
        "word": table(known + 1, shape.word),
        "ngram": table(words.NGRAMS, shape.ngram),
        "begins": table(words.AFFIXES, shape.begins),
        "ends": table(words.AFFIXES, shape.ends),
        "ends_short": table(words.AFFIXES, shape.ends_short),
        "shape": table(words.SHAPES, shape.shape),
        "spacing": table(words.SPACINGS, width),
        "mix": dense(joined, 2 * width),
        "mix_bias": jnp.zeros(2 * width),
        "blocks": [
            {"weight": dense(3 * width, 2 * width), "bias": jnp.zeros(2 * width),
             "scale": jnp.ones(width), "shift": jnp.zeros(width)}
            for _ in shape.dilations
        ],
        "scale": jnp.ones(width),
        "shift": jnp.zeros(width),
        "out": dense(width, TAGS) * 0.5,
        "out_bias": jnp.zeros(TAGS),
        "gate": jnp.zeros(width),
        "gate_bias": jnp.zeros(()),
    }  # fmt: skip


def gated(x: Any) -> Any:
    """A gated linear unit: half of the values decide how much of the other half passes."""
    half = x.shape[-1] // 2
    return x[..., :half] * jax.nn.sigmoid(x[..., half:])


def normal(x: Any, scale: Any, shift: Any) -> Any:
    """Layer normalisation."""
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + shift


def described(weights: dict[str, Any], rows: Any, key: Any, *, drop: float) -> Any:
    """What the model makes of words by themselves. `rows` are rows of the vocabulary's table."""
    keys = jax.random.split(key, 4)
    word, lists = rows[:, 0], rows[:, 5]
    if drop:
        word = jnp.where(jax.random.bernoulli(keys[0], 0.25, word.shape), 0, word)
    ngrams = rows[:, 6:]
    mask = (ngrams >= 0)[..., None]
    vectors = jnp.where(mask, weights["ngram"][jnp.maximum(ngrams, 0)], 0.0)
    ngram = vectors.sum(1) / jnp.maximum(mask.sum(1), 1)
    bits = ((lists[:, None] >> jnp.arange(len(words.LISTS))) & 1).astype(jnp.float32)
    if drop:
        bits = bits * jax.random.bernoulli(keys[1], 0.8, (len(bits), 1))
    joined = jnp.concatenate(
        [
            weights["word"][word], ngram, weights["begins"][rows[:, 1]],
            weights["ends"][rows[:, 2]], weights["ends_short"][rows[:, 3]],
            weights["shape"][rows[:, 4]], bits,
        ], -1,
    )  # fmt: skip
    if drop:
        joined = dropped(joined, keys[2], drop)
    return gated(joined @ weights["mix"] + weights["mix_bias"])


def dropped(x: Any, key: Any, share: float) -> Any:
    """Dropout."""
    return jnp.where(jax.random.bernoulli(key, 1 - share, x.shape), x / (1 - share), 0.0)


def scores(
    weights: dict[str, Any], table: Any, batch: dict[str, Any], key: Any,
    *, shape: Shape, drop: float,
) -> Any:  # fmt: skip
    """Scores of the tags of each word of a batch."""
    keys = jax.random.split(key, len(shape.dilations) + 2)
    static = described(weights, table[batch["unique"]], keys[-1], drop=drop)
    mask = (batch["rows"] >= 0)[..., None]
    places = jnp.maximum(batch["rows"], 0)
    # The gate learns from what the network makes of a word; it does not change it.
    gate = jax.lax.stop_gradient(static) @ weights["gate"] + weights["gate_bias"]
    x = static[places] + weights["spacing"][batch["gaps"]]
    x = normal(x, weights["scale"], weights["shift"]) * mask
    for block, dilation, step in zip(weights["blocks"], shape.dilations, keys, strict=False):
        pad = jnp.pad(x, ((0, 0), (dilation, dilation), (0, 0)))
        size = x.shape[1]
        joined = jnp.concatenate([pad[:, :size], x, pad[:, 2 * dilation : 2 * dilation + size]], -1)
        made = gated(joined @ block["weight"] + block["bias"])
        if drop:
            made = dropped(made, step, drop)
        x = normal(x + made, block["scale"], block["shift"]) * mask
    if drop:
        x = dropped(x, keys[-2], drop)
    return x @ weights["out"] + weights["out_bias"], gate[places]


def loss(
    weights: dict[str, Any], table: Any, batch: dict[str, Any], key: Any, *, shape: Shape
) -> Any:
    """Cross-entropy; where a kind was not marked, "none" stands for that kind, too."""
    logits, gate = scores(weights, table, batch, key, shape=shape, drop=0.25)
    logits = jax.nn.log_softmax(logits)
    tags = batch["tags"]
    right = jnp.take_along_axis(logits, tags[..., None], -1)[..., 0]
    misc = 1 + 2 * KINDS.index("MISC")
    either = jax.nn.logsumexp(
        jnp.stack([logits[..., 0], logits[..., misc], logits[..., misc + 1]], -1), -1
    )
    right = jnp.where((tags == 0) & batch["silent"], either, right)
    named = (tags > 0) & (tags < misc)
    may = jnp.where(named, jax.nn.log_sigmoid(gate), jax.nn.log_sigmoid(-gate))
    heavy = (batch["rows"] >= 0) * batch["weight"]
    return -((right + may) * heavy).sum() / heavy.sum()


# --- batches --------------------------------------------------------------------------------------


def batches(
    documents: Sequence[Document], vocabulary: Vocabulary, rng: random.Random
) -> Iterator[dict[str, np.ndarray]]:
    """The documents in random order, packed into rows."""
    order = list(documents)
    rng.shuffle(order)
    rows: list[list[int]] = [[]]
    gaps: list[list[int]] = [[]]
    tags: list[list[int]] = [[]]
    silent: list[list[bool]] = [[]]
    weight: list[list[float]] = [[]]
    for document in order:
        a, b, c = tagged(document, vocabulary)
        heavy = 0.5 if document.source in {"generated", "code"} else 1.0
        for at in range(0, len(a), ROW):
            size = len(a[at : at + ROW])
            if len(rows[-1]) + size > ROW:
                if len(rows) == ROWS:
                    yield _batch(rows, gaps, tags, silent, weight)
                    rows, gaps, tags, silent, weight = [], [], [], [], []
                for each in (rows, gaps, tags, silent, weight):
                    each.append([])
            rows[-1] += a[at : at + ROW] + [-1] * GAP
            gaps[-1] += b[at : at + ROW] + [0] * GAP
            tags[-1] += c[at : at + ROW] + [0] * GAP
            silent[-1] += [bool(document.silent)] * (size + GAP)
            weight[-1] += [heavy] * (size + GAP)


def _batch(rows: Any, gaps: Any, tags: Any, silent: Any, weight: Any) -> dict[str, np.ndarray]:
    def full(values: Any, fill: Any, kind: Any) -> np.ndarray:
        made = np.full((ROWS, ROW), fill, dtype=kind)
        for number, row in enumerate(values):
            cut = row[:ROW]
            made[number, : len(cut)] = cut
        return made

    table = full(rows, -1, np.int32)
    unique, inverse = np.unique(table, return_inverse=True)
    # A fixed size, so that the program is compiled once; row 0 of the batch stands for "none".
    padded = np.zeros(2048, dtype=np.int32)
    some = unique[unique >= 0][:2048]
    padded[: len(some)] = some
    shift = 1 if unique[0] < 0 else 0
    places = inverse.reshape(table.shape) - shift
    places[places >= 2048] = -1
    return {
        "unique": padded, "rows": places.astype(np.int32), "gaps": full(gaps, 0, np.int32),
        "tags": full(tags, 0, np.int32), "silent": full(silent, 0, bool),
        "weight": full(weight, 0.0, np.float32),
    }  # fmt: skip


# --- the run --------------------------------------------------------------------------------------


def main() -> None:
    """Train, and write the model."""
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--generated", type=int, default=12_000, help="documents per epoch")
    options.add_argument("--width", type=int, default=96)
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    rng = random.Random(chosen.seed)
    real = [*corpora.train(chosen.data), *corpora.sources()]
    names = generate.Names.read(chosen.data)
    sample = [generate.document(rng, names) for _ in range(20_000)]
    lists = lexicon.lists(
        chosen.data, [(d.text, [(s, e) for s, e, _ in d.spans]) for d in [*real, *sample]]
    )
    counts: collections.Counter[str] = collections.Counter()
    for document in real:
        counts.update(words.lowered(w) for w in words.WORD.findall(document.text))
    invented: collections.Counter[str] = collections.Counter()
    for document in sample:
        invented.update(words.lowered(w) for w in words.WORD.findall(document.text))
    counts.update({w: n // 4 for w, n in invented.items()})
    known = {
        word: number
        for number, (word, _) in enumerate(
            [(w, n) for w, n in counts.most_common(24_000) if n >= 3], start=1
        )
    }
    print(f"{len(real)} documents, {len(known)} known words, {len(lists)} listed words", flush=True)
    vocabulary = Vocabulary(known, lists)
    shape = Shape(width=chosen.width)
    weights = initial(jax.random.key(chosen.seed), shape, len(known))

    def epoch() -> list[Document]:
        made = [generate.document(rng, names) for _ in range(chosen.generated)]
        # Code is plenty: a quarter of it each time.
        kept = [d for d in real if d.source != "code" or rng.random() < 0.25]
        return [*(augment.document(d, rng, names) for d in kept), *made]

    first = list(batches(epoch(), vocabulary, rng))
    steps = len(first) * chosen.epochs
    schedule = optax.warmup_cosine_decay_schedule(0.0, chosen.rate, 200, steps, chosen.rate / 50)
    rule = optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(schedule, weight_decay=0.01))
    state = rule.init(weights)

    @jax.jit
    def step(weights: Any, average: Any, state: Any, table: Any, batch: Any, key: Any) -> Any:
        value, slope = jax.value_and_grad(loss)(weights, table, batch, key, shape=shape)
        change, state = rule.update(slope, state, weights)
        weights = optax.apply_updates(weights, change)
        average = jax.tree.map(lambda a, w: 0.998 * a + 0.002 * w, average, weights)
        return weights, average, state, value

    average, key = weights, jax.random.key(chosen.seed + 1)
    tests = corpora.held_out(chosen.data)
    started, done = time.monotonic(), 0
    for number in range(chosen.epochs):
        total = 0.0
        todo = first if number == 0 else list(batches(epoch(), vocabulary, rng))
        size = -(-len(vocabulary.table()) // 50_000) * 50_000  # compiled anew for a new size only
        table = np.zeros((size, 6 + words.MOST_NGRAMS), dtype=np.int32)
        table[: len(vocabulary.table())] = vocabulary.table()
        ready = jnp.asarray(table)
        for batch in todo:
            key, now = jax.random.split(key)
            weights, average, state, value = step(weights, average, state, ready, batch, now)
            total += float(value)
            done += 1
        print(f"epoch {number + 1}: loss {total / len(todo):.4f}, {done} steps, "
              f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
        if number % 3 == 2 or number == chosen.epochs - 1:
            save(chosen.out, average, shape, known, lists)
            score.report(chosen.out, tests)


def save(
    path: Path, weights: Any, shape: Shape, known: dict[str, int], lists: dict[str, int]
) -> None:
    """Write the model: what it is made of as JSON, and its arrays.

    Tables, which are most of it, are whole numbers of eight bits with a step for each row.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if name == "blocks":
            for number, block in enumerate(value):
                arrays |= {f"block{number}_{k}": np.asarray(v, "f2") for k, v in block.items()}
        elif name in TABLES:
            table = np.asarray(value, np.float32)
            step = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-6) / 127
            arrays[name] = np.rint(table / step).astype(np.int8)
            arrays[f"{name}_step"] = step.astype(np.float32)
        else:
            arrays[name] = np.asarray(value, np.float16)
    groups: dict[int, list[str]] = collections.defaultdict(list)
    for word, bits in lists.items():
        groups[bits].append(word)
    about = {
        "kinds": KINDS,
        "dilations": shape.dilations,
        "known": sorted(known, key=lambda word: known[word]),
        "lists": {str(bits): sorted(found) for bits, found in sorted(groups.items())},
    }
    encoded = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, about=np.frombuffer(encoded, np.uint8), **arrays)


if __name__ == "__main__":
    main()
