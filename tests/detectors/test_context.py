"""Which words count as context."""

from __future__ import annotations

import pytest
from spacy.lang.en.stop_words import STOP_WORDS

from gateway.detectors.context import Context, Vocabulary, raised, words_of

STOP = frozenset(STOP_WORDS)


def speaks(text: str, words: list[str], label: str = "") -> bool:
    start = text.index("X")
    return Context(text, label=label, stop_words=STOP).speaks(Vocabulary(words), start)


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
        ("X is the ssn", ["ssn"], False),  # words after do not speak
        ("my Straße: X", ["straße"], True),
        ("사업자등록번호 X", ["사업자등록번호"], True),
    ],
)
def test_words_before(text, words, expected):
    assert speaks(text, words) is expected


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
