"""Was this text scanned before? Law: remembers keyed digests and results, never text.

A conversation is sent again with every turn; what did not change costs one hash.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from gateway.model import Match

_ENTRY, _MATCH = 250, 150
"""Rough cost in bytes of an entry and of a match in it (CPython 3.13, measured with sizes of the
objects and of the dictionary's slots)."""


class Memory:
    """Results by keyed digest, the least recently used dropped beyond `limit` bytes."""

    def __init__(self, *, key: bytes, limit: int = 64_000_000) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"leakgate-memory").digest()
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[bytes, tuple[Match, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def digest(self, text: str, label: str, place: tuple[int, int]) -> bytes:
        """The digest of a text, its label and the part of it that a result is about."""
        state = hashlib.blake2b(key=self._key, digest_size=16)
        data = text.encode("utf-8", "surrogatepass")
        side = label.encode("utf-8", "surrogatepass")
        state.update(b"%d %d %d %d " % (len(data), len(side), *place))
        state.update(data)
        state.update(side)
        return state.digest()

    def get(self, digest: bytes) -> tuple[Match, ...] | None:
        """What was put under `digest`, or None."""
        with self._lock:
            found = self._entries.get(digest)
            if found is not None:
                self._entries.move_to_end(digest)
            return found

    def put(self, digest: bytes, matches: tuple[Match, ...]) -> None:
        """Remember `matches`; a result that would take a quarter of the memory is not kept."""
        cost = _cost(matches)
        if cost > self._limit // 4:
            return
        with self._lock:
            previous = self._entries.pop(digest, None)
            if previous is not None:
                self._size -= _cost(previous)
            self._entries[digest] = matches
            self._size += cost
            while self._size > self._limit:
                _, dropped = self._entries.popitem(last=False)
                self._size -= _cost(dropped)

    def __len__(self) -> int:
        return len(self._entries)


def _cost(matches: tuple[Match, ...]) -> int:
    return _ENTRY + _MATCH * len(matches)
