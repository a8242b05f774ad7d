"""Hashtags read as their words, and every place of the reading stands for one of the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detectors import hashtags
from gateway.detectors.names import Shipped


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("so sad #RIPJohnnyWinter", "so sad (RIP Johnny Winter"),
        ("#TonyAbbott, #JHill!", "(Tony Abbott, (J Hill!"),
        ("(#SharonDClarke)", "((Sharon D Clarke)"),
        ("#ÉlodieÑuñez_2", "(Élodie Ñuñez_2"),
    ],
)
def test_a_hashtag_reads_as_its_words(text, reads):
    assert hashtags.read(text).text == reads


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Johnny Winter, JohnnyWinter",
        "#Winter #winter #RIP # JohnnyWinter",
        "https://x.example/#JohnnyWinter String#ReplaceAll &#JohnnyWinter;",
        "a { } #mainContent { } {@link #getMetaZone}",
    ],
)
def test_what_is_no_hashtag_of_several_words_reads_as_it_stands(text):
    assert hashtags.read(text) == hashtags.Reading(text)


@given(st.text(alphabet="#Aab É.(\n_1", max_size=60))
def test_every_place_of_the_reading_stands_for_one_of_the_text(text):
    reading = hashtags.read(text)
    for at, sign in enumerate(reading.text):
        if at not in reading.spaces:
            assert text[reading.place(at)] in {sign, "#"}
    assert reading.place(len(reading.text)) == len(text)


def test_who_a_hashtag_names_is_found_in_it():
    finder = Shipped(known=frozenset({"PERSON"}))
    text = "Such sad news this morning. #RIPMargaretThornbury was a friend, says #KevinMcAllister."
    found = [text[start:end] for start, end, _, _ in finder.find(text)]
    assert found == ["MargaretThornbury", "KevinMcAllister"]
