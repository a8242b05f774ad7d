"""Is a run of digits a payment card number? Law: the issuer's range, the length and Luhn must fit.

Presidio's recognizer misses ranges that are in use: 19-digit Visa, Mastercard's 2-series, Maestro
of 12 to 19 digits, JCB of 15, UnionPay of 19. This recognizer adds them, under the same entity. It
also takes numbers of 13 to 17 digits that no issuer has, of which Luhn lets every tenth pass: points in
time, article numbers. Those count beside a word for cards.
Ranges and lengths: ISO/IEC 7812-1 and the issuers' public BIN tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import regex

from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import located
from gateway.detectors.probes import PatternProbe, Raw, matches
from gateway.encodings.check_digits import luhn_fits

_SHAPE = r"(?<![\d.,])(?<!\d[ -])\d(?:[ -]?\d){11,18}(?![ -]?\d)(?![.,]\d)"

_APART = re.compile("[ -]")

_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    # first six digits from, to, lengths
    (400000, 499999, frozenset({13, 16, 19})),  # Visa
    (510000, 559999, frozenset({16})),  # Mastercard
    (222100, 272099, frozenset({16})),  # Mastercard 2-series
    (340000, 349999, frozenset({15})),  # American Express
    (370000, 379999, frozenset({15})),
    (300000, 305999, frozenset(range(14, 20))),  # Diners Club
    (309500, 309599, frozenset(range(14, 20))),
    (360000, 369999, frozenset(range(14, 20))),
    (380000, 399999, frozenset(range(16, 20))),
    (352800, 358999, frozenset(range(16, 20))),  # JCB
    (213100, 213199, frozenset({15})),
    (180000, 180099, frozenset({15})),
    (601100, 601199, frozenset(range(16, 20))),  # Discover
    (644000, 659999, frozenset(range(16, 20))),
    (620000, 629999, frozenset(range(16, 20))),  # UnionPay
    (810000, 817199, frozenset(range(16, 20))),
    (500000, 509999, frozenset(range(12, 20))),  # Maestro
    (560000, 589999, frozenset(range(12, 20))),
    (630000, 639999, frozenset(range(12, 20))),
    (670000, 679999, frozenset(range(12, 20))),
    (220000, 220499, frozenset(range(16, 20))),  # Mir
    (600000, 609999, frozenset({16})),  # RuPay, Hipercard, cards of shops
    (979200, 979289, frozenset({16})),  # Troy
)


_BY_HEAD = {
    head: [each for each in _RANGES if each[0] // 1_000 <= head <= each[1] // 1_000]
    for head in range(1_000)
}
"""The ranges by the first three digits of a number: most have none, and no more than two."""

SHORTEST = 12
"""Digits of the shortest number."""


def is_card(number: str) -> bool:
    """True when the digits of `number` are a card number of an issuer in the table."""
    groups = _APART.split(number)
    digits = "".join(groups)
    if not digits.isdecimal():
        digits = "".join(filter(str.isdecimal, number))
    return is_issued(digits) and _grouped(groups) and luhn_fits([int(digit) for digit in digits])


def is_issued(digits: str) -> bool:
    """True when some issuer has numbers that begin so and are as long."""
    size = len(digits)
    if size < SHORTEST:
        return False
    prefix = int(digits[:6])
    for low, high, sizes in _BY_HEAD[prefix // 1_000]:
        if low <= prefix <= high and size in sizes:
            return True
    return False


def _grouped(groups: Sequence[str]) -> bool:
    """True for digits grouped as on cards: not at all, by four, 4-6-5, 4-6-4, or one by one."""
    sizes = tuple(map(len, groups))
    return (
        len(sizes) == 1
        or set(sizes) == {1}
        or sizes in {(4, 6, 5), (4, 6, 4)}
        or (set(sizes[:-1]) == {4} and sizes[-1] <= 4)
    )


def _is_rare(number: str) -> bool:
    """True for digits without groups that are more often something else: of 12 and 13 (accounts, article
    numbers; no card has had so few for long) and of more than 16 (numbers of rows, messages and users).
    UnionPay's cards of 19 digits are in use.
    """
    if len(number) <= _ONCE or len(number) > _USUAL:
        return number.isdecimal() and not number.startswith(_UNIONPAY)
    return False


_ONCE, _USUAL, _UNIONPAY = 13, 16, "62"


class CardProbe:
    """Card numbers in the ranges that Presidio's recognizer leaves out, and those it has."""

    name = "CardNumber"
    entity = "CREDIT_CARD"
    reach = 32
    strongest = 1.0
    expressions = (located(_SHAPE),)

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._pattern = regex.compile(_SHAPE)

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Card numbers that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            if is_card(match[0]) and not _in_hash(text, *match.span()):
                if _is_rare(match[0]) and not around.speaks(self.vocabulary, *match.span()):
                    continue
                # Twelve to fifteen bare digits in a wide range: Luhn alone proves little.
                sure = 1.0 if len(match[0]) >= 15 else 0.5
                first, last = match.span()
                yield Raw(first, last, sure, self.entity, self)


class IssuedProbe(PatternProbe):
    """Presidio's own pattern; outside the ranges of issuers a number counts beside a word for cards, and
    so do lengths that hardly a card has.
    """

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Card numbers that start in `text[start:end]`."""
        for raw in super().find(text, start, end, around):
            number = text[raw.start : raw.end]
            issued = is_issued("".join(_APART.split(number))) and not _is_rare(number)
            if issued or around.speaks(self.vocabulary, raw.start, raw.end):
                yield raw


_HEX_BEFORE = regex.compile(r"(?r)[0-9a-f]*", regex.IGNORECASE)
_HEX_AFTER = regex.compile(r"[0-9a-f]*", regex.IGNORECASE)


def _in_hash(text: str, start: int, end: int) -> bool:
    """True for digits within hexadecimal ones: a hash holds a run of digits that fits now and then."""
    before = _HEX_BEFORE.match(text, max(0, start - HASH), start)
    after = _HEX_AFTER.match(text, end, end + HASH)
    beside = (start - before.start() if before else 0) + (after.end() - end if after else 0)
    return beside >= HASH


HASH = 8
"""So many hexadecimal digits directly beside a number make it a part of a longer one."""
