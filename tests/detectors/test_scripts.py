"""Words in other scripts are found where they stand, in any case, and nowhere else."""

from __future__ import annotations

import pytest

from gateway.detectors.databases import database
from gateway.detectors.prefilter import Expression, Prefilter, located, phrase, word
from gateway.detectors.scripts import ScriptWords

WORDS = (("номер",), ("номер", "карты"), ("密码",), ("αριθμός",), ("운전", "면허"))


@pytest.fixture(scope="module")
def words() -> ScriptWords:
    return ScriptWords(
        list(enumerate(WORDS)), lambda forms: database(forms, key=b"k", cache_dir=None)
    )


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Номер: 12", {0: [5]}),
        ("ein НОМЕР  карты 4", {0: [9], 1: [16]}),
        ("номера, номер-карты", {0: [5, 13], 1: [19]}),
        ("номер одной карты", {0: [5]}),
        ("您的密码是 x", {2: [4]}),
        ("ΑΡΙΘΜΌΣ και αριθμός", {3: [7, 19]}),
        ("groß: номер", {0: [11]}),
        ("İ ﬁ номер", {0: [9]}),
        ("운전\n면허 9", {4: [5]}),
        ("ничего такого, 密 碼", {}),
        ("a lone \ud800 номер", {0: [14]}),
    ],
)
def test_words_are_found_in_any_case_at_their_places(words, text, ends):
    assert words.find(text) == ends


def test_without_words_nothing_is_looked_for():
    assert ScriptWords([], lambda _: (None, [])).find("номер") == {}


def test_patterns_that_want_a_word_of_another_script_wait_for_it():
    wanted = frozenset({word("номер"), phrase(["운전", "면허"])})
    expressions = [
        Expression(*(each.pattern, each.flags, each.before), words=wanted)
        for each in [located(r"\b\d{6}\b")]
    ]
    made = Prefilter.build(expressions, key=b"k", cache_dir=None)
    assert made.candidates("Номером 123456") == {0: [(8, 14)]}
    assert made.candidates("운전 면허 123456") == {0: [(6, 12)]}
    assert made.candidates("другой текст, совсем другой: 123456") == {}
    assert made.candidates("123456", label="номер") == {0: [(0, 6)]}
