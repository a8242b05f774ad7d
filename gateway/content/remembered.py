"""Was this very file read before? Law: what is kept is bounded in number, size and age, is found
by a keyed digest only, and can be opened only with the file itself: no clear text is kept.

People send the same picture with each turn of a conversation, and reading one takes a second. The
caller keeps a `Remembered` in the process that stays (not in one that is forked per file). The child
that reads one person's file is forked from there, and must not find what another person's said.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.content.reading import Text, Told

_NONCE = 12
"""Bytes, NIST SP 800-38D."""


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
        self._kept: OrderedDict[bytes, tuple[float, int, bytes]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, data: bytes) -> tuple[Told, ...] | None:
        """What was said of `data`, or None."""
        digest, seal = self._digests(data)
        with self._lock:
            kept = self._kept.get(digest)
            if kept is None:
                return None
            if self._clock() - kept[0] > self._seconds:
                self._drop(digest)
                return None
            self._kept.move_to_end(digest)
        sealed = kept[2]
        said: tuple[Told, ...] = pickle.loads(  # noqa: S301  # authentic: sealed by `put`
            AESGCM(seal).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        )
        return said

    def put(self, data: bytes, said: tuple[Told, ...]) -> None:
        """Remember `said`, which must be all that there is to say: never what a limit cut short."""
        size = sum(map(_size, said))
        if size > self._size // 4:
            return
        digest, seal = self._digests(data)
        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(seal).encrypt(nonce, pickle.dumps(said), None)
        with self._lock:
            if digest in self._kept:
                self._drop(digest)
            self._kept[digest] = (self._clock(), size, sealed)
            self._total += size
            while len(self._kept) > self._most or self._total > self._size:
                self._drop(next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _digests(self, data: bytes) -> tuple[bytes, bytes]:
        """What finds the file here, and the key of its seal, which is kept nowhere."""
        whole = hashlib.sha256(data).digest()
        return (
            hmac.digest(self._key, b"place" + whole, "sha256"),
            hmac.digest(self._key, b"seal" + whole, "sha256"),
        )

    def _drop(self, digest: bytes) -> None:
        self._total -= self._kept.pop(digest)[1]


def _size(said: Told) -> int:
    match said:
        case Text():
            return 200 + 4 * len(said.text) + 100 * len(said.boxes)
    return 200
