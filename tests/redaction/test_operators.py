import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.policy import document
from gateway.policy.executable import STRICTNESS as POLICY_STRICTNESS
from gateway.redaction import operators
from gateway.redaction.operators import (
    STRICTNESS,
    OperatorError,
    label,
    names,
    operator,
    take_out,
)

KEY = b"k" * 32
SAFE = set(string.printable[:95]) - set('<>"\\&')
CALLS = [
    ("replace", {}),
    ("replace", {"text": "(removed)"}),
    ("mask", {}),
    ("mask", {"char": "#", "length": 8}),
    ("partial", {"keep_last": 4}),
    ("partial", {"keep_first": 2, "keep_last": 2, "char": "#"}),
    ("hash", {}),
    ("hash", {"length": 12}),
]


def out(name, params, value, entity="US_SSN"):
    return take_out(operator(name, params), value, entity, key=KEY)


def test_what_each_operator_puts_in_place():
    card = "4111-1111-1111-1111"
    assert out("replace", {}, card) == "[US_SSN]"
    assert out("replace", {"text": "(gone)"}, card) == "(gone)"
    assert out("mask", {}, card) == "*" * 19
    assert out("mask", {"char": "#", "length": 3}, card) == "###"
    assert out("partial", {"keep_last": 4}, card) == "***************1111"
    assert out("partial", {"keep_first": 1, "keep_last": 2}, card) == "4****************11"
    assert out("hash", {}, card)[:8] == "[US_SSN:"
    assert len(out("hash", {"length": 10}, card)) == len("[US_SSN:]") + 10


def test_a_hash_is_keyed_and_the_same_for_all_spellings_of_a_value():
    call = operator("hash")
    first = call.replacement("4111-1111", "CREDIT_CARD", key=KEY)
    assert first == call.replacement("4111 1111", "CREDIT_CARD", key=KEY)
    assert first != call.replacement("4111 1111", "CREDIT_CARD", key=b"other")
    assert first != call.replacement("4111 1112", "CREDIT_CARD", key=KEY)


def test_a_hash_holds_no_digit_that_could_be_found_again():
    call = operator("hash", {"length": 32})
    digest = call.replacement("4111", "US_SSN", key=KEY).partition(":")[2]
    assert digest[:-1].isalpha()
    assert len(digest) == 33


@pytest.mark.parametrize("value", ["", "1", "12", "123", "1234", "12-34", "a" * 9, "é" * 10])
def test_partial_never_leaves_more_than_half_in_sight(value):
    result = out("partial", {"keep_first": 8, "keep_last": 8}, value)
    assert sum(char.isalnum() for char in result) <= sum(char.isalnum() for char in value) // 2


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("msk", {}, "did you mean `mask`?"),
        ("mask", {"chr": "*"}, "did you mean `char`?"),
        ("mask", {"length": "8"}, "wrong type"),
        ("mask", {"length": True}, "wrong type"),
        ("mask", {"char": "**"}, "`char`"),
        ("mask", {"char": "<"}, "`char`"),
        ("mask", {"char": "x"}, "`char`"),
        ("mask", {"length": 65}, "0 to 64"),
        ("replace", {"text": "a & b"}, "`text`"),
        ("replace", {"text": "x" * 101}, "`text`"),
        ("replace", {"text": "líne"}, "`text`"),
        ("partial", {}, "keeps nothing"),
        ("partial", {"keep_last": 9}, "0 to 8"),
        ("hash", {"length": 3}, "4 to 32"),
    ],
)
def test_operators_refuse_what_does_not_fit(name, params, words):
    with pytest.raises(OperatorError, match="`") as caught:
        operator(name, params)
    assert words in str(caught.value)


def test_every_operator_has_its_strictness():
    assert set(STRICTNESS) == set(names())


def test_policies_and_operators_mean_the_same():
    # Siblings do not import each other, so each has its own list; here they must agree.
    assert POLICY_STRICTNESS == STRICTNESS
    assert set(document.OPERATOR_PARAMETERS) == set(names())
    for name, parameters in document.OPERATOR_PARAMETERS.items():
        assert set(operators._OPERATORS[name].__dataclass_fields__) == parameters
    assert operators._TEXT.pattern == document.SAFE_TEXT
    assert document.SAFE_CHARS == operators.MASK_CHARS


def test_a_label_is_plain_whatever_the_entity_is_called():
    assert label("US_SSN") == "US_SSN"
    assert label("own-entity <b>") == "OWN_ENTITY_B"
    assert label("ß\ud800") == "SS"
    assert label("日本") == "REDACTED"


@pytest.mark.parametrize(
    "value", ["US_SSN", "ssn", "[", "REDACTED", "*", "****", "-", "X" * 8, "]"]
)
@pytest.mark.parametrize(("name", "params"), CALLS)
def test_a_value_that_looks_like_a_replacement_does_not_stay(name, params, value):
    assert value.casefold() not in out(name, params, value).casefold()


@settings(max_examples=examples(300), deadline=None)
@given(
    value=st.text(min_size=1) | st.text(alphabet="0123456789-* ", min_size=1),
    call=st.sampled_from(CALLS),
    entity=st.sampled_from(["US_SSN", "CREDIT_CARD", "PERSON", "CLOUD_KEY", "PHONE_NUMBER"]),
)
def test_a_replacement_is_safe_text_without_the_value(value, call, entity):
    result = out(*call, value, entity)
    assert set(result) <= SAFE
    assert value.casefold() not in result.casefold()
    assert result == out(*call, value, entity)


def test_values_that_go_out_together_do_not_shine_through():
    call = operator("partial", {"keep_last": 4})
    assert take_out(call, "0000 1234", "CREDIT_CARD", key=KEY, others=["1234"]) == "[CREDIT_CARD]"
    assert (
        take_out(call, "0000 1234", "CREDIT_CARD", key=KEY, others=["1234", "card"]) == "[REDACTED]"
    )
