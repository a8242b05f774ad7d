"""How is something done again and again beside the proxy? By a thread of its own, unhurried.

Law: the thread outlives every error. After failures in a row it pauses longer and longer, and tells of
them once per kind, by the kind alone: texts may quote rows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from gateway.database.engines import kind_of

log = logging.getLogger("leakgate.rounds")

_MOST_DOUBLINGS = 10


class Rounds:
    """The thread. `act` is one round; `wrong` says, to operators, what is wrong while it fails.

    A round begins `every` seconds after the last, after failures in a row at most `longest`. `failed` is
    called after each that failed, `last` at the end; what they raise is let go.
    """

    def __init__(
        self,
        act: Callable[[], None],
        *,
        name: str,
        wrong: str,
        every: float,
        longest: float,
        failed: Callable[[], None] = lambda: None,
        last: Callable[[], None] = lambda: None,
    ) -> None:
        self._act = act
        self._name = name
        self._wrong = wrong
        self._every = every
        self._longest = longest
        self._failed = failed
        self._last = last
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._told = ""

    @property
    def stopping(self) -> bool:
        """Whether a round that takes long should come to its end."""
        return self._stopping.is_set()

    def rest(self, seconds: float) -> None:
        """Wait so long within a round, or until it should come to its end."""
        self._stopping.wait(seconds)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, *, timeout: float = 3.0) -> None:
        """End after the round under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._act()
            except Exception as error:  # noqa: BLE001  # INVARIANT: the thread outlives every error
                self._failures += 1
                self._tell(error)
                self._quietly(self._failed)
            else:
                self._failures, self._told = 0, ""
            doubled = self._every * 2.0 ** min(self._failures, _MOST_DOUBLINGS)
            self._stopping.wait(min(doubled, max(self._longest, self._every)))
        self._quietly(self._last)

    def _tell(self, error: Exception) -> None:
        kind = kind_of(error)
        if kind != self._told:
            self._told = kind
            log.warning("%s: %s", self._wrong, kind)

    def _quietly(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # as above
            log.debug("%s, and then: %s", self._wrong, kind_of(error))
