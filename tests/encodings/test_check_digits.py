from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import check_digits

TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"


def test_the_specimen_of_icao_fits():
    assert check_digits.mrz(TD3)
    assert not check_digits.mrz(TD3.replace("740812", "740813"))


def test_luhn_fits_as_the_standard_says():
    assert check_digits.luhn_fits([4, 9, 9, 2, 7, 3, 9, 8, 7, 1, 6])
    assert not check_digits.luhn_fits([4, 9, 9, 2, 7, 3, 9, 8, 7, 1, 7])


@given(st.lists(st.text(min_size=30, max_size=44), min_size=2, max_size=3))
def test_any_text_is_answered(lines):
    check_digits.mrz("\n".join(lines))
