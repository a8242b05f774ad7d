"""A value that is cut over texts is found, at its place in each."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import Engine
from gateway.detectors.seams import chains

_RNG = random.Random(11)
_TOKEN = "AKIA" + "".join(_RNG.choices("ABCDEFGHJKLMNPQRSTUVWXYZ234567", k=16))


@pytest.mark.parametrize(
    ("texts", "entity", "value"),
    [
        (["my card is 41111111", "11111111 thanks"], "CREDIT_CARD", "4111111111111111"),
        (["my card is 4111 1111 ", "1111 1111"], "CREDIT_CARD", "4111 1111 1111 1111"),
        (["a", "card number 4111", "1111", "1111", "1111", "x"], "CREDIT_CARD", "4111" + "1" * 12),
        (
            ["My card number is", "4111 ", "1111 ", "1111 ", "1111"],
            "CREDIT_CARD",
            "4111 1111 1111 1111",
        ),
        (
            ["Our IBAN:", "DE89", "3704", "0044", "0532", "0130", "00"],
            "IBAN_CODE",
            "DE89370400440532013000",
        ),
        (["my SSN: 457-55", "-5462", "b"], "US_SSN", "457-55-5462"),
        (["a", "write to bob.smith@exam", "ple.com now"], "EMAIL_ADDRESS", "bob.smith@example.com"),
        (["bob.smith", "@example.com"], "EMAIL_ADDRESS", "bob.smith@example.com"),
        ([f"key {_TOKEN[:11]}", _TOKEN[11:]], "AWS_ACCESS_KEY", _TOKEN),
    ],
)
def test_what_is_cut_is_found_in_both_parts(engine: Engine, texts, entity, value):
    found, failures = engine.across(texts)
    assert failures == frozenset()
    (split,) = [split for split in found if split.entity == entity]
    assert "".join(texts[n][start:end] for n, start, end in split.places) == value
    assert split.detector.endswith("+split")


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["one"],
        ["4111 1111 1111 1111", "my card"],  # seen in the part itself
        ["41111111", "11111111"],  # numbers side by side, nothing says card
        ["my card", "a", "41111111", "11111111"],
        ["my card is 4111", "x", "2020", "2021"],
        ["The year was 2019", "2020 was better"],
        ["I sent it to bob@example.com", "Hello again"],
        ["Hello.", "How are you?"],
        [str(10**7 + 7919 * i) for i in range(300)],
    ],
)
def test_texts_side_by_side_are_no_value(engine: Engine, texts):
    found, failures = engine.across(texts)
    assert (found, failures) == ([], frozenset())


@settings(max_examples=examples(300), deadline=None)
@given(
    texts=st.lists(
        st.text(alphabet="4111- @.abcAK\n\ud800\u0664", max_size=70) | st.just("4" * 200),
        max_size=40,
    )
)
def test_a_chain_stands_for_places_of_its_texts(texts: list[str]):
    total = 0
    for chain in chains(texts):
        total += len(chain.text) - chain.lead
        assert len(chain.pieces) >= 2
        assert chain.lead <= 121
        assert chain.places(0, len(chain.text)) == [] or not chain.lead
        for at in range(chain.lead, len(chain.text)):
            ((number, start, end),) = chain.places(at, at + 1)
            assert texts[number][start:end] == chain.text[at]
    assert total <= 120 * len(texts) + sum(map(len, texts))
