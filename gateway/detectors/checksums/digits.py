"""How is a number taken apart, and how does a check of one answer?

Law: a check answers for any text and never raises: what is not in the shape of its number does not
fit. Separators do not count.
"""

from __future__ import annotations

import calendar
import functools
from collections.abc import Callable, Sequence

type Check = Callable[[str], bool]

registered: dict[str, Check] = {}
"""The checks, each by the name of its function."""


def checked(function: Check) -> Check:
    """Register a check under its name."""

    @functools.wraps(function)
    def answers(value: str) -> bool:
        try:
            return function(value)
        except (ValueError, IndexError, KeyError):
            return False  # not in the shape of this number

    registered[function.__name__] = answers
    return answers


def digits_of(value: str, *lengths: int) -> list[int]:
    """The decimal digits of `value`; `ValueError` unless there are as many as one of `lengths`."""
    digits = [int(character) for character in value if character.isdecimal()]
    if lengths and len(digits) not in lengths:
        raise ValueError
    return digits


def plain_of(value: str) -> str:
    """Letters and digits of `value` in upper case, ASCII."""
    return "".join(
        str(int(character)) if character.isdecimal() else character.upper()
        for character in value
        if character.isalnum()
    )


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight; of more digits than weights the first ones."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(max(year, 1), month)[1]


def is_short_date(digits: Sequence[int], order: str = "ymd") -> bool:
    """Six digits that are a date of either century, in the order of the letters."""
    pair = {letter: digits[2 * at] * 10 + digits[2 * at + 1] for at, letter in enumerate(order)}
    # 2000 was a leap year and 1900 was none: only one of them has to fit.
    return is_date(2000 + pair["y"], pair["m"], pair["d"])
