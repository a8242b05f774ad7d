"""Numbers of a sheet as they are shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.content.readers import numbers

SHEET = (
    '<styleSheet xmlns="x"><numFmts>{}</numFmts>'
    '<cellStyleXfs><xf numFmtId="1"/></cellStyleXfs><cellXfs>{}</cellXfs></styleSheet>'
)


def shown(code: str, stored: str) -> str:
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    raw = SHEET.format(
        f'<numFmt numFmtId="164" formatCode="{escaped}"/>', '<xf numFmtId="0"/><xf numFmtId="164"/>'
    )
    found = numbers.formats(raw.encode()).get("1")
    return stored if found is None else found(stored)


@pytest.mark.parametrize(
    ("code", "stored", "expected"),
    [
        ("000\\-00\\-0000", "219099876", "219-09-9876"),
        ("000-00-0000", "19099876", "019-09-9876"),
        ('000"-"00"-"0000;@', "219099876", "219-09-9876"),
        ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "5551234", "555-1234"),
        ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "2125551234", "(212) 555-1234"),
        ("00000", "1234", "01234"),
        ("00000\\-0000", "123456789", "12345-6789"),
        ("0000 0000 0000 0000", "4111111111111111", "4111 1111 1111 1111"),
        ("[Red]00-00_);(0)", "12345", "123-45"),
        ("dd/mm/yyyy", "33055", "1990-07-01"),
        ("[$-409]mmmm\\ d\\,\\ yyyy;@", "33055", "1990-07-01"),
        ("yyyy-mm-dd hh:mm", "33055.25", "1990-07-01"),
        ("dd/mm/yyyy", "219099876", "219099876"),
        ("#,##0.00", "219099876", "219099876"),
        ("General", "219099876", "219099876"),
        ("0", "219099876", "219099876"),
        ("0%", "5", "5"),
        ("h:mm", "5", "5"),
        ('0 "years"', "51", "51"),
        ("000-00-0000", "-219099876", "-219099876"),
        ("000-00-0000", "2.5", "2.5"),
    ],
)
def test_a_number_reads_as_it_is_shown(code, stored, expected):
    assert shown(code, stored) == expected


def test_dates_are_known_by_number_too():
    raw = SHEET.format("", '<xf numFmtId="14"/><xf numFmtId="2"/>').encode()
    found = numbers.formats(raw)
    assert found["0"]("33055") == "1990-07-01"
    assert "1" not in found


def test_days_of_a_workbook_may_begin_in_1904():
    raw = SHEET.format("", '<xf numFmtId="14"/>').encode()
    for said, expected in (("1", "1990-07-01"), ("true", "1990-07-01"), ("0", "1986-06-30")):
        workbook = f'<workbook xmlns="x"><workbookPr a="b" date1904="{said}"/></workbook>'.encode()
        assert numbers.formats(raw, workbook)["0"]("31593") == expected


@given(st.text(alphabet='0#?-\\"[]<=9();_* /.,E%ymdhs@x', max_size=20), st.integers(0, 10**15))
def test_no_digit_is_lost_whatever_the_format(code, number):
    after = shown(code, str(number))
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", after):
        digits = [c for c in after if c in str(number)]
        rest = iter(digits)
        assert all(digit in rest for digit in str(number))


@given(st.binary(max_size=200))
def test_any_bytes_give_formats_or_none(raw):
    assert isinstance(numbers.formats(raw), dict)
