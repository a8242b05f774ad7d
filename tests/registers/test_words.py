"""Is a text read as the same words, whatever way it is written?"""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gateway.registers.words import Words, cased_form, form_of, words_of

LETTERS = st.text(
    st.sampled_from(
        "abcXYZ 019-.'’\u00ad\u200b_éÉßﬁ½…™İıςΣ한국田中さん가\u0301か\u3099\u1100\u1161\u11a8ñØœ１２Ａกำ\u0e33π\n\t"
    ),
    max_size=30,
)


def read(text):
    words = Words.of(text)
    pairs = zip(words.starts.tolist(), words.ends.tolist(), strict=True)
    return [words.text(start, end) for start, end in pairs]


@given(LETTERS)
def test_a_text_and_a_cell_are_read_as_the_same_words(text):
    assert read(text) == words_of(text)


@given(LETTERS)
def test_composed_and_decomposed_text_is_the_same(text):
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert read(text) == read(composed) == read(apart)


@given(st.text(max_size=60))
def test_every_letter_tells_where_it_stands(text):
    words = Words.of(text)
    assert (words.last > words.first).all()
    assert (words.first >= 0).all()
    assert (words.last <= len(text)).all()
    assert (words.starts < words.ends).all()


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_letter_case_and_what_stands_between_do_not_count(text):
    assert read(text.upper()) == read(text.lower())
    assert read(text.replace(" ", "\n \t")) == read(text)


def test_the_form_of_words():
    assert form_of(words_of("Jean-Luc O’Brien")) == "jean luc obrien"
    assert form_of(words_of("DE89 3704-0044")) == "de8937040044"
    assert form_of(words_of("王小明")) == "王 小 明"
    assert cased_form("Project X-Ray") == "Project X Ray"
    assert words_of("…½ ﬁne Straße") == ["1", "2", "fine", "strasse"]


@given(LETTERS)
def test_windows_have_the_form_of_their_words(text):
    words, said = Words.of(text), words_of(text)
    for first in range(len(said)):
        for count in range(1, len(said) - first + 1):
            assert words.form(first, count) == form_of(said[first : first + count])
