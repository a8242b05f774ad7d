"""Which texts in a row may hold one value between them? Law: a chain is no longer than what a value
can take, and tells for each of its characters where it stands.

Chat messages, list items and blocks of content are parts of their own; a value that is cut over them
is in none. What ends one part and begins the next is joined where both look like pieces of a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TAIL, HEAD = 120, 48
"""Code points before the first cut, for words that speak for a value, and of every later part. The words
may stand in the text before."""

PARTS = 24
"""Parts of a chain."""

_ENDS = re.compile(r"[\w@.+/=-]*[\w@-](?P<gap>[ -]?)$")
_BEGINS = re.compile(r"[ -]?(?P<word>[\w@.][\w@.+/=-]*)")


@dataclass(frozen=True, slots=True)
class Chain:
    """Pieces of texts as one text; `pieces` are the number of the text, and where it was cut.

    The first `lead` code points are no piece: words of the text before, which may speak for a value.
    """

    text: str = field(repr=False)
    pieces: tuple[tuple[int, int, int], ...]
    lead: int = 0

    def places(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The number of the text, start and end for each part of `start:end`; none for words before."""
        found, at = [], self.lead
        if start < at:
            return []
        for number, first, last in self.pieces:
            size = last - first
            left, right = max(start, at), min(end, at + size)
            if left < right:
                found.append((number, first + left - at, first + right - at))
            at += size
        return found


def chains(texts: Sequence[str]) -> Iterator[Chain]:
    """What may be one value over `texts`, which stand in this order."""
    at = 0
    while at + 1 < len(texts):
        if not joins(texts[at], texts[at + 1]):
            at += 1
            continue
        first = texts[at]
        lead = _words_before(texts, at)
        pieces = [(at, max(0, len(first) - TAIL), len(first))]
        while at + 1 < len(texts) and len(pieces) < PARTS and joins(texts[at], texts[at + 1]):
            at += 1
            pieces.append((at, 0, min(HEAD, len(texts[at]))))
            if len(texts[at]) > HEAD:
                break
        text = "".join(texts[number][left:right] for number, left, right in pieces)
        yield Chain(lead + text, tuple(pieces), len(lead))


def _words_before(texts: Sequence[str], at: int) -> str:
    """The end of the text before number `at`, where that leaves room: `Card number:`, `4111 `, `1111 `."""
    room = TAIL - len(texts[at])
    return f"{texts[at - 1][-room:]}\n" if at and room > 0 else ""


def joins(left: str, right: str) -> bool:
    """May a value go on from the end of `left` to the beginning of `right`?"""
    ends, begins = _ENDS.search(left[-60:]), _BEGINS.match(right[:60])
    if ends is None or begins is None:
        return False
    head, tail = ends[0].rstrip(), begins["word"]
    if head[-1].isdigit() and tail[0].isdigit():
        return True
    if ends["gap"] == " " or right[0] == " ":
        return False
    return "@" in head or tail[0] == "@" or (_mixed(head) and _mixed(tail))


def _mixed(word: str) -> bool:
    return len(word) >= 4 and (word.isupper() or any(map(str.isdigit, word)))
