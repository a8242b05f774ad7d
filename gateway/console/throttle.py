"""How often may somebody try? So often that people get in, and programs that guess do not.

Law: bounded in memory. Counted per gateway: behind several gateways somebody has so many tries more.
A name is slowed down after wrong tries only, and never for good, so that nobody can lock others out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED = 10_000


class Throttle:
    """Lets each key try `burst` times at once, and one more every `seconds`."""

    def __init__(self, clock: Callable[[], float], *, burst: int, seconds: float) -> None:
        self._clock = clock
        self._burst = burst
        self._seconds = seconds
        self._lock = threading.Lock()
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until `key` may try; 0 when it may now. Counts nothing."""
        spent = self._left(key)
        return max(0.0, (spent + 1 - self._burst) * self._seconds)

    def count(self, key: str) -> None:
        """`key` has tried."""
        with self._lock:
            self._spent[key] = (min(self._left(key) + 1, self._burst), self._clock())
            self._spent.move_to_end(key)
            while len(self._spent) > _REMEMBERED:
                self._spent.popitem(last=False)

    def refund(self, key: str) -> None:
        """The last try of `key` was none that has to be slowed down."""
        with self._lock:
            if key in self._spent:
                self._spent[key] = (max(0.0, self._left(key) - 1), self._clock())

    def forget(self, key: str) -> None:
        """`key` has succeeded."""
        with self._lock:
            self._spent.pop(key, None)

    def _left(self, key: str) -> float:
        spent, at = self._spent.get(key, (0.0, 0.0))
        return max(0.0, spent - (self._clock() - at) / self._seconds)
