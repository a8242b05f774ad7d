"""Which words count as context."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lang.en.stop_words import STOP_WORDS
from support.thorough import examples

from gateway.detectors.context import REACH_AFTER, Context, Vocabulary, after, raised, words_of

STOP = frozenset(STOP_WORDS)


def speaks(text: str, words: list[str], label: str = "") -> bool:
    start = text.index("X")
    around = Context(text, label=label, stop_words=STOP)
    return around.speaks(Vocabulary(words), start, start + 1)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("my ssn is X", ["ssn"], True),
        ("my SSN: X", ["ssn"], True),
        ("customerSsn=X", ["ssn"], True),
        ("customer_ssn = X", ["ssn"], True),
        ("SSNs X", ["ssn", "ssns"], True),
        ("creditcard X", ["card"], True),  # long words by substring
        ("status X", ["us"], False),  # short ones as whole words
        ("the lesson X", ["ssn"], False),
        ("the driver's license X", ["driver's license"], True),
        ("licence of the driver X", ["driver licence"], False),
        ("ssn red blue green black white brown X", ["ssn"], False),  # further than five words
        ("ssn of the is was were X", ["ssn"], True),  # stop words do not count
        ("my Straße: X", ["straße"], True),
        ("사업자등록번호 X", ["사업자등록번호"], True),
    ],
)
def test_words_before(text, words, expected):
    assert speaks(text, words) is expected


NUMBER = "457555462"


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("X is my social security number", ["social security"], True),
        ("X was the customer's SSN.", ["ssn"], True),
        ("X (SSN)", ["ssn"], True),
        ("'X' (her SSN), 12345678 (account)", ["ssn"], True),
        ("(X) SSN of Bob", ["ssn"], True),
        ("X, my ssn, please", ["ssn"], True),
        ("X -> ssn", ["ssn"], True),
        ("X \u2013 SSN of Bob", ["ssn"], True),
        ("X = ssn", ["ssn"], True),
        ('x = "X"  # ssn', ["ssn"], True),
        ("x = X;   // ssn of Bob", ["ssn"], True),
        ('x = "X",  # ssn', ["ssn"], True),
        ('x = "X"  ssn', ["ssn"], False),  # a column of its own
        ("X ist meine Steuernummer", ["steuernummer"], True),
        ("X is my SSN: keep it", ["ssn"], True),
        ("X, account 12345678", ["account"], False),  # belongs to what follows
        ("X account 12345678", ["account"], False),
        ("X account: 12345678", ["account"], False),
        ("X account=12345678", ["account"], False),
        ("X and the account is other", ["account"], True),
        ("X is in use. The account is closed", ["account"], False),  # another sentence
        ("X\nssn", ["ssn"], False),  # another line
        ("X | ssn", ["ssn"], False),  # another cell
        ("X\tssn", ["ssn"], False),
        ("X</a><ssn>", ["ssn"], False),
        ("X red blue green black ssn", ["ssn"], False),  # the fifth word
        ("X accounts were closed", ["account"], False),  # so many
        ("X (see the rest of it", ["rest"], False),  # never closed
        ("X.ssn", ["ssn"], False),
        ("X_ssn", ["ssn"], False),
        ("X ssn", [], False),
    ],
)
def test_words_after(text, words, expected):
    start = text.index("X")
    text = text.replace("X", NUMBER)
    around = Context(text, label="", stop_words=STOP)
    assert around.speaks(Vocabulary(words), start, start + len(NUMBER)) is expected


def test_words_after_speak_for_numbers_only():
    around = Context("threading.Th is my url", label="", stop_words=STOP)
    assert not around.speaks(Vocabulary(["url"]), 0, 12)


@settings(max_examples=examples(300), deadline=None)
@given(
    before_it=st.text(max_size=30),
    value=st.text(min_size=1, max_size=12),
    tail=st.text(max_size=90),
)
def test_any_text_has_words_around_any_place(before_it, value, tail):
    text = before_it + value + tail
    start = len(before_it)
    words = after(text, start, start + len(value), stop_words=STOP)
    assert set(words.split()) <= set(words_of(tail[: REACH_AFTER + 12]))


def test_the_label_speaks_for_the_whole_value():
    assert speaks("value X", ["passport"], label="passportNumber")


def test_nothing_speaks_without_words():
    assert not Vocabulary([])
    assert not speaks("ssn X", [])


def test_confidence_is_raised_as_in_presidio():
    assert raised(0.01) == 0.4
    assert raised(0.5) == 0.85
    assert raised(0.85) == 1.0


def test_identifiers_are_split():
    assert words_of("myAPIKey user_id HTTP2Server") == [
        "my", "api", "key", "user", "id", "http", "2", "server",
    ]  # fmt: skip
