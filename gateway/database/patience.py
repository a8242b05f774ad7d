"""How does somebody who cannot wait ask a database? Not again and again while it is away, and not for
what it was just told.

Law: what is remembered is bounded in number and time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

FAILURES = 3
"""Failures in a row after which a database is left alone for a while."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""So long it is left alone, doubled from the first to the longest."""


class Recent[V]:
    """A bounded memory of what was so a short while ago; what is used last goes last."""

    def __init__(self, entries: int, seconds: float, clock: Callable[[], float]) -> None:
        self._entries = entries
        self._seconds = seconds
        self._clock = clock
        self._held: OrderedDict[bytes, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __setitem__(self, mark: bytes, what: V) -> None:
        self._held[mark] = (self._clock() + self._seconds, what)
        self._held.move_to_end(mark)
        if len(self._held) > self._entries:
            self._held.popitem(last=False)

    def get(self, mark: bytes) -> V | None:
        """What was so, or None when it is not known, or no more."""
        entry = self._held.get(mark)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            del self._held[mark]
            return None
        self._held.move_to_end(mark)
        return entry[1]

    def drop(self, mark: bytes) -> None:
        """Forget it."""
        self._held.pop(mark, None)


class Breaker:
    """Says when the database may be tried: always, but for a pause after failures in a row.

    After a pause one call tries it; the others wait for what becomes of that one.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = 0.0
        self._until = 0.0

    def closed(self) -> bool:
        """Whether this call may go through."""
        if self._failures < FAILURES:
            return True
        if self._clock() < self._until:
            return False
        self._until = self._clock() + self._pause  # this one tries
        return True

    def failed(self) -> None:
        """A call that went through failed."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self._until = self._clock() + self._pause

    def worked(self) -> None:
        """A call that went through came back."""
        self._failures = 0
        self._pause = 0.0
