"""Is a run of words the seed of a wallet? Law: who has these words has the money, so a run is found
with numbers between its words, over lines, and in any case.

BIP 39: 12, 15, 18, 21 or 24 words of a list of 2,048, of which the last bits are a checksum. With
the right checksum a run is certain; without it (a word mistyped, or left out) it counts where a
word speaks for it. https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import regex

from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import Raw, matches

LENGTHS = (24, 21, 18, 15, 12)

SHORT_RUN = 40
"""Up to so many words of the list in a row are one seed with what leads to it."""

_FILE = Path(__file__).with_name("identifiers") / "bip39_english.txt"
# Words of the list have three to eight letters; between them stand spaces, commas, quotes, numbers.
_BETWEEN = r"[\s,;|\"'0-9.)(\[\]:-]{1,8}"
_RUN = rf"(?<![\w])[A-Za-z]{{3,8}}(?:{_BETWEEN}[A-Za-z]{{3,8}}){{11,}}(?![\w])"
_SHAPE = rf"[A-Za-z]{{3,8}}(?:{_BETWEEN}[A-Za-z]{{3,8}}){{11}}"
REACH = 600
"""Code points after the wanted ones in which a run goes on."""

_LETTERS = bytes(ord(chr(code).lower()) if chr(code).isalpha() else 32 for code in range(128)) + (
    b" " * 128
)
"""Small letters for letters, spaces for all else, in ASCII."""


@functools.cache
def words() -> dict[str, int]:
    """The list, each word with its place."""
    return {word: at for at, word in enumerate(_FILE.read_text().split())}


_WORD = regex.compile(r"[A-Za-z]+")
_GAP = regex.compile(_BETWEEN)


def begun(text: str) -> int | None:
    """Where a run of six words of the list or more begins that reaches the end of `text`, if one does.

    A text that still comes may go on with the rest of the seed; its last word may not be whole.
    """
    base = max(0, len(text) - REACH)
    tail = text[base:]
    found = [(each.start(), each.end(), each[0].lower()) for each in _WORD.finditer(tail)]
    edge = len(tail)
    if found and found[-1][1] == edge:
        edge = found.pop()[0]
    first, count = None, 0
    for start, end, word in reversed(found):
        if word not in words() or ((count or edge > end) and not _GAP.fullmatch(tail[end:edge])):
            break
        first, edge, count = start, start, count + 1
    return None if first is None or count < 6 else base + first


def is_seed(phrase: Sequence[str]) -> bool:
    """True for words of the list, in a right number, whose checksum fits."""
    places = [words().get(word.lower()) for word in phrase]
    if len(phrase) not in LENGTHS or None in places:
        return False
    bits = 0
    for place in places:
        bits = bits << 11 | (place or 0)
    check = len(phrase) // 3
    entropy = (bits >> check).to_bytes(4 * check, "big")
    return hashlib.sha256(entropy).digest()[0] >> (8 - check) == bits & ((1 << check) - 1)


class SeedProbe:
    """Runs of words that are, or might be, a seed."""

    name = "SeedPhrase"
    entity = "SEED_PHRASE"
    strongest = 1.0
    expressions = (Expression(_SHAPE),)  # located it would be told of every word

    def __init__(self) -> None:
        words()
        self.vocabulary = Vocabulary(
            ("seed", "mnemonic", "recovery", "wallet", "backup phrase", "bip39", "secret phrase")
        )
        self._run = regex.compile(_RUN)
        self._word = regex.compile(r"[A-Za-z]{3,8}")
        self._listed = frozenset(word.encode() for word in words())

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Seeds that start in `text[start:end]`."""
        known = words()
        # Ordinary words in a row are many, twelve of the list are not: told at once.
        there = text[start : end + REACH].encode("ascii", "replace").translate(_LETTERS).split()
        if not self._enough(there):
            return
        for run in matches(self._run, text, start, end, reach=REACH):
            listed: list[tuple[int, int]] = []
            for word in (*self._word.finditer(text, run.start(), run.end()), None):
                if word is not None and word[0].lower() in known:
                    listed.append(word.span())
                    continue
                yield from self._in(text, listed, around)
                listed = []

    def _enough(self, words: Sequence[bytes]) -> bool:
        """Are so many words in a row of the list as a seed has? Then each such place holds one."""
        known, least = self._listed, LENGTHS[-1]
        at = least - 1
        while at < len(words):
            if words[at] in known:
                first = at
                while first and words[first - 1] in known:
                    first -= 1
                last = at + 1
                while last < len(words) and last - first < least and words[last] in known:
                    last += 1
                if last - first >= least:
                    return True
                at = last
            at += least
        return False

    def _in(self, text: str, listed: Sequence[tuple[int, int]], around: Context) -> Iterator[Raw]:
        """Seeds in neighbouring words of the list.

        "Seed" and "phrase" are in the list, so where a seed begins is not always to be seen: a
        short run is reported as a whole.
        """
        run = [text[start:end].lower() for start, end in listed]
        count = len(run)
        # Words of a seed are drawn: `one zero one one` is none, nor is the list itself.
        if count < LENGTHS[-1] or run == sorted(run) or 2 * len(set(run)) < count:
            return
        seeds = list(_seeds(run))
        if count <= SHORT_RUN:
            if seeds:
                yield Raw(listed[0][0], listed[-1][1], 1.0, self.entity, self)
            elif around.speaks(self.vocabulary, listed[0][0], listed[-1][1]) or run[0] in {
                "seed",
                "phrase",
            }:
                yield Raw(listed[0][0], listed[-1][1], 0.8, self.entity, self, settled=True)
            return
        for first, last in seeds:
            yield Raw(listed[first][0], listed[last - 1][1], 1.0, self.entity, self)


def _seeds(run: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of valid seeds in a run, from the left, the longest first, without overlap."""
    at = 0
    while at + LENGTHS[-1] <= len(run):
        length = next((n for n in LENGTHS if is_seed(run[at : at + n])), 0)
        if length:
            yield at, at + length
        at += length or 1
