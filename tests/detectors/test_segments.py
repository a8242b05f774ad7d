"""Cuts cover the text, stay where they are when something else changes, and spare keys."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors.segments import MOST, SHORT, pieces


def prose(seed: int, size: int) -> str:
    rng = random.Random(seed)
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
    text = ""
    while len(text) < size:
        text += " ".join(rng.choice(words) for _ in range(rng.randint(3, 14))) + "\n"
    return text


@settings(max_examples=examples(40), deadline=None)
@given(unit=st.text(min_size=1, max_size=30), times=st.integers(1, 3000))
def test_pieces_cover_the_text(unit, times):
    text = unit * times
    cut = pieces(text)
    assert cut[0].start == 0
    assert cut[-1].end == len(text)
    for left, right in pairwise(cut):
        assert left.end == right.start
    for piece in cut:
        assert 0 < piece.end - piece.start <= max(MOST, SHORT)
        assert piece.left <= piece.start <= piece.end <= piece.right


def test_an_insertion_at_the_front_moves_few_cuts():
    text = prose(1, 200_000)
    before = {text[p.left : p.right] for p in pieces(text)}
    changed = "A new first line.\n" + text
    after = [changed[p.left : p.right] for p in pieces(changed)]
    fresh = [piece for piece in after if piece not in before]
    assert len(after) > 20
    assert len(fresh) <= 4


def test_growth_at_the_end_keeps_all_but_the_last():
    text = prose(2, 100_000)
    before = {text[p.left : p.right] for p in pieces(text)}
    changed = text + "One more line.\n"
    fresh = [p for p in pieces(changed) if changed[p.left : p.right] not in before]
    assert len(fresh) <= 2


def test_a_private_key_is_never_cut():
    kind = "PRIVATE KEY"
    key = f"-----BEGIN {kind}-----\n" + "QUJD\n" * 900 + f"-----END {kind}-----\n"
    text = prose(3, 11_000) + key + prose(4, 30_000)
    start = text.index(key)
    assert any(p.start <= start and start + len(key) <= p.end for p in pieces(text))
