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

type Hashes = NDArray[np.uint64]
type Places = NDArray[np.int64]

KEY_BYTES = 32
DIGEST_BYTES = 8

REACH = 1 << 14
"""Letters that are summed up at once: the tables of powers then stay in the processor's cache."""

BEYOND = 1 << 10
"""Letters after them in which a window may end."""

_BITS_EACH, _PLACES = 16, 3
"""Bits of a gate per thing in it, and how many of them it sets: two strangers in a thousand pass."""

_LEAST_BITS = 12
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_MORE = tuple(np.uint64(one) for one in (0x94D049BB133111EB, 0x9E3779B97F4A7C15))
_SLAB = 1 << 24


class Prints:
    """The digests and hashes of one key."""

    def __init__(self, key: bytes) -> None:
        self._digests = _derived(key, b"digests", KEY_BYTES)
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
        state = hashlib.blake2b(form.encode(), key=self._digests, digest_size=DIGEST_BYTES)
        return int.from_bytes(state.digest(), "little")

    def sums(self, letters: NDArray[np.uint32]) -> Hashes:
        """The running sums of up to `REACH` and `BEYOND` letters, from nothing to all of them."""
        sums = np.empty(len(letters) + 1, np.uint64)
        sums[0] = 0
        np.cumsum(self._values(letters) * self._powers[: len(letters)], out=sums[1:])
        return sums

    def hashes(self, sums: Hashes, starts: Places, ends: Places) -> Hashes:
        """Of the windows `starts:ends` of the letters that were summed up."""
        return _mixed((sums[ends] - sums[starts]) * self.inverses[starts])

    def each(self, letters: NDArray[np.uint32], sizes: Places) -> Hashes:
        """Of things that stand in `letters` one after the other, none of them empty."""
        starts = np.cumsum(sizes) - sizes
        places = np.arange(len(letters)) - np.repeat(starts, sizes)
        parts = self._values(letters) * self._powers[places]
        return _mixed(np.add.reduceat(parts, starts) * self.inverses[0])

    def _values(self, letters: NDArray[np.uint32]) -> Hashes:
        if not len(letters) or int(letters.max()) < 256:
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
    """Which hashes may be registered: all that are, and few others."""

    bits: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of(cls, hashes: Hashes) -> Gate:
        """The gate that lets `hashes` through."""
        wanted = max(_LEAST_BITS, (max(1, len(hashes)) * _BITS_EACH - 1).bit_length())
        bits = np.zeros(1 << (wanted - 3), np.uint8)
        for number in range(_PLACES):
            places = np.sort(_place(hashes, number, wanted))
            # By slabs: a bit takes a byte until it is packed.
            for first in range(0, 1 << wanted, _SLAB):
                left, right = np.searchsorted(places, [first, first + _SLAB])
                slab = np.zeros(min(_SLAB, 1 << wanted), np.uint8)
                slab[places[left:right].astype(np.int64) - first] = 1
                packed = np.packbits(slab, bitorder="little")
                bits[first >> 3 : (first >> 3) + len(packed)] |= packed
        return cls(bits)

    def passing(self, hashes: Hashes) -> Places:
        """Positions of the hashes that may be registered."""
        wanted = (len(self.bits) - 1).bit_length() + 3
        left = np.flatnonzero(self._set(hashes, 0, wanted))
        for number in range(1, _PLACES):
            if not len(left):
                break
            left = left[self._set(hashes[left], number, wanted)]
        return left

    def _set(self, hashes: Hashes, number: int, wanted: int) -> NDArray[np.bool_]:
        places = _place(hashes, number, wanted)
        found = self.bits[places >> np.uint64(3)] >> (places & np.uint64(7)).astype(np.uint8)
        return np.asarray(found & 1, bool)


def _place(hashes: Hashes, number: int, bits: int) -> Hashes:
    turned = hashes if number == 0 else hashes * _MORE[number - 1]
    return turned >> np.uint64(64 - bits)


def _derived(key: bytes, purpose: bytes, size: int) -> bytes:
    return hashlib.blake2b(purpose, key=key, digest_size=size, person=b"leakgate-regist").digest()
