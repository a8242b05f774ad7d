"""Where does a text name people, places and organisations? Law: the same text gives the same names,
whatever was scanned before it, and no word of a text outlives the call unless it came with the model
or is built into Python.

A small convolutional network over words, run with NumPy alone. What it makes of a word by itself is
remembered for those words, and so is whether the word can be part of a name (the gate): only the
neighbourhoods of words that can reach the costly layers. Training is told in
`training/names/README.md`, the model in `models/names.md`.
"""

from __future__ import annotations

import builtins
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.detectors import name_words as words

type Floats = npt.NDArray[np.float32]

AROUND = 8
"""Words on either side of a possible name that the network sees with it: as far as it looks."""

MOST = 4_096
"""Words that go through the network at once."""

GATE = (-2.0, -1.2)
"""Least log-odds of a word by itself to be part of a name: with a capital, and without."""

THRESHOLDS: Mapping[str, float] = {"PER": 0.2, "LOC": 0.4, "ORG": 0.5}
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
    """A layer. Its gated unit is halved in advance, weight and bias (`_halved`)."""

    weight: Floats
    bias: Floats
    scale: Floats
    shift: Floats
    dilation: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Words that the network sees: where each is, its number in the text, the kind of gap before it.

    The numbers of words side by side follow on each other; between neighbourhoods one is left out.
    """

    words: list[re.Match[str]]
    numbers: list[int]
    gaps: list[int]


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
        full["mix"], full["mix_bias"] = _halved(full["mix"]), _halved(full["mix_bias"])
        full["ngram"] = np.concatenate([full["ngram"], np.zeros_like(full["ngram"][:1])])
        self._tables = full
        self._blocks = [
            _Block(
                _halved(full[f"block{number}_weight"]),
                _halved(full[f"block{number}_bias"]),
                full[f"block{number}_scale"],
                full[f"block{number}_shift"],
                dilation,
            )
            for number, dilation in enumerate(about["dilations"])
        ]
        self._steps = sorted({block.dilation for block in self._blocks})
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
        if self.gate is None:
            regions = [(0, len(text))]
        else:
            said = words.letters(text)
            likely = self._likely(said, fresh)
            regions = _regions(text, _hits(text, said, likely)) if likely else []
        names: list[Name] = []
        for chosen in _chosen(text, regions):
            names.extend(self._names(chosen, fresh))
        return names

    # --- the gate ---------------------------------------------------------------------------------

    def _likely(self, said: Sequence[str], fresh: dict[str, Floats]) -> set[str]:
        """The words of those `said` of which the network should see the neighbourhoods.

        Only words of letters can begin a name, so that numbers are not even looked up: in a large
        table they are most of the words. Vectors of words that had to be described are put into
        `fresh`.
        """
        gate = self.gate or GATE
        may = self._may
        likely: set[str] = set()
        doubtful: list[str] = []
        for word in dict.fromkeys(said):
            answer = may.get(word)
            if answer:
                likely.add(word)
            elif answer is None and (self._came_along(word) or self._looks_like_one(word)):
                doubtful.append(word)
        if doubtful:
            made = self._compute(doubtful)
            odds = made @ self._tables["gate"] + self._tables["gate_bias"]
            for word, vector, value in zip(doubtful, made, odds.tolist(), strict=True):
                hit = value > gate[word[0].islower()] and self._may_name(word)
                if self._came_along(word):
                    self._keep(word, vector)
                    may[word] = hit
                else:
                    fresh[word] = vector
                if hit:
                    likely.add(word)
        return likely

    def _looks_like_one(self, word: str) -> bool:
        """True where it is worth describing a word that did not come with the model."""
        first = word[0]
        if not first.isalpha() or len(word) == 1 or _too_short(word):
            return False
        if first.isupper() and first in _LATIN:
            return True
        # In small letters, and in scripts that the model hardly learned, only what is a known name.
        lists = self._lists.get(words.folded(word), 0)
        return bool(lists & _NAMES) and not lists & _COMMON

    def _may_name(self, word: str) -> bool:
        """False for a letter or two, and for a common word in small letters that is no known name."""
        if not word[0].isalpha() or _too_short(word):
            return False
        lists = self._lists.get(words.folded(word), 0) if word[0].islower() else 0
        return not lists & _COMMON or bool(lists & _NAMES)

    # --- the network ------------------------------------------------------------------------------

    def _names(self, chosen: _Chosen, fresh: dict[str, Floats]) -> list[Name]:
        taken = chosen.words
        count = len(taken)
        tables = self._tables
        # The last row stays empty: it stands for words that are not there.
        x = np.zeros((count + 1, self._vectors.shape[1]), dtype=np.float32)
        inner = x[:count]
        self._describe([match[0] for match in taken], fresh, out=inner)
        inner += tables["spacing"].take(chosen.gaps, axis=0)
        _normalise(inner, tables["scale"], tables["shift"])
        windows = dict(zip(self._steps, _windows(chosen.numbers, self._steps), strict=True))
        for block in self._blocks:
            seen = x.take(windows[block.dilation], axis=0).reshape(count, -1)
            made = seen @ block.weight
            made += block.bias
            inner += _gated(made)
            _normalise(inner, block.scale, block.shift)
        logits = inner @ tables["out"]
        logits += tables["out_bias"]
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits, out=logits)
        odds /= odds.sum(axis=1, keepdims=True)
        return self._spans(taken, chosen.numbers, odds)

    def _spans(
        self, taken: Sequence[re.Match[str]], positions: Sequence[int], odds: Floats
    ) -> list[Name]:
        kinds = [kind for kind in self._kinds if kind in self.thresholds]
        columns = [1 + 2 * self._kinds.index(kind) for kind in kinds]
        whole = odds[:, columns] + odds[:, [column + 1 for column in columns]]
        least = np.array([self.thresholds[kind] for kind in kinds], dtype=np.float32)
        if not (whole >= least).any():
            return []
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

    def _describe(self, taken: Sequence[str], fresh: dict[str, Floats], *, out: Floats) -> None:
        """Put the vectors of words by themselves into `out`."""
        places = self._places
        missing = {w: None for w in taken if w not in places and w not in fresh}
        if missing:
            for word, vector in zip(missing, self._compute(list(missing)), strict=True):
                if self._came_along(word):
                    self._keep(word, vector)
                else:
                    fresh[word] = vector
        self._vectors.take([places.get(word, 0) for word in taken], axis=0, out=out, mode="clip")
        for position, word in enumerate(taken):
            if word in fresh:
                out[position] = fresh[word]

    def _came_along(self, word: str) -> bool:
        """True for a word that came with the model, in one of three cases: so many are remembered.

        And for what is built into Python: `ValueError` stands in every other piece of code.
        """
        return word in _BUILT_IN or (
            words.lowered(word) in self._known
            and (word.islower() or word.istitle() or word.isupper() or not word.isalpha())
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
        # Places that are left take the last row, an empty one.
        grams = np.full((len(made), words.MOST_NGRAMS), words.NGRAMS)
        for number, each in enumerate(made):
            grams[number, : len(each.ngrams)] = each.ngrams
        ngram = tables["ngram"].take(grams, axis=0).sum(axis=1)
        ngram /= np.array([[max(1, len(each.ngrams))] for each in made], dtype=np.float32)
        lists = np.array([[each.lists] for each in made])
        joined = np.concatenate(
            [
                tables["word"].take([each.word for each in made], axis=0),
                ngram,
                tables["begins"].take([each.begins for each in made], axis=0),
                tables["ends"].take([each.ends for each in made], axis=0),
                tables["ends_short"].take([each.ends_short for each in made], axis=0),
                tables["shape"].take([each.shape for each in made], axis=0),
                (lists >> _BITS) & 1,
            ],
            axis=1,
            dtype=np.float32,
        )
        mixed = joined @ tables["mix"]
        mixed += tables["mix_bias"]
        return _gated(mixed)


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
_BUILT_IN = frozenset(dir(builtins))
_LATIN = frozenset(chr(code) for code in range(0x250) if chr(code).isalpha())
_COMMON = words.bits(("common", "very_common"))


_SIGNS = frozenset("-/:")
_BITS = np.arange(len(words.LISTS))


# --- neighbourhoods -------------------------------------------------------------------------------


def _too_short(word: str) -> bool:
    """True for a word that makes no name by itself, though it may be a part of one."""
    return word.isascii() and len(word) <= (2 if word[0].islower() else 1)


def _hits(text: str, said: Sequence[str], likely: set[str]) -> Iterator[tuple[int, int]]:
    """The places of the `likely` ones among the words that `text` is known to say, in its order."""
    end = 0
    for word in said:
        if word in likely:
            start = text.find(word, end)
            end = start + len(word)
            while (start and words.LETTER.match(text, start - 1)) or words.LETTER.match(text, end):
                start = text.find(word, start + 1)  # so far it was a part of another word
                end = start + len(word)
            if _by_itself(text, start, end):
                yield start, end


def _by_itself(text: str, start: int, end: int) -> bool:
    """False for what numbers are written with.

    `2025-03-12T10`, `12/Mar/2025`, `Mozilla/5.0`, `de` in `0x4fde12`.
    """
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:].isdecimal() or after[:1].isdecimal():
        return False
    return not (
        (before[-1:] in _SIGNS and before[:-1].isdecimal())
        or (after[:1] in _SIGNS and after[1:].isdecimal())
    )


def _regions(text: str, hits: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The neighbourhoods of `hits`, from the end of the word before each to the end of its last.

    INVARIANT: there is a word between two of them, so that words of two are never side by side.
    """
    regions: list[tuple[int, int]] = []
    left, reached = 0, -1
    for start, end in hits:
        if start > reached:
            begins = _behind(text, start)
            if begins > reached:
                if reached >= 0:
                    regions.append((left, reached))
                left = begins
        reached = end
        for match in islice(words.WORD.finditer(text, end), AROUND):
            reached = match.end()
    if reached >= 0:
        regions.append((left, reached))
    return regions


def _behind(text: str, start: int) -> int:
    """Where the last word before those `AROUND` ends that stand before `start`; 0 without one."""
    reach = 16 * AROUND
    while True:
        # Runs are the same when read from their end.
        back = words.WORD.finditer(text[max(0, start - reach) : start][::-1])
        match = next(islice(back, AROUND, None), None)
        if match is not None:
            return start - match.start()
        if reach >= start:
            return 0
        reach *= 4


def _chosen(text: str, regions: Iterable[tuple[int, int]]) -> Iterator[_Chosen]:
    """The words of these `regions`, `MOST` at a time."""
    chosen = _Chosen([], [], [])
    number = 0
    for left, right in regions:
        reached = left
        for match in words.WORD.finditer(text, left, right):
            start, end = match.span()
            chosen.words.append(match)
            chosen.numbers.append(number)
            chosen.gaps.append(0 if start == reached else words.spacing(text[reached:start]))
            reached = end
            number += 1
            if len(chosen.words) == MOST:
                yield chosen
                chosen = _Chosen([], [], [])
        number += 1
    if chosen.words:
        yield chosen


def _windows(numbers: Sequence[int], steps: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each of `steps` the rows of the words so far before each, itself, and so far behind.

    One beyond all rows stands for a word that is not there.
    """
    count, far = len(numbers), max(steps)
    shift = np.array([[(-step, 0, step)] for step in steps])
    padded = np.full(count + 2 * far, -2 * far)
    padded[far : far + count] = numbers
    rows = np.arange(count)[:, None] + shift
    there = padded.take(rows + far) - padded[far : far + count, None] == shift
    return np.where(there, rows, count)


# --- arithmetic -----------------------------------------------------------------------------------


def _widened(array: npt.NDArray[Any], step: npt.NDArray[Any] | None) -> Floats:
    """Single precision; tables come as whole numbers with a step for each row."""
    made = array.astype(np.float32)
    if step is not None:
        made *= step
    return made


def _halved(weights: Floats) -> Floats:
    """Weights of a gated linear unit as `_gated` wants them."""
    return weights * np.float32(0.5)


def _gated(x: Floats) -> Floats:
    """Half of the values decide how much of the other half passes; `x` comes from halved weights.

    The logistic function by way of tanh, which cannot overflow: `(1 + tanh(x / 2)) / 2`.
    """
    half = x.shape[1] // 2
    made: Floats = np.tanh(x[:, half:])
    made += 1.0
    made *= x[:, :half]
    return made


def _normalise(x: Floats, scale: Floats, shift: Floats) -> None:
    """Layer normalisation, in place."""
    width = x.shape[1]
    x -= np.add.reduce(x, axis=1, keepdims=True) / width
    spread = np.einsum("ij,ij->i", x, x)
    spread /= width
    spread += 1e-5
    x /= np.sqrt(spread, out=spread)[:, None]
    x *= scale
    x += shift
