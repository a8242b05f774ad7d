from __future__ import annotations

import numpy as np
import pytest
import zxingcpp
from corpus.files import pictures as drawn
from PIL import Image

from gateway.content.pictures.codes import codes
from gateway.content.reading import Fact, Region, Text

LICENCE = (
    "@\n\x1e\rANSI 636000100002DL00410278ZV03190008DLDAQT64235789\nDCSSAMPLE\nDACMICHAEL\n"
    "DBB06061986\nDAG2300 WEST BROAD STREET\nDAIRICHMOND\nDAJVA\nDAK232690000\n"
)


def code(text, kind, scale=4):
    made = zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, kind), scale=scale)
    return np.pad(np.asarray(made), 30, constant_values=255)


def placed(mark, at=(200, 120), size=(1100, 700)):
    picture = np.asarray(drawn.plain(size=size)).copy()
    picture[at[1] : at[1] + mark.shape[0], at[0] : at[0] + mark.shape[1]] = mark[:, :, None]
    return picture


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix", "Aztec", "PDF417", "Code128"])
def test_what_a_code_says_is_text_with_a_box(kind):
    mark = code("otpauth totp secret 4711", getattr(zxingcpp.BarcodeFormat, kind), 2)
    parts = list(codes(placed(mark), "picture"))
    (text,) = [part for part in parts if isinstance(part, Text)]
    assert text.text == "otpauth totp secret 4711"
    ((_, end, box),) = text.boxes
    assert end == len(text.text)
    assert 195 <= box[0] <= 240
    assert box[2] <= 205 + mark.shape[1]
    assert Region("picture.code[0]", "code", box) in parts
    assert Fact("codes", 1) in parts


def test_a_driving_licence_is_an_identity_document_with_fields():
    parts = list(
        codes(placed(code(LICENCE, zxingcpp.BarcodeFormat.PDF417, 3), size=(1400, 900)), "picture")
    )
    assert Fact("identity_document", value=True) in parts
    said = {part.label: part.text for part in parts if isinstance(part, Text)}
    assert said["last name"] == "SAMPLE"
    assert said["driver license number"] == "T64235789"
    assert said["date of birth"] == "06061986"


def test_pictures_without_codes_have_none(astronaut, temple):
    for picture in (astronaut, temple, drawn.plain()):
        assert list(codes(np.asarray(picture), "picture")) == []


def test_a_code_in_a_compressed_picture_is_read(saved):
    import io

    small = Image.fromarray(
        placed(code("https://intranet.example/token", zxingcpp.BarcodeFormat.QRCode))
    )
    data = saved(small, "JPEG", quality=25)
    parts = list(codes(np.asarray(Image.open(io.BytesIO(data))), "picture"))
    assert "https://intranet.example/token" in [
        part.text for part in parts if isinstance(part, Text)
    ]
