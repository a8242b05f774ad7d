"""Columns of PDF pages: what a cell breaks over its lines is read whole, and rows are not joined."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
import pytest
from reportlab.pdfgen import canvas

from gateway.content.readers import pdf

CARD = ("4111 1111", "1111 1111")
SPACED = 14
"""From one row of a table to the next; the lines of a row stand 12 apart."""


def drawn(lines, *, at=(60, 200, 320), font="Helvetica", down=()):
    """A page whose `lines` are drawn one by one, each with a text for every column."""
    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.setFont(font, 10)
    y = 700
    for number, line in enumerate(lines):
        if font == "Courier":
            page.drawString(at[0], y, "".join(text.ljust(22) for text in line).rstrip())
        else:
            for x, text in zip(at, line, strict=False):
                if text:
                    page.drawString(x, y, text)
        y -= SPACED if number in down else 12
    page.save()
    return out.getvalue()


def columns(data):
    with pdfium.PdfDocument(data) as document:
        page = document[0]
        text, found = pdf.page_columns(page)
        page.close()
    for one in found:  # the places of a column are those of its letters
        whole = [text[start:end] for start, end in one.spans(0, len(one.text))]
        assert "\n".join(whole) == one.text
    return [one.text for one in found]


@pytest.mark.parametrize("font", ["Helvetica", "Courier"])
def test_a_value_in_two_lines_of_a_cell_is_read_whole(font):
    lines = [("Maria", CARD[0], "paid by the"), ("", CARD[1], "second week")]
    assert columns(drawn(lines, font=font)) == ["\n".join(CARD)]


def test_a_value_in_four_lines_of_a_cell_is_read_whole():
    lines = [
        ("Maria", "4111", "one"),
        ("", "1111", "two"),
        ("", "1111", "six"),
        ("", "1111", "ten"),
    ]
    assert columns(drawn(lines, down=(3,))) == ["4111\n1111\n1111\n1111"]


def test_an_address_in_two_lines_of_a_cell_is_read_whole():
    lines = [("Riga", "maria.lopez@", "paid by the"), ("", "example.com", "second week")]
    assert columns(drawn(lines)) == ["maria.lopez@\nexample.com"]


def test_rows_that_stand_apart_are_read_each_by_itself():
    rows = [("Maria", CARD[0], "one"), ("Lopez", CARD[1], "two")] * 2
    assert columns(drawn(rows, down=(1, 3))) == ["\n".join(CARD)] * 2


def test_columns_of_running_text_are_read_down():
    lines = [
        ("here is my card 4111 1111", "and other words"),
        ("1111 1111 so pay", "stand beside it"),
    ]
    read = columns(drawn([*lines, ("soon", "as they do")] * 2))
    assert read == ["here is my card 4111 1111\n1111 1111 so pay"] * 2


def test_places_are_right_behind_a_hyphen_at_the_end_of_a_line():
    lines = [("a hy-",), ("phen",), ("Maria", CARD[0], "paid"), ("", CARD[1], "second")]
    assert columns(drawn(lines)) == ["\n".join(CARD)]


@pytest.mark.parametrize(
    "lines",
    [
        [(str(1000 + row), str(4111 + row), "1111 1111") for row in range(9)],
        [("Total", "1234 5678"), ("of all", "words")],
        [(f"line {row} 4111 of one column only",) for row in range(9)],
    ],
    ids=["numbers", "no number below", "one column"],
)
def test_what_is_not_broken_is_not_joined(lines):
    assert columns(drawn(lines)) == []
