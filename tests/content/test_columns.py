"""Columns of PDF pages and pictures: what a cell breaks over its lines is read whole, and rows are not joined."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
import pytest
from corpus.files import pictures
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas

from gateway.content import open_blob, write_blob
from gateway.content.readers import pdf
from gateway.model import BlobPart, Edit, Locator, Step

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
        [(f"row {row}", "4111 1111", "5" * (row % 2)) for row in range(9)],
        [("Total", "1234 5678"), ("of all", "words")],
        [(f"line {row} 4111 of one column only",) for row in range(9)],
    ],
    ids=["numbers", "empty cells", "no number below", "one column"],
)
def test_what_is_not_broken_is_not_joined(lines):
    assert columns(drawn(lines)) == []


CHAT = {
    (45, 40): "my card 4111 1111",
    (45, 70): "1111 1111 thanks",
    (395, 40): "did you get the 20",
    (395, 70): "euros from Tuesday",
}
TABLE = {
    (30, 40): "Maria",
    (200, 40): CARD[0],
    (200, 68): CARD[1],
    (450, 40): "paid",
    (450, 68): "in",
}


def picture(words):
    image = Image.new("RGB", (700, 200), "white")
    draw = ImageDraw.Draw(image)
    for place, text in words.items():
        draw.text(place, text, font=pictures.font("DejaVuSans", 20), fill="black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return BlobPart(Locator("body.file", (Step("body", 0, 0),)), out.getvalue())


@pytest.mark.parametrize("words", [CHAT, TABLE], ids=["chat", "table"])
def test_a_value_in_two_lines_beside_others_is_read_and_blackened_in_a_picture(words):
    blob = picture(words)
    seen = open_blob(blob, max_bytes=1 << 20)
    (part,) = [part for part in seen.parts if "\n".join(CARD) in part.text]
    start = part.text.index(CARD[0])
    edit = Edit(part.locator, start, start + len("\n".join(CARD)), "[CARD]")
    new = write_blob(blob, seen, [edit], (), key=b"k" * 32)
    left = open_blob(BlobPart(blob.locator, new), max_bytes=1 << 20)
    read = " ".join(part.text for part in left.parts)
    assert "1111" not in read
    for text in words.values():
        for word in text.split():
            assert word in read or word in " ".join(CARD)
