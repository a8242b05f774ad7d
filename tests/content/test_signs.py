"""Names of glyphs stand for characters, or for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.content import signs


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("A", "A"),
        ("four", "4"),
        ("hyphen", "-"),
        ("udieresis", "ü"),
        ("Aring", "Å"),
        ("germandbls", "ß"),
        ("uni0416", "Ж"),
        ("u1F600", "\U0001f600"),
        ("uniD800", ""),
        ("u110000", ""),
        ("g17", ""),
        (".notdef", ""),
    ],
)
def test_a_name_stands_for_its_character(name, sign):
    assert signs.of(name) == sign


@given(st.text(max_size=12))
def test_any_name_is_told_or_not(name):
    assert len(signs.of(name)) <= 1
