"""What does the name model know of a word by itself? Law: training and scanning read words the same
way, so both use this module.

A text is read as words: runs of letters, runs of digits, single other characters. Each word has a
description made of parts that are looked up in tables: the word itself if it is known, the
character n-grams in it, its beginning and end, its shape, and the lists that it stands in.
"""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
"""One word. White space is none."""

LETTERS = re.compile(r"[^\W\d_]+")
"""The words of letters among these, and only these can begin a name."""

LETTER = re.compile(r"[^\W\d_]")

_PLAIN = bytes(code if chr(code).isalpha() else ord(" ") for code in range(128)) + bytes(128)
_FOREIGN = re.compile("[A-Za-z\x80-\U0010ffff]+")

NGRAMS = 1 << 15
"""Buckets of character n-grams."""

AFFIXES = 1 << 12
"""Buckets of beginnings, and of ends."""

MOST_NGRAMS = 14
SHAPES = 64
LISTS = (
    "forename", "forename_us", "forename_any", "surname", "surname_us", "surname_any",
    "city", "city_part", "country", "region", "common", "very_common",
)  # fmt: skip
"""The lists that a word can stand in, by bit."""

SPACINGS = 6
"""What stands before a word: nothing, a space, spaces, a line break, several, a tab."""


@dataclass(frozen=True, slots=True)
class Word:
    """A description: indices into the tables. `word` is 0 for one that is not known."""

    word: int
    ngrams: tuple[int, ...]
    begins: int
    ends: int
    ends_short: int
    shape: int
    lists: int


def letters(text: str) -> list[str]:
    """What `LETTERS.findall(text)` gives, in a fraction of its time: the class is slow to ask."""
    if text.isascii():
        return text.encode().translate(_PLAIN).decode().split()
    found: list[str] = []
    for run in _FOREIGN.findall(text):
        if run.isascii():
            found.append(run)
        else:
            found += LETTERS.findall(run)
    return found


def lowered(word: str) -> str:
    """The word as it is looked up."""
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).lower()


def folded(word: str) -> str:
    """The lower-case word without marks: `José` is in the lists as `jose`."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in apart if not unicodedata.combining(c)) or word.lower()


_UPPER, _LOWER, _DIGIT, _OTHER = 1, 2, 3, 0


def shape_of(word: str) -> int:
    """How a word looks: its cases, and for one character that is no letter which one it is."""
    first = word[0]
    if first.isdecimal():
        return 1 + min(len(word), 9)
    if not first.isalpha():
        at = _SIGNS.find(first)
        return 20 + at if at >= 0 else 11
    if word.islower():
        return 12
    if word.isupper():
        return 13 if len(word) == 1 else 14 if len(word) < 5 else 15
    if word[1:].islower():
        return 16
    if first.isupper():
        return 17
    return 18 if any(c.isupper() for c in word) else 19  # 19: a script without cases


_SIGNS = ".,:;!?'\"()[]{}<>@#$%&*-_+=/\\|`~^’“”‘–—•…€£"


def _bucket(text: str, size: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % size


@functools.cache
def _cuts(size: int) -> tuple[slice, ...]:
    """Where the n-grams of a framed word of so many characters are."""
    cuts = [slice(at, at + n) for n in (3, 4) for at in range(max(1, size - n + 1))]
    return tuple(cuts[:MOST_NGRAMS])


def _ngrams(framed: str) -> tuple[int, ...]:
    cuts = _cuts(len(framed))
    if framed.isascii():  # a character is a byte
        data = framed.encode()
        return tuple([zlib.crc32(data[cut]) % NGRAMS for cut in cuts])
    return tuple([_bucket(framed[cut], NGRAMS) for cut in cuts])


def describe(word: str, *, known: Mapping[str, int], lists: Mapping[str, int]) -> Word:
    """The description of `word`, given the numbers of known words and the lists of folded words."""
    lower, plain = lowered(word), folded(word)
    framed = f"<{plain[:16]}>"
    return Word(
        word=known.get(lower, 0),
        ngrams=_ngrams(framed) if word[0].isalpha() else (),
        begins=_bucket("b" + plain[:3], AFFIXES),
        ends=_bucket("e" + plain[-3:], AFFIXES),
        ends_short=_bucket("s" + plain[-2:], AFFIXES),
        shape=shape_of(word),
        lists=lists.get(plain, 0),
    )


def spacing(gap: str) -> int:
    """The kind of white space between two words."""
    if not gap:
        return 0
    if gap == " ":
        return 1
    breaks = gap.count("\n")
    if breaks:
        return 3 if breaks == 1 else 4
    return 5 if "\t" in gap else 2


@functools.cache
def bits(names: Iterable[str]) -> int:
    """The lists as bits."""
    return sum(1 << LISTS.index(name) for name in names)
