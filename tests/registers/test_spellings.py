"""Are values known in every spelling that is promised?"""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registers.spellings import forms, is_a
from gateway.registers.words import form_of, words_of


def form(text):
    return form_of(words_of(text))


def test_a_name_is_known_with_the_last_one_first():
    for cell in ("Ann Maria Miller", "Miller, Ann Maria"):
        assert {"ann maria miller", "miller ann maria"} <= set(forms(cell, "name"))
    assert forms("Cher", "name") == ["cher"]


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)))
def test_a_date_is_known_in_every_order(date):
    known = set(forms(date.isoformat(), "date"))
    day, month, year = date.day, date.month, date.year
    for written in (
        f"{date:%Y-%m-%d}", f"{date:%Y/%m/%d}", f"{date:%Y%m%d}", f"{date:%d.%m.%Y}",
        f"{date:%m/%d/%Y}", f"{day}.{month}.{year}", f"{month}/{day}/{year}", f"{day}. {month}. {year}",
        f"{date:%d %B %Y}", f"{date:%B} {day}, {year}", f"{day} {date:%b} {year}",
        f"{date:%b} {day} {year}", f"{date:%Y-%m-%d}T00",
    ):  # fmt: skip
        assert form(written) in known, written
    assert all(set(forms(f"{date:{shape}}", "date")) == known for shape in ("%Y%m%d", "%d.%m.%Y"))


def test_dates_are_known_in_other_languages():
    known = forms("1987-03-02", "date")
    for written in ("2. März 1987", "2 mars 1987", "2 de marzo de 1987", "02 maart 1987", "March 2nd, 1987"):  # fmt: skip
        assert form(written) in known


def test_a_month_comes_first_where_the_column_says_so():
    assert forms("3/2/1987", "date", order="mdy")[0] == "19870302"
    assert forms("3/2/1987", "date", order="dmy")[0] == "19870203"
    assert forms("3/22/1987", "date", order="dmy")[0] == "19870322"
    assert not is_a("31.02.1987", "date")
    assert not is_a("soon", "date")


@pytest.mark.parametrize(
    ("cell", "region", "written"),
    [
        ("0171 5550123", "DE", ("+49 171 5550123", "0049 171/5550123", "(0171) 555-0123", "+49 (0)171 5550123")),
        ("+1 212 555 0123", None, ("(212) 555-0123", "212.555.0123", "1-212-555-0123")),
        ("0044 20 7946 0958", None, ("020 7946 0958", "+44 20 7946 0958")),
    ],
)  # fmt: skip
def test_a_telephone_number_is_known_from_everywhere(cell, region, written):
    known = forms(cell, "phone", region=region)
    for each in written:
        assert form(each) in known, each


@pytest.mark.parametrize("cell", ["1234.5", "1,234.50", "1.234,5", "1 234,50", "1'234.50"])
def test_a_number_is_known_with_and_without_separators(cell):
    known = forms(cell, "number")
    for each in ("1234.5", "1,234.50", "1.234,50", "1234,5", "1 234.50"):
        assert form(each) in known, each


@given(st.text(max_size=40), st.sampled_from(["text", "name", "date", "phone", "number"]))
def test_any_cell_has_its_own_form(cell, kind):
    found = forms(cell, kind, region="DE")
    assert bool(found) == bool(words_of(cell))
    if kind == "text" and found:
        assert found == [form(cell)]
