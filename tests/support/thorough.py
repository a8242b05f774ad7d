"""How much is tried of what could be tried?

Law: nothing is dropped, it is only tried less often. `make test` takes of each property a quarter of
its examples and of each exhaustive walk a sample, the same in every run: what fails there, the
change at hand did. `LEAKGATE_SWEEP=full` takes all, and other examples each time: it looks for what
nobody has seen.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable

FULL = os.environ.get("LEAKGATE_SWEEP") == "full"

FEW = 25
"""Examples below which a property says little."""


def examples(number: int) -> int:
    """How many of `number` examples a property is tried with."""
    return number if FULL else min(number, max(FEW, number // 4))


def some[T](cases: Iterable[T], number: int, *, seed: object = 0) -> list[T]:
    """`number` of the cases in their order, the first and the last among them; or all."""
    every = list(cases)
    if FULL or len(every) <= number:
        return every
    chosen = random.Random(repr(seed)).sample(range(1, len(every) - 1), number - 2)
    return [every[at] for at in sorted([0, *chosen, len(every) - 1])]
