import typing

from gateway.model import UnreadReason
from gateway.policy.words import UnreadWord, fact_word


def test_words_for_unread_are_those_of_the_model():
    assert set(typing.get_args(UnreadWord.__value__)) == {"any", *UnreadReason}


def test_yaml_booleans_and_words_are_one_fact_value():
    assert (
        fact_word(True),
        fact_word("yes"),
        fact_word("NO"),
        fact_word(False),
        fact_word(30),
    ) == (
        "yes",
        "yes",
        "no",
        "no",
        "30",
    )
