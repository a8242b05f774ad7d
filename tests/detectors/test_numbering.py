"""The numbering plans answer as the library does, for any digits."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from phonenumbers import Leniency, PhoneNumberMatcher

from gateway.detectors.numbering import country_code, dialled, international, sieve

REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR", "ZA", "IT", "AR", "MX", "AU", "JP")


def numbers(rng: random.Random) -> str:
    """Digits that are, or almost are, a number that somebody would dial."""
    if rng.random() < 0.2:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(7, 15)))
    region = rng.choice(REGIONS)
    example = phonenumbers.example_number_for_type(region, rng.randint(0, 7))
    number = example or phonenumbers.example_number(region)
    national = "".join(
        rng.choice("0123456789") if rng.random() < 0.15 else digit
        for digit in phonenumbers.national_significant_number(number)
    )
    abroad = rng.choice(["", "0", "1", "00", "011", "8", "15"])
    return f"{abroad}{rng.choice(['', number.country_code])}{rng.choice(['', '0'])}{national}"


def by_the_library(text: str, region: str) -> bool:
    found = PhoneNumberMatcher(text, region, leniency=Leniency.VALID)
    return any((match.start, match.end) == (0, len(text)) for match in found)


@pytest.mark.parametrize("region", REGIONS)
def test_the_answers_are_the_librarys(region):
    rng = random.Random(region)
    valid = 0
    for _ in range(500):
        digits = numbers(rng)
        if not 7 <= len(digits) <= 20:
            continue
        expected = by_the_library(digits, region)
        assert dialled(digits, region) is expected, digits
        valid += expected
        answer = international(digits)
        if answer is not None:
            assert answer is by_the_library("+" + digits, region), digits
    assert valid > 10


def test_the_sieve_keeps_each_region_that_takes_the_digits():
    rng = random.Random(8)
    asked, left, taken = sieve(REGIONS), 0, 0
    for _ in range(1_500):
        digits = (
            numbers(rng) if rng.random() < 0.7 else str(rng.randrange(10 ** rng.randint(6, 45)))
        )
        regions = asked(digits)
        left += len(regions)
        for region in REGIONS:
            if dialled(digits, region):
                taken += 1
                assert region in regions, (digits, region)
    assert taken > 1_000
    assert left < 1_500 * len(REGIONS) / 2  # it is there to leave most of them out


def test_an_unknown_region_is_named():
    with pytest.raises(ValueError, match="`ZZ` is no region"):
        country_code("ZZ")
