"""Where does a text name people, places and organisations? Law: the same text gives the same names,
whatever was scanned before it, and no word of a text outlives the call unless the model came with it.

A small convolutional network over words, run with NumPy alone. What it makes of a word by itself is
remembered for the words that came with the model, and so is whether the word can be part of a name
(the gate): only the neighbourhoods of words that can reach the costly layers. Training is told in
`training/names/README.md`, the model in `models/names.md`.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.detectors import name_words as words

type Floats = npt.NDArray[np.float32]

AROUND = 8
"""Words on either side of a possible name that the network sees with it: as far as it looks."""

GAP = 4
"""Empty words between neighbourhoods: as many as the widest window reaches to one side."""

MOST = 4_096
"""Words that go through the network at once."""

GATE = (-2.0, -1.2)
"""Least log-odds of a word by itself to be part of a name: with a capital, and without."""

THRESHOLDS: Mapping[str, float] = {"PER": 0.22, "LOC": 0.4, "ORG": 0.5}
"""Least probability of a word to belong to a name, by kind."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text: code points `start:end`, its kind, and how sure the model is.

    The confidence is the mean probability of the name's words, drawn out so that 0.5 stands for the
    least that is reported and 1.0 for certainty.
    """

    start: int
    end: int
    kind: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Block:
    weight: Floats
    bias: Floats
    scale: Floats
    shift: Floats
    dilation: int


class NameModel:
    """The network, its words and its lists."""

    def __init__(self, about: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._kinds: tuple[str, ...] = tuple(about["kinds"])
        self._known = {word: number for number, word in enumerate(about["known"], start=1)}
        self._lists = {word: int(bits) for bits, found in about["lists"].items() for word in found}
        full = {
            name: _widened(array, arrays.get(f"{name}_step"))
            for name, array in arrays.items()
            if name != "about" and not name.endswith("_step")
        }
        self._tables = full
        self._blocks = [
            _Block(
                full[f"block{number}_weight"],
                full[f"block{number}_bias"],
                full[f"block{number}_scale"],
                full[f"block{number}_shift"],
                dilation,
            )
            for number, dilation in enumerate(about["dilations"])
        ]
        # Of words that came with the model, by how they are written; filled as they are met.
        self._places: dict[str, int] = {}
        self._vectors = np.zeros((1024, full["scale"].shape[0]), dtype=np.float32)
        self._may: dict[str, bool] = {}
        self.thresholds = dict(THRESHOLDS)
        self.gate: tuple[float, float] | None = GATE

    @classmethod
    def load(cls, path: Path) -> NameModel:
        """Read a model that `training.names.train` wrote.

        Raises `OSError` where there is none, and `ValueError` where it is damaged.
        """
        data = path.read_bytes()
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls(json.loads(arrays["about"].tobytes()), arrays)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise ValueError(f"not a name model, or a damaged one: {error}") from None

    def lists(self, word: str) -> int:
        """The lists of names, places and common words that hold the folded `word`, by bit."""
        return self._lists.get(word, 0)

    def find(self, text: str) -> list[Name]:
        """The names in `text`, by place, apart from each other."""
        fresh: dict[str, Floats] = {}
        likely = self._likely(text, fresh)
        if likely is not None and not likely:
            return []
        found = list(words.WORD.finditer(text))
        chosen = _chosen(text, found, likely)
        names: list[Name] = []
        for first in range(0, len(chosen), MOST):
            names.extend(self._names(text, found, chosen[first : first + MOST], fresh))
        return names

    # --- the gate ---------------------------------------------------------------------------------

    def _likely(self, text: str, fresh: dict[str, Floats]) -> frozenset[str] | None:
        """The words of the text of which the network should see the neighbourhoods; None for all.

        Only words of letters can begin a name, so that numbers are not even looked up: in a large
        table they are most of the words. Vectors of words that had to be described are put into
        `fresh`.
        """
        if self.gate is None:
            return None
        may = self._may
        likely: set[str] = set()
        doubtful: list[str] = []
        for word in dict.fromkeys(words.LETTERS.findall(text)):
            answer = may.get(word)
            if answer:
                likely.add(word)
            elif answer is None and (self._came_along(word) or self._looks_like_one(word)):
                doubtful.append(word)
        if doubtful:
            made = self._compute(doubtful)
            odds = made @ self._tables["gate"] + self._tables["gate_bias"]
            for word, vector, value in zip(doubtful, made, odds.tolist(), strict=True):
                hit = value > self.gate[word[0].islower()] and self._may_name(word)
                if self._came_along(word):
                    self._keep(word, vector)
                    may[word] = hit
                else:
                    fresh[word] = vector
                if hit:
                    likely.add(word)
        return frozenset(likely)

    def _looks_like_one(self, word: str) -> bool:
        """True where it is worth describing a word that did not come with the model."""
        first = word[0]
        if not first.isalpha() or len(word) == 1:
            return False
        if first.isupper() and first in _LATIN:
            return True
        # In small letters, and in scripts that the model hardly learned, only what is a known name.
        lists = self._lists.get(words.folded(word), 0)
        return bool(lists & _NAMES) and not lists & _COMMON

    def _may_name(self, word: str) -> bool:
        """False for a common word in small letters that is no known name."""
        if not word[0].isalpha():
            return False
        lists = self._lists.get(words.folded(word), 0) if word[0].islower() else 0
        return not lists & _COMMON or bool(lists & _NAMES)

    # --- the network ------------------------------------------------------------------------------

    def _names(
        self,
        text: str,
        found: Sequence[Any],
        chosen: npt.NDArray[np.int64],
        fresh: dict[str, Floats],
    ) -> list[Name]:
        # Neighbourhoods are set apart by empty words.
        breaks = np.nonzero(np.diff(chosen) > 1)[0]
        shift = np.zeros(len(chosen), dtype=np.int64)
        shift[breaks + 1] = GAP
        rows = np.arange(len(chosen)) + shift.cumsum() + GAP
        size = int(rows[-1]) + 1 + GAP
        width = self._vectors.shape[1]
        x = np.zeros((size, width), dtype=np.float32)
        taken = [found[position] for position in chosen.tolist()]
        gaps = np.empty(len(taken), dtype=np.int64)
        positions = chosen.tolist()
        for number, match in enumerate(taken):
            position = positions[number]
            before = found[position - 1].end() if position else 0
            start = match.start()
            gaps[number] = 0 if before == start else words.spacing(text[before:start])
        x[rows] = self._described([match[0] for match in taken], fresh)
        x[rows] += self._tables["spacing"][gaps]
        mask = np.zeros((size, 1), dtype=np.float32)
        mask[rows] = 1.0
        x = _normal(x, self._tables["scale"], self._tables["shift"])
        x *= mask
        for block in self._blocks:
            step = block.dilation
            joined = np.zeros((size, 3 * width), dtype=np.float32)
            joined[step:, :width] = x[:-step]
            joined[:, width : 2 * width] = x
            joined[:-step, 2 * width :] = x[step:]
            made = joined @ block.weight
            made += block.bias
            x = _normal(x + _gated(made), block.scale, block.shift)
            x *= mask
        logits = x[rows] @ self._tables["out"] + self._tables["out_bias"]
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        odds /= odds.sum(axis=1, keepdims=True)
        return self._spans(taken, positions, odds)

    def _spans(self, taken: Sequence[Any], positions: Sequence[int], odds: Floats) -> list[Name]:
        kinds = [kind for kind in self._kinds if kind in self.thresholds]
        columns = [1 + 2 * self._kinds.index(kind) for kind in kinds]
        whole = odds[:, columns] + odds[:, [column + 1 for column in columns]]
        least = np.array([self.thresholds[kind] for kind in kinds], dtype=np.float32)
        best = (whole / least).argmax(axis=1)
        order = np.arange(len(best))
        sure = whole[order, best]
        inside = sure >= least[best]
        begins = odds[order, np.array(columns)[best]] > odds[order, np.array(columns)[best] + 1]
        names: list[Name] = []
        open_kind, last, total, count = -1, -2, 0.0, 0
        first = number_before = 0
        for number in np.nonzero(inside)[0].tolist():
            kind, position = int(best[number]), positions[number]
            goes_on = position == last + 1 and kind == open_kind and not begins[number]
            if goes_on:
                total += float(sure[number])
                count += 1
            else:
                if count:
                    names.extend(
                        self._name(taken, (first, number_before), kinds[open_kind], total / count)
                    )
                first, open_kind, total, count = number, kind, float(sure[number]), 1
            last, number_before = position, number
        if count:
            names.extend(self._name(taken, (first, number_before), kinds[open_kind], total / count))
        return names

    def _name(
        self, taken: Sequence[Any], place: tuple[int, int], kind: str, probability: float
    ) -> Iterator[Name]:
        """The name without punctuation at its ends, if a word is left; `Jr.` keeps its full stop."""
        first, last = place
        while first <= last and not taken[first][0].isalnum():
            first += 1
        while last > first and not taken[last][0].isalnum() and taken[last][0] != ".":
            last -= 1
        if first > last or not any(taken[n][0].isalpha() for n in range(first, last + 1)):
            return
        least = self.thresholds[kind]
        sure = 0.5 + 0.5 * (min(1.0, probability) - least) / (1.0 - least)
        yield Name(taken[first].start(), taken[last].end(), kind, round(sure, 4))

    # --- words ------------------------------------------------------------------------------------

    def _described(self, taken: Sequence[str], fresh: dict[str, Floats]) -> Floats:
        """The vectors of words by themselves."""
        places = self._places
        missing = {w: None for w in taken if w not in places and w not in fresh}
        if missing:
            for word, vector in zip(missing, self._compute(list(missing)), strict=True):
                if self._came_along(word):
                    self._keep(word, vector)
                else:
                    fresh[word] = vector
        index = np.array([places.get(word, -1) for word in taken])
        result: Floats = self._vectors[index]
        for position in np.nonzero(index < 0)[0].tolist():
            result[position] = fresh[taken[position]]
        return result

    def _came_along(self, word: str) -> bool:
        """True for a word that came with the model, in one of three cases: so many are remembered."""
        return words.lowered(word) in self._known and (
            word.islower() or word.istitle() or word.isupper() or not word.isalpha()
        )

    def _keep(self, word: str, vector: Floats) -> None:
        place = len(self._places)
        if word in self._places:
            return
        if place == len(self._vectors):
            grown = np.zeros((2 * place, self._vectors.shape[1]), dtype=np.float32)
            grown[:place] = self._vectors
            self._vectors = grown
        self._vectors[place] = vector
        self._places[word] = place

    def _compute(self, fresh: Sequence[str]) -> Floats:
        made = [words.describe(w, known=self._known, lists=self._lists) for w in fresh]
        tables = self._tables
        grams = np.full((len(made), words.MOST_NGRAMS), -1)
        for number, each in enumerate(made):
            grams[number, : len(each.ngrams)] = each.ngrams
        there = grams >= 0
        vectors = tables["ngram"][np.maximum(grams, 0)] * there[..., None]
        ngram = vectors.sum(axis=1) / np.maximum(there.sum(axis=1, keepdims=True), 1)
        lists = np.array([each.lists for each in made])
        bits = (lists[:, None] >> np.arange(len(words.LISTS))) & 1
        joined = np.concatenate(
            [
                tables["word"][[each.word for each in made]],
                ngram,
                tables["begins"][[each.begins for each in made]],
                tables["ends"][[each.ends for each in made]],
                tables["ends_short"][[each.ends_short for each in made]],
                tables["shape"][[each.shape for each in made]],
                bits,
            ],
            axis=1,
            dtype=np.float32,
        )
        made_of: Floats = _gated(joined @ tables["mix"] + tables["mix_bias"])
        return made_of


_NAMES = words.bits(
    (
        "forename",
        "forename_us",
        "forename_any",
        "surname",
        "surname_us",
        "city",
        "country",
        "region",
    )
)
_LATIN = frozenset(chr(code) for code in range(0x250) if chr(code).isalpha())
_COMMON = words.bits(("common", "very_common"))


def _chosen(
    text: str, found: Sequence[Any], likely: frozenset[str] | None
) -> npt.NDArray[np.int64]:
    """The positions of words that the network should see: the `likely` and those around them."""
    if likely is None:
        return np.arange(len(found))
    hits = [
        position
        for position, match in enumerate(found)
        if match[0] in likely and _by_itself(text, match)
    ]
    if not hits:
        return np.zeros(0, dtype=np.int64)
    edges = np.zeros(len(found) + 2 * AROUND + 2, dtype=np.int32)
    at = np.array(hits)
    np.add.at(edges, at, 1)
    np.add.at(edges, at + 2 * AROUND + 1, -1)
    return np.nonzero(edges.cumsum()[AROUND : AROUND + len(found)] > 0)[0]


_SIGNS = frozenset("-/:")


def _by_itself(text: str, match: Any) -> bool:
    """False for a word that makes no name by itself, though it may be a part of one.

    A letter or two, and what numbers are written with: `2025-03-12T10`, `12/Mar/2025`, `Mozilla/5.0`,
    `de` in `0x4fde12`.
    """
    start, end = match.span()
    word = match[0]
    if word.isascii() and len(word) <= (2 if word[0].islower() else 1):
        return False
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:].isdecimal() or after[:1].isdecimal():
        return False
    return not (
        (before[-1:] in _SIGNS and before[:-1].isdecimal())
        or (after[:1] in _SIGNS and after[1:].isdecimal())
    )


def _widened(array: npt.NDArray[Any], step: npt.NDArray[Any] | None) -> Floats:
    """Single precision; tables come as whole numbers with a step for each row."""
    made = array.astype(np.float32)
    if step is not None:
        made *= step
    return made


def _gated(x: Floats) -> Floats:
    half = x.shape[1] // 2
    # The logistic function by way of tanh, which cannot overflow.
    made: Floats = np.tanh(x[:, half:] * np.float32(0.5))
    made += 1.0
    made *= np.float32(0.5)
    made *= x[:, :half]
    return made


def _normal(x: Floats, scale: Floats, shift: Floats) -> Floats:
    centred: Floats = x - x.mean(axis=1, keepdims=True, dtype=np.float32)
    centred /= np.sqrt(np.einsum("ij,ij->i", centred, centred)[:, None] / x.shape[1] + 1e-5)
    centred *= scale
    centred += shift
    return centred
