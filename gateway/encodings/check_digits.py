"""Do check digits fit that are asked about both in text and in pictures?

Law: pure arithmetic. `gateway.detectors.checksums` holds all others, and says what is a match.
"""

from __future__ import annotations

from collections.abc import Sequence


def luhn_fits(digits: Sequence[int]) -> bool:
    """ISO/IEC 7812-1, annex B. https://en.wikipedia.org/wiki/Luhn_algorithm"""
    total = sum(digits[-1::-2]) + sum(d * 2 - 9 * (d > 4) for d in digits[-2::-2])
    return total % 10 == 0


def mrz_fits(field: str, check: str) -> bool:
    """ICAO 9303, part 3, section 4.9: weights 7, 3, 1; letters from 10; fillers are 0."""
    if check == "<":
        return not field.strip("<")
    try:
        values = [0 if c == "<" else int(c, 36) for c in field]
    except ValueError:
        return False  # what stands there is no letter, digit or filler
    total = sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values))
    return str(total % 10) == check


def mrz(value: str) -> bool:
    """Machine-readable zone of a passport, card or visa. https://www.icao.int/publications/doc-series/doc-9303

    Two lines of 44 (TD3, visa A) or 36 (TD2, visa B), or three of 30 (TD1).
    """
    lines = value.upper().split()
    widths = [len(line) for line in lines]
    if widths == [30, 30, 30]:
        one, two = lines[0], lines[1]
        fields = [(one[5:14], one[14]), (two[0:6], two[6]), (two[8:14], two[14])]
        if one[14] == "<":  # a document number that goes on in the optional data
            fields = fields[1:]
        fields.append((one[5:30] + two[0:7] + two[8:15] + two[18:29], two[29]))
    elif widths in ([44, 44], [36, 36]):
        two = lines[1]
        fields = [(two[0:9], two[9]), (two[13:19], two[19]), (two[21:27], two[27])]
        if lines[0][0] != "V":  # a visa has no check over all
            if widths[0] == 44:
                fields.append((two[28:42], two[42] if two[28:42].strip("<") else "0"))
            fields.append((two[0:10] + two[13:20] + two[21 : widths[0] - 1], two[-1]))
    else:
        return False
    return all(mrz_fits(field, check) for field, check in fields)
