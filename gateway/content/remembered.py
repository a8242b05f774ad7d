"""Was this very file read before? Law: what is kept is bounded in number, size and age, is found
by a keyed digest only, and belongs to the caller; nothing here is shared by itself.

People send the same picture with each turn of a conversation, and reading one takes a second. The
caller keeps a `Remembered` in the process that stays (not in one that is forked per file).
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable

from gateway.content.reading import Text, Told


class Remembered:
    """What readers said of files. Safe to use from several threads.

    `key` is secret, so that a digest tells nobody which picture it was. `most` counts files,
    `size` bytes of text, `seconds` is the longest age; `clock` is monotonic.
    """

    def __init__(
        self,
        key: bytes,
        *,
        clock: Callable[[], float],
        most: int = 512,
        size: int = 32 << 20,
        seconds: float = 3600.0,
    ) -> None:
        if not key:
            raise ValueError("a key is needed")
        self._key, self._clock = key, clock
        self._most, self._size, self._seconds = most, size, seconds
        self._kept: OrderedDict[bytes, tuple[float, int, tuple[Told, ...]]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, data: bytes) -> tuple[Told, ...] | None:
        """What was said of `data`, or None."""
        digest = self._digest(data)
        with self._lock:
            kept = self._kept.get(digest)
            if kept is None:
                return None
            if self._clock() - kept[0] > self._seconds:
                self._drop(digest)
                return None
            self._kept.move_to_end(digest)
            return kept[2]

    def put(self, data: bytes, said: tuple[Told, ...]) -> None:
        """Remember `said`, which must be all that there is to say: never what a limit cut short."""
        digest, size = self._digest(data), sum(map(_size, said))
        if size > self._size // 4:
            return
        with self._lock:
            if digest in self._kept:
                self._drop(digest)
            self._kept[digest] = (self._clock(), size, said)
            self._total += size
            while len(self._kept) > self._most or self._total > self._size:
                self._drop(next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _digest(self, data: bytes) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(data).digest(), "sha256")

    def _drop(self, digest: bytes) -> None:
        self._total -= self._kept.pop(digest)[1]


def _size(said: Told) -> int:
    match said:
        case Text():
            return 200 + 4 * len(said.text) + 100 * len(said.boxes)
    return 200
