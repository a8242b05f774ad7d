"""What is done at the same time to one picture? Law: threads start with the picture and end with it,
so that a process may fork; with one thread nothing is done before somebody asks for it.

The work is in networks and in OpenCV, which let other threads run meanwhile. No work may start
other work and wait for it: all hands could be waiting.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self


def available() -> int:
    """Threads of this process that may run at the same time."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


class Hands:
    """As many threads as are wanted, and no more than may run at the same time."""

    def __init__(self, wanted: int) -> None:
        self.count = max(1, min(wanted, available()))
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def start[T](self, work: Callable[[], T]) -> Callable[[], T]:
        """What gives the result of `work`, or raises what it raised. Begun in the order of calls."""
        if self._pool is None:
            return functools.cache(work)
        return self._pool.submit(work).result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
