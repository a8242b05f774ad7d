"""Which words in other scripts than Latin does a text hold, and where do they end?

Law: no word is left out that stands in the text in any case; of several words in a row, none that has
no letter or digit between them. In the flat copy of a text (see `prefilter`) all letters of other
scripts are alike: there, each run of letters would be each of these words.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import regex

from gateway.detectors.databases import Database, Form

MOST = 20_000
"""Characters that are remembered: more than a text has that was not made for it."""


class PerCharacter(dict[int, str], ABC):
    """A table for `str.translate` that is filled as characters come."""

    @abstractmethod
    def of(self, character: str) -> str:
        """What the character becomes: one character."""

    def __missing__(self, code: int) -> str:
        if len(self) >= MOST:
            self.clear()
        became = self[code] = self.of(chr(code))
        return became


class _Folding(PerCharacter):
    def of(self, character: str) -> str:
        """Folded by itself, so that places stay the same."""
        for folded in (character.casefold(), character.lower()):
            if len(folded) == 1:
                return folded
        return character


_FOLDING = _Folding()


def _folded(text: str) -> str:
    folded = text.casefold()
    return folded if len(folded) == len(text) else text.translate(_FOLDING)


def _form(word: str) -> Form:
    return "".join(f"\\x{byte:02x}" for byte in _folded(word).encode()).encode("ascii"), 0


class ScriptWords:
    """Words, and several words in a row, by number."""

    def __init__(
        self,
        phrases: Sequence[tuple[int, Sequence[str]]],
        made: Callable[[Sequence[Form]], Database],
    ) -> None:
        """`made` compiles forms for the matcher. Raises `ValueError` when it does not take one."""
        firsts = sorted({words[0] for _, words in phrases})
        self._matcher: Any = None
        if firsts:
            self._matcher, rejected = made([_form(word) for word in firsts])
            if rejected:
                raise ValueError("words that the matcher does not take")
        self._begin = [
            [(number, tuple(words[1:])) for number, words in phrases if words[0] == first]
            for first in firsts
        ]

    def find(self, text: str) -> dict[int, list[int]]:
        """Where in `text` the words end, in code points, by number."""
        if self._matcher is None:
            return {}
        hits: list[tuple[int, int]] = []
        data = _folded(text).encode("utf-8", "surrogatepass")
        self._matcher.scan(
            data, match_event_handler=lambda n, _b, end, _f, _c: hits.append((end, n))
        )
        found: dict[int, list[int]] = {}
        at = place = 0
        for end, first in sorted(hits):
            place += len(data[at:end].decode("utf-8", "surrogatepass"))
            at = end
            for number, rest in self._begin[first]:
                if not rest:
                    found.setdefault(number, []).append(place)
                elif (goes_on := _rest(rest).match(text, place)) is not None:
                    found.setdefault(number, []).append(goes_on.end())
        return found


@functools.lru_cache(maxsize=512)
def _rest(words: tuple[str, ...]) -> regex.Pattern[str]:
    return regex.compile(
        "".join(rf"[\W_]*{regex.escape(word)}" for word in words), regex.IGNORECASE
    )
