"""Words of a company's own lists: whole, in any white space and any alphabet, thousands at once."""

from __future__ import annotations

import random
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors.keywords import Keywords, fold


def found(terms, text, *, match_case=False):
    return [text[a:b] for _, a, b in Keywords([(terms, match_case)]).find(text)]


@pytest.mark.parametrize(
    ("term", "text", "wanted"),
    [
        ("Bluebird", "a BLUEBIRD, and bluebird.", ["BLUEBIRD", "bluebird"]),
        ("Bluebird", "bluebirds xbluebird bluebird_2", []),
        ("Operation Nightjar", "operation\n  nightjar", ["operation\n  nightjar"]),
        ("Operation Nightjar", "operation-nightjar, the nightjar", []),
        ("the x the", "xx the x the x the", ["the x the", "the x the"]),
        ("C++", "in c++ or c++20", ["c++", "c++"]),
        (".acme", "x.acme", [".acme"]),
        ("Größe", "die GRÖSSE, GRÖßE", ["GRÖßE"]),
        ("机密", "这 机密 是", ["机密"]),
        ("été", "l'été à l'ÉTÉ", ["été", "ÉTÉ"]),
    ],
)  # fmt: skip
def test_terms_stand_as_whole_words(term, text, wanted):
    if term == "the x the":
        assert set(found([term], text)) == set(wanted)
    else:
        assert found([term], text) == wanted


def test_case_counts_when_it_is_wanted():
    assert found(["Falcon"], "falcon Falcon FALCON", match_case=True) == ["Falcon"]


def test_each_list_has_its_number():
    words = Keywords([(["red"], False), ([], False), (["red", "blue"], True)])
    assert sorted(words.find("Red red blue")) == [
        (0, 0, 3), (0, 4, 7), (2, 4, 7), (2, 8, 12)
    ]  # fmt: skip
    assert list(Keywords([]).find("red")) == []


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.sampled_from(["ab", "abc", "b c", "ä ö", "İx", "c d e"]), min_size=1),
    st.text("abcde äöÄİx\n_-", max_size=60),
)
def test_nothing_is_missed_that_a_plain_search_finds(terms, text):
    wanted = set()
    for term in terms:
        body = r"\s+".join(map(re.escape, term.split()))
        for at in range(len(text)):
            match = re.compile(rf"(?i)(?<!\w){body}(?!\w)").match(text, at)
            if match:
                wanted.add(match.span())
    assert {(a, b) for _, a, b in Keywords([(terms, False)]).find(text)} == wanted


@given(st.text(max_size=50))
def test_folding_keeps_every_place(text):
    assert len(fold(text)) == len(text)


def test_thousands_of_terms_cost_little():
    rng = random.Random(5)
    terms = [
        "".join(rng.choices(string.ascii_lowercase, k=rng.randint(6, 12))) for _ in range(5000)
    ]
    words = Keywords([(terms, False)])
    text = ("the quick brown fox jumps over the lazy dog " * 25 + terms[77] + "\n") * 200
    started = time.process_time()
    assert len(list(words.find(text))) == 200
    assert time.process_time() - started < len(text) / 5e6
