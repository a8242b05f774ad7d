"""How is a long text cut, so that a small change leaves most pieces as they were? Law: a cut
depends on the characters around it, not on how far it is from the beginning.

Pieces end at line ends (at white space where a line is too long) that a hash of the following
characters selects, so an insertion moves the cuts near it only. A cut never falls into a private
key. Every piece is scanned with a margin on both sides, for context words and for matches that
cross the cut.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

SHORT = 12_000
"""Texts up to this many code points are one piece."""

LEAST, MOST = 2_000, 12_000
ONE_IN = 16
"""Of the line ends after `LEAST`, one in so many is a cut: pieces of about 3 KB of prose."""

MARGIN = 400
"""Code points beside a piece that are scanned with it."""

KEY_REACH = 16_000
"""Longest private key in code points that is kept in one piece (RSA of 16,384 bits has 13,000)."""

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]*-----|Private-MAC: ")


@dataclass(frozen=True, slots=True)
class Piece:
    """Owns the matches that start in `start:end`; is scanned as `left:right`."""

    start: int
    end: int
    left: int
    right: int


def pieces(text: str) -> list[Piece]:
    """Cut `text`; the pieces cover it in order without gaps."""
    size = len(text)
    if size <= SHORT:
        return [Piece(0, size, 0, size)]
    # Of ASCII, a slice is its own encoding.
    data = text.encode("ascii") if text.isascii() else None
    keys = _keys(text)
    result, start, key = [], 0, 0
    while start < size:
        end = _cut(text, data, start)
        while key < len(keys) and keys[key][1] <= end:
            key += 1
        if key < len(keys) and keys[key][0] < end:
            end = keys[key][1]
        right = min(size, end + MARGIN)
        result.append(Piece(start, end, max(0, start - MARGIN), right))
        start = end
    return result


def _keys(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    if "-----BEGIN " not in text and "PuTTY-User-Key-File-" not in text:
        return spans  # known sooner than by the pattern
    at = 0
    while begin := _KEY_BEGIN.search(text, at):
        limit = min(len(text), begin.start() + KEY_REACH)
        end = _KEY_END.search(text, begin.end(), limit)
        at = end.end() + 1 if end else begin.end()
        if end:
            spans.append((begin.start(), min(len(text), at + 100)))
    return spans


def _hash(text: str, data: bytes | None, at: int) -> int:
    """Of the 24 characters from `at`; `data` is the text as bytes if it is ASCII."""
    if data is not None:
        return zlib.crc32(data[at : at + 24])
    return zlib.crc32(text[at : at + 24].encode("utf-8", "surrogatepass"))


def _cut(text: str, data: bytes | None, start: int) -> int:
    size = len(text)
    least, most = start + LEAST, start + MOST
    if size - start <= MOST:
        # The rest may be one piece, but a text that grows at its end should not change this cut.
        most = size
    at = least
    while (at := text.find("\n", at, most)) >= 0:
        at += 1
        if _hash(text, data, at) % ONE_IN == 0:
            return at
    if most == size:
        return size
    last = text.rfind("\n", least, most)
    if last >= 0:
        return last + 1
    at = least
    while (at := text.find(" ", at, most)) >= 0:
        at += 1
        if _hash(text, data, at) % (8 * ONE_IN) == 0:
            return at
    last = text.rfind(" ", least, most)
    return last + 1 if last >= 0 else most
