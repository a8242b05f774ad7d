"""Codes are read back whole, at their place, and any text can be asked for them."""

from __future__ import annotations

import base64
import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import codes

FINDERS = codes.PLAIN | codes.GUESSED
TEXT = "bob.smith@example.com"


@pytest.mark.parametrize(
    ("kind", "run", "plain"),
    [
        ("codes", " ".join(str(ord(c)) for c in TEXT), TEXT),
        ("codes", "+".join(f"chr({ord(c)})" for c in TEXT), TEXT),
        ("base85", base64.b85encode(TEXT.encode()).decode(), TEXT),
        ("ascii85", base64.a85encode(TEXT.encode(), adobe=True).decode(), TEXT),
        ("morse", ".- -... -.-. .---- ..--- ...-- .--.-. .-.-.- .", "ABC123@.E"),
        ("backwards", TEXT[::-1], TEXT),
        ("rot13", codecs.encode(TEXT, "rot13"), TEXT),
        ("words", "four one one, one five six-seven eight nine", "411156789"),
        ("words", "vier f\u00fcnf sieben eins zwei drei neun null acht", "457123908"),
        ("spoken", "bob dot smith at example dot com", TEXT),
        ("spoken", "bob.smith [at] example (dot) com", TEXT),
    ],
)
def test_a_code_is_read_back(kind, run, plain):
    text = f"see {run} there"
    ((start, end, found),) = FINDERS[kind](text, 0, len(text))
    assert (found, text[start:end]) == (plain, run)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("codes", "sizes 34 35 36 and 200 300 400 500 600 700 800 900"),
        ("base85", "InternationalizationOfTheConfiguration"),
        ("morse", "Contents . . . . . . . . . . . . 12"),
        ("morse", "--- --- --- --- --- --- --- --- ---"),
        ("backwards", "call 555-12-34 at example.com"),
        ("rot13", "an argument@method.args"),
        ("words", "one or two of the three"),
        ("spoken", "look at example.com, the dot is missing"),
    ],
)
def test_other_text_is_no_code(kind, text):
    assert list(FINDERS[kind](text, 0, len(text))) == []


_PIECES = st.sampled_from(
    ["52 ", "chr(52)+", "<~", "~>", "begin 644 a\n", "#0V%T\n", "00000000: 3431 3131 ", "\n", ".- ",
     "one ", "two-", " at ", " dot ", "[at]", "com", "moc.", "@", "4111", "-", "AKIA", "AIKA"]
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(text=st.lists(_PIECES | st.text(max_size=4), max_size=40).map("".join))
def test_any_text_can_be_asked(text):
    for find in FINDERS.values():
        last = 0
        for start, end, _ in find(text, 0, len(text)):
            assert last <= start < end <= len(text)
            last = end
