"""Which of a company's own words stand in a text? Law: one pass over the text, however many words.

The longest word of each term is looked for by the multi-pattern matcher, all at once, in the text
in lower case; around each hit the whole term is compared. Terms stand as whole words; the white
space between their words may be any.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hyperscan
import regex

_SLACK = 40
"""White space beyond one character per gap that a term may have, in code points."""


def pattern(term: str, *, match_case: bool) -> regex.Pattern[str]:
    """The term as whole words, with any white space where it has some."""
    words = r"\s+".join(regex.escape(word) for word in term.split())
    left = r"(?<!\w)" if re.match(r"\w", term) else ""
    right = r"(?!\w)" if re.search(r"\w$", term) else ""
    return regex.compile(f"{left}{words}{right}", 0 if match_case else regex.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Term:
    owner: int
    pattern: regex.Pattern[str]
    before: int
    after: int
    """Code points of the term before and after its longest word."""


class Keywords:
    """All terms of all lists. The number of a list stands for it in the answers."""

    def __init__(self, lists: Sequence[tuple[Sequence[str], bool]]) -> None:
        """Lists of terms, each with whether letter case counts."""
        self._anchors: list[tuple[int, list[_Term]]] = []
        places: dict[str, int] = {}
        for owner, (terms, match_case) in enumerate(lists):
            for term in dict.fromkeys(terms):
                words = term.split()
                longest = max(words, key=len)
                before = " ".join(words).index(longest)
                after = len(" ".join(words)) - before - len(longest)
                anchor = fold(longest)
                place = places.setdefault(anchor, len(places))
                if place == len(self._anchors):
                    self._anchors.append((len(anchor), []))
                compiled = pattern(term, match_case=match_case)
                self._anchors[place][1].append(_Term(owner, compiled, before, after))
        self._database: Any = None
        if places:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=[anchor.encode() for anchor in places],
                ids=list(places.values()),
                flags=[0] * len(places),
                elements=len(places),
                literal=True,
            )
            self._database.scratch = hyperscan.Scratch(self._database)
        self._lock = threading.Lock()  # a database has one scratch space

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(list, start, end) of each term in `text`, which holds no lone surrogate."""
        if self._database is None:
            return
        hits: list[tuple[int, int]] = []

        def hit(number: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            hits.append((end, number))

        data = fold(text).encode()
        with self._lock:
            self._database.scan(data, match_event_handler=hit)
        seen: set[tuple[int, int, int]] = set()
        plain, at, passed = len(data) == len(text), 0, 0
        for byte, number in hits:
            # Ends come in ascending order, so each byte is counted once.
            if plain:
                at = byte
            else:
                at += len(data[passed:byte].decode())
                passed = byte
            length, terms = self._anchors[number]
            first = at - length
            for term in terms:
                left = max(0, first - term.before - _SLACK) if term.before else first
                # One more than the term: its look-ahead must see what follows.
                right = at + term.after + (_SLACK if term.after else 0) + 1
                for match in term.pattern.finditer(text, left, min(len(text), right)):
                    if match.start() > first:
                        break
                    if match.end() >= at and (key := (term.owner, *match.span())) not in seen:
                        seen.add(key)
                        yield key


def fold(text: str) -> str:
    """`text` in lower case, each character in its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
