"""Does every character of an urlencoded text lie in a name, a value or a separator?"""

from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import form


@given(st.text("ab=&;+%", max_size=40))
def test_no_character_is_dropped(text):
    covered = set()
    for (name_start, name_end), (value_start, value_end) in form.pairs(text):
        assert 0 <= name_start <= name_end <= value_start + 1
        assert value_start <= value_end <= len(text)
        covered |= {*range(name_start, name_end), *range(value_start, value_end)}
    assert {text[at] for at in set(range(len(text))) - covered} <= {"=", "&"}


def test_names_values_and_repeats():
    text = "/p?a=1&b&=v&a=2=3&"
    found = [(text[slice(*name)], text[slice(*value)]) for name, value in form.pairs(text, 3)]
    assert found == [("a", "1"), ("b", ""), ("", "v"), ("a", "2=3")]
