"""Numbers in cells of an old workbook are read as their formats show them, wherever they are kept."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compound

from gateway.content import open_blob
from gateway.content.readers import biff
from gateway.content.reading import Budget, FileLimits
from gateway.model import BlobPart, Locator

SSN = 219_09_9876
FORMATS = {164: "000-00-0000", 165: "00000000", 166: "0.00"}
STYLES = (0, 164, 165, 166, 14)


def record(kind, body=b""):
    return struct.pack("<HH", kind, len(body)) + body


BEGIN = struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6)


def number(row, column, style, value):
    return record(0x203, struct.pack("<HHHd", row, column, style, value))


def short(value):
    """A whole number in 30 bits."""
    return struct.pack("<i", value << 2 | 2)


def book(*cells, since_1904=False):
    """A stream of one sheet with `cells`."""
    head = record(0x809, BEGIN)
    if since_1904:
        head += record(0x22, b"\1\0")
    for name, code in FORMATS.items():
        head += record(0x41E, struct.pack("<HHB", name, len(code), 0) + code.encode())
    for style in STYLES:
        head += record(0xE0, struct.pack("<HH", 0, style) + bytes(16))
    bound = 4 + 8 + 1
    at = len(head) + bound + 4
    head += record(0x85, struct.pack("<IBBBB", at, 0, 0, 1, 0) + b"A") + record(0x0A)
    size = record(0x200, struct.pack("<IIHHH", 0, 9, 0, 9, 0))
    chart = record(0x809, BEGIN) + number(0, 0, 1, 1.0) + record(0x0A)
    return head + record(0x809, BEGIN) + size + chart + b"".join(cells) + record(0x0A)


def shown(stream):
    return biff.shown(stream, Budget(FileLimits(), len(stream)))


@pytest.mark.parametrize(
    "cell",
    [
        number(2, 1, 1, float(SSN)),
        record(0x27E, struct.pack("<HHH", 2, 1, 1) + short(SSN)),
        record(0xBD, struct.pack("<HHH", 2, 1, 1) + short(SSN) + struct.pack("<H", 1)),
        record(0x06, struct.pack("<HHHd", 2, 1, 1, float(SSN)) + bytes(8)),
    ],
    ids=["number", "short", "shorts", "formula"],
)
def test_a_number_is_shown_with_the_signs_of_its_format(cell):
    assert shown(book(cell)) == [{(2, 1): "219-09-9876"}]


def test_what_shows_as_it_is_stored_is_not_said():
    stream = book(number(0, 0, 0, 12.0), number(1, 0, 3, 12.0), number(2, 0, 1, 1.5))
    assert shown(stream) == [{}]
    error = record(0x06, struct.pack("<HHH", 2, 1, 1) + bytes(6) + b"\xff\xff" + bytes(8))
    assert shown(book(error)) == [{}]


@pytest.mark.parametrize(("since_1904", "day"), [(False, "1990-07-01"), (True, "1994-07-02")])
def test_days_are_dates(since_1904, day):
    assert shown(book(number(0, 0, 4, 33055.0), since_1904=since_1904)) == [{(0, 0): day}]


def test_rows_of_a_workbook_are_read_as_they_are_shown():
    stream = book(number(2, 1, 1, float(SSN)), number(2, 2, 0, 7.0))
    data = compound.compound("Workbook", stream)
    found = open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 20)
    assert "219-09-9876\t7" in [part.text for part in found.parts]


@given(st.integers(0, 400), st.binary(max_size=20))
def test_damaged_ones_are_read_as_far_as_they_go(at, other):
    stream = book(number(2, 1, 1, float(SSN)))
    damaged = stream[:at] + other + stream[at + len(other) :]
    assert all(isinstance(cells, dict) for cells in shown(damaged))
