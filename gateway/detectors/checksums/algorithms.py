"""Do check digits fit by an algorithm that many numbers share?

Law: pure arithmetic on digits; nothing here knows whose number it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.detectors.checksums.digits import checked, digits_of
from gateway.encodings.check_digits import luhn_fits


@checked
def luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B. https://en.wikipedia.org/wiki/Luhn_algorithm"""
    digits = digits_of(value)
    return len(digits) > 1 and any(digits) and luhn_fits(digits)


def mod_11_10_fits(digits: Sequence[int]) -> bool:
    """ISO/IEC 7064, MOD 11,10. https://en.wikipedia.org/wiki/ISO/IEC_7064"""
    check = 5
    for digit in digits[:-1]:
        check = (((check or 10) * 2) % 11 + digit) % 10
    return ((check or 10) * 2 % 11 + digits[-1]) % 10 == 1


@checked
def mod_11_10(value: str) -> bool:
    """ISO/IEC 7064, MOD 11,10: German and Croatian tax numbers."""
    return mod_11_10_fits(digits_of(value))


_VERHOEFF_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip


_VERHOEFF_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def verhoeff_fits(digits: Sequence[int]) -> bool:
    """https://en.wikipedia.org/wiki/Verhoeff_algorithm"""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = _VERHOEFF_D[state][_VERHOEFF_P[place % 8][digit]]
    return state == 0
