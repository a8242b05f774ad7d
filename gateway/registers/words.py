"""How is a text read as words, however it is written? The same for what is registered and what is sent.

Law: what two spellings of one value share is their form, and the form alone is ever compared. Letter
case, accents, compatibility forms (NFKC), apostrophes and invisible characters do not count;
whatever is no letter or digit stands between words. Where a value has a digit, what stands between
its words does not count either: `DE89 3704` is `DE893704`.

Scripts that put no spaces between words have a word per character.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_BREAK, _JOIN = 0, 1
"""What stands between words, and what stands within one and does not count, in place of a code."""

_SINGLE, _SPECIAL = 1 << 24, 1 << 25
"""Flags: a word by itself; a character that stands for several, or joins with the one before."""

_CODE = (1 << 24) - 1

_JOINS = frozenset("'’‘ʼ`´＇\u00ad")

# Han, kana, Hangul syllables, Thai, Lao, Myanmar, Khmer: first and last code points.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1100, 0x11FF),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)

_DIGIT = re.compile(r"\d")

_BLOCK = 256
_CODES = 0x110000


def _fold(text: str, *, cased: bool = False) -> str:
    bare = "".join(
        char for char in unicodedata.normalize("NFKD", text) if not "\u0300" <= char <= "\u036f"
    )
    return unicodedata.normalize("NFKC", bare if cased else bare.casefold())


def _class(char: str) -> int:
    """A folded character's own code with its flags, `_BREAK` or `_JOIN`."""
    code = ord(char)
    if char in _JOINS or "\u0300" <= char <= "\u036f":
        return _JOIN
    kind = unicodedata.category(char)
    if kind == "Cf":
        return _JOIN
    if kind[0] not in "LNM":
        return _BREAK
    if any(first <= code <= last for first, last in _UNSPACED):
        return code | _SINGLE
    return code


def _entry(code: int) -> int:
    char = chr(code)
    if 0xD800 <= code < 0xE000:
        return _BREAK
    if _class(char) == _JOIN:
        return _JOIN
    if _composes(char):
        return _SPECIAL
    classes = {_class(each) for each in _fold(char)}
    if classes == {_BREAK}:
        return _BREAK
    return classes.pop() if len(_fold(char)) == 1 else _SPECIAL


def _composes(char: str) -> bool:
    """Whether it may become one character with what stands before it."""
    code = ord(char)
    if 0x1100 <= code <= 0x11FF or code in {0x3099, 0x309A, 0xFF9E, 0xFF9F}:
        return True
    return unicodedata.combining(char) != 0 and not unicodedata.is_normalized(
        "NFC", "\u0bc6" + char
    )


class _Table:
    """What each code point becomes; filled by blocks, as they are met."""

    def __init__(self) -> None:
        self.entries = np.zeros(_CODES, np.uint32)
        self._known = np.zeros(_CODES // _BLOCK, bool)
        self.know(np.array([0], np.uint32))
        # For bytes of ASCII; the others do not come up.
        self.ascii = self.entries[:128].astype(np.uint8).tobytes() + bytes(128)

    def know(self, codes: NDArray[np.uint32]) -> None:
        blocks = np.unique(codes >> 8)
        for block in blocks[~self._known[blocks]]:
            first = int(block) * _BLOCK
            self.entries[first : first + _BLOCK] = [_entry(first + i) for i in range(_BLOCK)]
            self._known[block] = True


@functools.cache
def _table() -> _Table:
    return _Table()


type Letters = NDArray[np.uint8] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A text without what does not count.

    `letters` are its folded letters and digits, as code points; `first` and `last` say which code
    points of the text each stands for. `starts` and `ends` are the words, in `letters`.
    """

    letters: Letters = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    last: NDArray[np.int64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Words:
        """The words of `text`."""
        # Short texts are many: each call of numpy counts here.
        if text.isascii():
            folded = text.encode().translate(_table().ascii)
            entries = np.frombuffer(folded, np.uint8)
            kept = (entries > _JOIN).nonzero()[0]
            breaks = (entries == _BREAK).cumsum()[kept] if b"\x01" in folded else None
            letters = entries[kept]
            return cls(letters, kept, kept + 1, *_bounds(kept, breaks, None))
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        table = _table()
        table.know(codes)
        wide = table.entries[codes]
        special = (wide & _SPECIAL).nonzero()[0]
        if len(special):
            wide, first, last = _expanded(text, wide, special)
        else:
            first = np.arange(len(wide))
            last = first + 1
        kept = (wide > _JOIN).nonzero()[0]
        breaks = (wide == _BREAK).cumsum()[kept] if (wide == _JOIN).any() else None
        found = wide[kept]
        single = found >= _SINGLE
        alone = single if single.any() else None
        if alone is not None:
            found &= np.uint32(_CODE)
        return cls(found, first[kept], last[kept], *_bounds(kept, breaks, alone))

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where `letters[start:end]` stand in the text."""
        return int(self.first[start]), int(self.last[end - 1])

    def text(self, start: int, end: int) -> str:
        """`letters[start:end]` as text."""
        encoding = "ascii" if self.letters.itemsize == 1 else "utf-32-le"
        return self.letters[start:end].tobytes().decode(encoding)

    def form(self, word: int, count: int) -> str:
        """The form of `count` words from number `word` on."""
        return self.form_of(word, count, int(self.starts[word]), int(self.ends[word + count - 1]))

    def form_of(self, word: int, count: int, start: int, end: int) -> str:
        """The same, of whom knows that they are `letters[start:end]`."""
        whole = self.text(start, end)
        if count == 1 or has_digit(whole):
            return whole
        marks = (self.starts[word : word + count] - start).tolist()
        return " ".join(
            whole[left:right] for left, right in zip(marks, [*marks[1:], end - start], strict=True)
        )


def _bounds(
    kept: NDArray[np.int64], breaks: NDArray[np.int64] | None, single: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends of words, in letters that stand at `kept`.

    Between neighbours that are apart stands a break; or, where `breaks` counts those, what joins them.
    """
    if not len(kept):
        return kept, kept
    begins = np.empty(len(kept), bool)
    begins[0] = True
    if breaks is None:
        np.greater(kept[1:] - kept[:-1], 1, out=begins[1:])
    else:
        np.not_equal(breaks[1:], breaks[:-1], out=begins[1:])
    if single is not None:
        begins |= single
        begins[1:] |= single[:-1]
    starts = begins.nonzero()[0]
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:]
    ends[-1] = len(kept)
    return starts, ends


def _expanded(
    text: str, entries: NDArray[np.uint32], special: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """The same for texts with characters that stand for several, or join with others."""
    parts: list[NDArray[np.uint32]] = []
    firsts: list[NDArray[np.int64]] = []
    lasts: list[NDArray[np.int64]] = []
    done = 0

    def plain(upto: int) -> None:
        places = np.arange(done, upto)
        parts.append(entries[done:upto])
        firsts.append(places)
        lasts.append(places + 1)

    for at in special.tolist():
        if at < done:
            continue
        start, end = at, at + 1
        while start > done and _follows(text[start]):
            start -= 1
        while end < len(text) and _follows(text[end]):
            end += 1
        plain(start)
        folded = [_class(char) for char in _fold(text[start:end]) or text[start:end]]
        parts.append(np.array(folded, np.uint32))
        firsts.append(np.full(len(folded), start))
        lasts.append(np.full(len(folded), end))
        done = end
    plain(len(text))
    return np.concatenate(parts), np.concatenate(firsts), np.concatenate(lasts)


def _follows(char: str) -> bool:
    """Whether it belongs to what stands before it."""
    return not char.isascii() and bool(unicodedata.combining(char) or _composes(char))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Characters with what joins them."""
    start = 0
    for at in range(1, len(text)):
        if not _follows(text[at]):
            yield start, at
            start = at
    if text:
        yield start, len(text)


def has_digit(text: str) -> bool:
    """Whether what stands between the words of `text` does not count."""
    return _DIGIT.search(text) is not None


def cased_form(text: str) -> str:
    """The form of a text of which letter case counts."""
    return form_of(words_of(text, cased=True))


def words_of(text: str, *, cased: bool = False) -> list[str]:
    """The words of a short text, as `Words` sees them."""
    if text.isascii():
        clean = text.translate(_ASCII)
        return (clean if cased else clean.lower()).split()
    words: list[str] = []
    within = False
    for start, end in _clusters(text):
        cluster = text[start:end]
        for char in _fold(cluster, cased=cased) or cluster:
            entry = _class(char)
            if entry == _JOIN:
                continue
            if entry == _BREAK:
                within = False
            elif entry & _SINGLE:
                words.append(char)
                within = False
            elif within:
                words[-1] += char
            else:
                words.append(char)
                within = True
    return words


_ASCII = {
    code: None if chr(code) in _JOINS else " " for code in range(128) if not chr(code).isalnum()
}


def form_of(words: Sequence[str]) -> str:
    """The form of these words."""
    whole = "".join(words)
    return whole if has_digit(whole) else " ".join(words)
