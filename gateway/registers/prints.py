"""How is something known again without being kept? By keyed digests, and by a gate before them.

Law: what is compared in the end is BLAKE2b under a key of its own, cut to 64 bits. The gate only
spares that: it lets through whatever is registered, and little else. Its hash of letters is not a
cryptographic one, and only a few bits of it are kept.

A window of letters has the hash `mix(sum(value[i] * base**i))` modulo 2**64: with running sums, that
of any window costs a subtraction and a product, for all windows of a text at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.registers.words import Letters

type Hashes = NDArray[np.uint64]
type Places = NDArray[np.int64]

KEY_BYTES = 32
DIGEST_BYTES = 8

REACH = 1 << 14
"""Letters that are summed up at once: the tables of powers then stay in the processor's cache."""

BEYOND = 1 << 10
"""Letters after them in which a window may end."""

_BITS_EACH = 16
"""Bits of a gate per thing in it; three of them are set, and one stranger in a hundred passes."""

_LEAST_BITS = 12
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_ONE, _LOW, _SIX = np.uint64(1), np.uint64(63), np.uint64(6)


class Prints:
    """The digests and hashes of one key."""

    def __init__(self, key: bytes) -> None:
        # Begun once with the key, and copied: many digests are made of a text.
        self._digests = hashlib.blake2b(
            key=_derived(key, b"digests", KEY_BYTES), digest_size=DIGEST_BYTES
        )
        self.seal = _derived(key, b"seal", KEY_BYTES)
        self.mark = _derived(key, b"mark", 8).hex()
        """Names the key, and tells nothing of it."""
        drawn = b"".join(_derived(key, b"gate %d" % i, 64) for i in range(33))
        numbers = np.frombuffer(drawn, "<u8").astype(np.uint64)
        self._few = numbers[:256] | np.uint64(1)
        self._many = numbers[256] | np.uint64(1)
        base = int(numbers[257]) | 1
        inverse = pow(base, -1, 1 << 64)
        count = REACH + BEYOND
        self._powers = np.cumprod(np.full(count, base, np.uint64), dtype=np.uint64)
        self.inverses = np.cumprod(np.full(count, inverse, np.uint64), dtype=np.uint64)

    def digest(self, form: str) -> int:
        """What stands for `form` in a register."""
        state = self._digests.copy()
        state.update(form.encode())
        return int.from_bytes(state.digest(), "little")

    def sums(self, letters: Letters) -> Hashes:
        """The running sums of up to `REACH` and `BEYOND` letters, from nothing to all of them."""
        sums = np.empty(len(letters) + 1, np.uint64)
        sums[0] = 0
        np.cumsum(self._values(letters) * self._powers[: len(letters)], out=sums[1:])
        return sums

    def hashes(self, sums: Hashes, starts: Places, ends: Places) -> Hashes:
        """Of the windows `starts:ends` of the letters that were summed up."""
        return _mixed((sums[ends] - sums[starts]) * self.inverses[starts])

    def each(self, letters: Letters, sizes: Places) -> Hashes:
        """Of things that stand in `letters` one after the other, none of them empty."""
        starts = np.cumsum(sizes) - sizes
        places = np.arange(len(letters)) - np.repeat(starts, sizes)
        parts = self._values(letters) * self._powers[places]
        return _mixed(np.add.reduceat(parts, starts) * self.inverses[0])

    def _values(self, letters: Letters) -> Hashes:
        if letters.itemsize == 1 or not len(letters) or int(letters.max()) < 256:
            return self._few[letters]
        wide = letters.astype(np.uint64) * self._many
        wide ^= wide >> np.uint64(29)
        wide *= _FIRST
        return np.where(letters < 256, self._few[np.minimum(letters, 255)], wide | np.uint64(1))


def _mixed(hashes: Hashes) -> Hashes:
    hashes ^= hashes >> np.uint64(32)
    hashes *= _FIRST
    hashes ^= hashes >> np.uint64(29)
    return hashes


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """Which hashes may be registered: all that are, and few others.

    The high bits of a hash choose one of `words` (their number is a power of two), three groups of
    its low bits choose a bit there each.
    """

    words: Hashes = field(repr=False)

    @property
    def sound(self) -> bool:
        """Whether every hash has its place."""
        return len(self.words) > 1 and len(self.words) & (len(self.words) - 1) == 0

    @classmethod
    def of(cls, hashes: Hashes) -> Gate:
        """The gate that lets `hashes` through."""
        bits = max(_LEAST_BITS, (max(1, len(hashes)) * _BITS_EACH - 1).bit_length())
        words = np.zeros(1 << (bits - 6), np.uint64)
        marks = _ONE << (hashes & _LOW)
        marks |= _ONE << (hashes >> _SIX & _LOW)
        marks |= _ONE << (hashes >> (_SIX + _SIX) & _LOW)
        np.bitwise_or.at(words, (hashes >> _shift(words)).astype(np.int64), marks)
        return cls(words)

    def passing(self, hashes: Hashes) -> Places:
        """Positions of the hashes that may be registered."""
        words = self.words[hashes >> _shift(self.words)]
        left: Places = (words >> (hashes & _LOW) & _ONE).nonzero()[0]
        if not len(left):
            return left
        words, hashes = words[left], hashes[left]
        hashes = hashes >> _SIX
        words = words >> (hashes & _LOW) & (words >> (hashes >> _SIX & _LOW))
        last: Places = left[(words & _ONE).nonzero()[0]]
        return last


def _shift(words: Hashes) -> np.uint64:
    return np.uint64(65 - len(words).bit_length())


def _derived(key: bytes, purpose: bytes, size: int) -> bytes:
    return hashlib.blake2b(purpose, key=key, digest_size=size, person=b"leakgate-regist").digest()
