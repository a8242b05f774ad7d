"""The prefilter never leaves out a place where a pattern matches; its cache is its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors.prefilter import (
    BLOCK,
    Expression,
    Prefilter,
    blocks,
    bounded,
    flatten,
    located,
    word,
)

PATTERNS = [
    located(r"\b\d{3}-\d{2}-\d{4}\b", int(regex.I)),
    located(r"(?<![\w-])[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}\s\d{1,4}(?!\w)", int(regex.I)),
    located(r"\b\w{2,6}\s\w{2,6}\b"),
    located(r"[k-s]{3}", int(regex.I)),
    Expression(r"\S+@\w+\.\w+"),
    located(r"(\d)\1\d"),
    located(r"(?<=ab)cd?"),
    located(r"(?<![\d.,])\d{2} ?\d{2}(?!\d)"),
    located(r"(?<!\w)[A-Z_]?\d{2}", int(regex.M)),
    located(r"(?<![A-Za-z0-9])[0-9]{2}"),
    located(r"(?<![\w\u00e9 .-])\d{2}"),
    located(r"\b[a-z0-9]{2,8}@[a-z]{2}"),
    located(r"(?<![\w.])[\w.]{1,5}-\w"),
    located(r"[ab]*c\d"),
    located(r"\w+?:x|y{2,3}z"),
    located(r"\S{0,9}|b"),
    located(r"(?<!\d)\d(?:[ -]?\d){5,9}(?!\d)"),
]


@pytest.fixture(scope="module")
def prefilter() -> Prefilter:
    return Prefilter.build(PATTERNS, key=b"k", cache_dir=None)


ALPHABET = st.sampled_from("0123456789aZkKsSſK٣１é ÄÖ-_.@\n\u00a0\u3000日abcd ")


@settings(max_examples=examples(300), deadline=None)
@given(text=st.text(ALPHABET | st.characters(codec="utf-8"), max_size=200))
def test_every_match_begins_in_a_window(prefilter, text):
    windows = prefilter.candidates(text)
    for number, expression in enumerate(PATTERNS):
        for match in regex.finditer(expression.pattern, text, expression.flags):
            if match.start() < match.end():
                assert any(a <= match.start() < b for a, b in windows.get(number, [])), expression


@settings(max_examples=examples(50), deadline=None)
@given(
    pad=st.integers(BLOCK - 40, BLOCK + 10), filler=st.sampled_from(["x", "word ", "line\n", "é "])
)
def test_matches_over_the_end_of_a_block_are_seen(prefilter, pad, filler):
    text = (filler * BLOCK)[:pad] + " 123-45-6789 " + (filler * BLOCK)[:pad]
    windows = prefilter.candidates(text)
    at = text.index("123-45")
    assert any(a <= at < b for a, b in windows[0])


def test_only_four_foreign_characters_match_a_letter():
    every = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x110000)]))
    assert set(regex.findall("[a-z]", every, regex.I)) <= set("\u0130\u0131\u017f\u212a")


@settings(max_examples=examples(200), deadline=None)
@given(text=st.text(max_size=100))
def test_the_flat_text_has_one_byte_per_code_point(text):
    text = text.encode("utf-8", "replace").decode()
    assert len(flatten(text)) == len(text)


@settings(max_examples=examples(100), deadline=None)
@given(text=st.text(st.sampled_from("a \n"), max_size=5000))
def test_blocks_cover_the_text(text):
    cuts = blocks(text.encode())
    assert "".join(text[a:b] for a, b in cuts) == text
    assert all(b - a <= BLOCK for a, b in cuts)


def test_what_may_not_stand_before_a_match_is_seen_to():
    prefilter = Prefilter.build([located(r"(?<![\w.-])\d{3}-?\d{3}")], key=b"k", cache_dir=None)
    assert not prefilter.candidates("a123456 -123456 .123-456 _123456")
    assert prefilter.candidates("123456").keys() == prefilter.candidates("(123-456").keys() == {0}


def test_a_pattern_that_cannot_be_compiled_runs_everywhere():
    made = Prefilter.build(
        [Expression(r"(?P<x>a)(?(x)b|c){1,99999}"), located("b")], key=b"k", cache_dir=None
    )
    assert made.unfiltered == (0,)
    assert made.candidates("zzz")[0] == [(0, 3)]


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("no word for 123456789", False),
        ("Passport 123456789", True),
        ("myPassportNo=123456789", True),
        ("id 123456789", True),
        ("userId: 123456789", True),
        ("USER_ID 123456789", True),
        ("did 123456789", False),
        ("123456789 is the ＩＤ", False),
    ],
)
def test_words_that_are_wanted(text, speaks):
    words = frozenset({word("passport"), word("id", whole=True)})
    made = Prefilter.build(
        [replace(located(r"\d{9}"), words=words), located(r"\d{9}")], key=b"k", cache_dir=None
    )
    windows = made.candidates(text)
    assert (0 in windows) is speaks
    assert 1 in windows
    assert 0 in made.candidates(text, label="passport")


@pytest.mark.parametrize(
    ("pattern", "least", "others"),
    [
        (r"\d{9}", 9, 0),
        (r"[0-9]{3}[- ]?\d+", 4, 1),
        (r"(?:\d\d|a\d{3})x?(?:\d{4})*", 2, 2),
        (r"(?=\d{9})\w{2,9}", 0, 9),
        (r"[\da]{4}[^0-9]1", 1, 5),
        (r"\d(?:[ -]?\d){11,18}\b", 12, 18),
        (r"\d{4}(?:\s|x.)", 4, 2),
    ],
)
def test_digits_and_others_that_matches_hold(pattern, least, others):
    from gateway.detectors.prefilter import _least_digits, _most_others, _tree

    tree = _tree(pattern, 0)
    assert (_least_digits(tree), _most_others(tree)) == (least, others)


@pytest.mark.parametrize(
    ("pattern", "sought"),
    [
        (r"\b[\w.]{1,40}@[a-z]", r"[\w.]{1}@[a-z]"),
        (r"(?:^|[^\w.])\d{8,10}:AA", r"\d{8}:AA"),
        (r"[\w-]*secret", "secret"),
        (r"\d{1,3}|x", r"\d{1,3}|x"),
        (r"\b[0-9]{4}-x", r"\b[0-9]{4}-x"),
    ],
)
def test_the_matcher_looks_for_the_least_of_what_repeats_at_the_beginning(pattern, sought):
    from gateway.detectors.prefilter import _headless

    assert _headless(pattern) == sought


@settings(max_examples=examples(200), deadline=None)
@given(text=st.text(st.sampled_from("1234567890 -.a\n"), max_size=400), start=st.integers(0, 300))
def test_matches_with_digits_begin_in_a_window_of_any_part(prefilter, text, start):
    windows = prefilter.candidates(text, min(start, len(text)))
    for number in (0, len(PATTERNS) - 1):
        for match in regex.finditer(PATTERNS[number].pattern, text):
            if match.start() >= start:
                assert any(a <= match.start() < b for a, b in windows.get(number, []))


def test_a_repeat_without_bound_is_quick_in_few_code_points_only():
    once = r"\d{4}T\d\d\.\d+(?:Z|[+-]\d\d)"
    assert bounded(once, within=512)
    assert not bounded(once)
    assert not bounded(r"(?:\w+ )+x", within=512)
    assert bounded(r"a{2,}", within=1)
