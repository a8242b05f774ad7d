"""What do barcodes in a picture say? Law: what a code says is content, as if it were written there.

zxing-cpp reads QR, DataMatrix, Aztec, PDF417, MaxiCode and the linear codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import zxingcpp

from gateway.content.pictures.ocr import Pixels
from gateway.content.reading import Box, Fact, Region, Said, Text

_DRIVER = re.compile(r"^@[\n\r\x1c\x1e]*(?:ANSI |AAMVA|AAMVA )", re.DOTALL)
"""The head of the PDF417 on driving licences and identity cards of North America.

AAMVA DL/ID Card Design Standard, annex D.12.3: compliance indicator, separators, file type.
"""

_ELEMENTS = {
    "DCS": "last name",
    "DAB": "last name",
    "DAC": "first name",
    "DCT": "first name",
    "DAD": "middle name",
    "DAA": "full name",
    "DBB": "date of birth",
    "DAG": "street address",
    "DAH": "street address",
    "DAI": "city",
    "DAJ": "state",
    "DAK": "postal code",
    "DAQ": "driver license number",
    "DCF": "document discriminator",
    "DBA": "expiry date",
    "DBD": "issue date",
    "DBK": "social security number",
    "DAU": "height",
    "DCK": "inventory control number",
}
"""Annex D.12.5: element identifiers that hold something about a person, in words for context."""

_SURE = {"QRCode", "MicroQRCode", "RMQRCode", "DataMatrix", "Aztec", "PDF417", "MaxiCode"}
"""Codes with error correction; the others are lines, and stripes of a shirt may look like them."""

_CHECKED_LINEAR = 6
"""A linear code of fewer characters may be chance, as stripes of a shirt are."""


def codes(pixels: Pixels, place: str) -> Iterator[Said]:
    """What each code says, its place, and whether it belongs to an identity document."""
    found = zxingcpp.read_barcodes(np.ascontiguousarray(pixels), text_mode=zxingcpp.TextMode.Plain)
    number = 0
    for code in found:
        text = code.text
        if not text or (len(text) < _CHECKED_LINEAR and _linear(code)):
            continue
        box = _box(code, pixels)
        where = f"{place}.code[{number}]"
        number += 1
        yield Region(where, "code", box)
        yield Text(where, text, boxes=((0, len(text), box),))
        if _DRIVER.match(text):
            yield Fact("identity_document", value=True)
            yield from _driver(text, where, box)
    if number:
        yield Fact("codes", number)


def _linear(code: zxingcpp.Barcode) -> bool:
    return not any(str(code.format).replace(" ", "").endswith(sure) for sure in _SURE)


def _box(code: zxingcpp.Barcode, pixels: Pixels) -> Box:
    """The code's corners, and its quiet zone of about a twentieth around it."""
    height, width = pixels.shape[:2]
    position = code.position
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    edge = max(4, (max(xs) - min(xs) + max(ys) - min(ys)) // 40)
    return (
        max(0, min(xs) - edge),
        max(0, min(ys) - edge),
        min(width, max(xs) + edge + 1),
        min(height, max(ys) + edge + 1),
    )


def _driver(text: str, where: str, box: Box) -> Iterator[Text]:
    for number, line in enumerate(text.splitlines()):
        # The first element follows the subfile type `DL` or `ID` without a separator.
        element = re.match(r"(?:.*?(?:DL|ID))?(D[A-D][A-Z])(.+)$", line)
        if element and element[1] in _ELEMENTS:
            value = element[2].strip()
            yield Text(
                f"{where}.field[{number}]",
                value,
                label=_ELEMENTS[element[1]],
                boxes=((0, len(value), box),),
            )
