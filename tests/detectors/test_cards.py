"""Card numbers: issuer's range, length, Luhn, grouping."""

from __future__ import annotations

import random

import pytest

from gateway.detectors.cards import is_card


def with_check_digit(digits: str) -> str:
    for last in "0123456789":
        number = [int(d) for d in digits + last]
        if (sum(number[-1::-2]) + sum(sum(divmod(2 * d, 10)) for d in number[-2::-2])) % 10 == 0:
            return digits + last
    raise AssertionError


@pytest.mark.parametrize(
    ("prefix", "length"),
    [
        ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("2720", 16), ("34", 15),
        ("37", 15), ("36", 14), ("3528", 16), ("2131", 15), ("6011", 16), ("62", 19), ("5018", 12),
        ("6759", 18),
    ],
)  # fmt: skip
def test_issuers_in_use_are_known(prefix, length):
    rng = random.Random(prefix)
    number = with_check_digit(
        prefix + "".join(rng.choices("0123456789", k=length - len(prefix) - 1))
    )
    assert is_card(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_card(wrong)


def test_grouping_must_be_that_of_a_card():
    number = with_check_digit("411111111111111")
    assert is_card(f"{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}")
    assert is_card("-".join(number[i : i + 4] for i in (0, 4, 8, 12)))
    assert not is_card(f"{number[:3]} {number[3:7]}-{number[7:]}")
    assert not is_card("0000000000000000")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [("", "", True), ("card", "exp", True), ("abc", "fed", True), ("", "bb225eb5fd", False),
     ("b5679d5f4deb", "", False), ("dead", "beef", False)],
)  # fmt: skip
def test_digits_of_a_hash_are_no_card(engine, before, after, found):
    number = with_check_digit("560441112924" + "12")
    text = f"id {before}{number}{after} end"
    assert ("CREDIT_CARD" in {match.entity for match in engine.scan(text).matches}) is found
