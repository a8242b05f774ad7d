"""Where are the windows of a text that registers are asked about? Law: every window of up to
`BEYOND` letters that begins with a word is in exactly one chunk.

The sums of a chunk, and the hashes of what its words begin with, are made once, whatever number of
registers there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gateway.registers.prints import BEYOND, REACH, Hashes, Places, Prints
from gateway.registers.words import Words


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Words number `first` to `first + len(starts)` of a text, and the letters after them.

    `starts` and `ends` count letters from `base`; `ends` goes on with the words after those that
    begin here. `sums` are of `size` letters.
    """

    words: Words = field(repr=False)
    prints: Prints = field(repr=False)
    first: int
    base: int
    size: int
    starts: Places = field(repr=False)
    ends: Places = field(repr=False)
    sums: Hashes = field(repr=False)
    _heads: dict[int, tuple[Places, Hashes]] = field(default_factory=dict, repr=False)

    def hashes(self, starts: Places, ends: Places) -> Hashes:
        """Of windows of its letters."""
        return self.prints.hashes(self.sums, starts, ends)

    def heads(self, length: int) -> tuple[Places, Hashes]:
        """Its words after which there are `length` letters from their start on, and those' hashes."""
        made = self._heads.get(length)
        if made is None:
            count = int(self.starts.searchsorted(self.size - length, "right"))
            starts = self.starts[:count]
            made = self._heads[length] = starts, self.hashes(starts, starts + length)
        return made


def chunks(words: Words, prints: Prints) -> Iterator[Chunk]:
    """The chunks of a text."""
    total, first = len(words.letters), 0
    while first < len(words.starts):
        base = int(words.starts[first])
        after = int(np.searchsorted(words.starts, base + REACH))
        size = min(total - base, REACH + BEYOND)
        last = int(np.searchsorted(words.ends, base + size, "right"))
        yield Chunk(
            words,
            prints,
            first,
            base,
            size,
            words.starts[first:after] - base,
            words.ends[first:last] - base,
            prints.sums(words.letters[base : base + size]),
        )
        first = after
