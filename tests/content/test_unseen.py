"""Text of PDF pages that nobody sees: gone where the page looks the same without it, else it stays."""

from __future__ import annotations

import io

import pikepdf
import pypdfium2 as pdfium
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import ImageChops
from support import pdfs

from gateway.content import open_blob, walk, write_blob
from gateway.content.docclean import whole
from gateway.content.looking import PictureSettings
from gateway.content.reading import Fact, FileLimits
from gateway.content.rewriting import CannotRewrite
from gateway.model import BlobPart, Cleaning, Locator, Step

BLIND = PictureSettings(ocr=False, faces=False, codes=False)
SHOWN = b"BT /F1 12 Tf 30 250 Td (ShownFirst) Tj ET "
LAST = b" BT /F1 12 Tf 30 20 Td (ShownLast) Tj ET"
VALUE = "Planted7731"


def page(content, **resources):
    return pdfs.saved(pdfs.drawn(SHOWN + content + LAST, **resources))


def stripped(data):
    return whole.cleaned(data, "application/pdf", metadata=False, hidden=True)


def is_known(data):
    return any(
        isinstance(said, Fact) and said.name == "hidden"
        for said in walk.walk(data, limits=FileLimits(), looking=BLIND)
    )


def pictures(data):
    """Pages as drawn, larger than the writer draws them."""
    with pdfium.PdfDocument(data) as document:
        return [one.render(scale=4).to_pil().convert("RGB") for one in document]


def look_alike(one, two):
    """Do the pages look the same, but for differences that nobody sees?"""
    return all(
        max(high for _, high in ImageChops.difference(before, after).getextrema()) <= 2
        for before, after in zip(pictures(one), pictures(two), strict=True)
    )


def picture(document, size=(8, 8), shade=0):
    stream = document.make_stream(bytes([shade]) * (size[0] * size[1]))
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height = size
    stream.ColorSpace, stream.BitsPerComponent = Name.DeviceGray, 8
    return stream


def under_a_picture():
    document = pdfs.drawn(
        SHOWN + b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET q 120 0 0 30 20 140 cm /Im Do Q" + LAST
    )
    document.pages[0].obj.Resources.XObject = Dictionary(Im=picture(document))
    return pdfs.saved(document)


def in_a_form(*, elsewhere=False):
    """Under a bar in a form; `elsewhere` it is seen on another page."""
    document = pdfs.blank(2)
    form = document.make_stream(b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET")
    form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 400, 300])
    form.Matrix = Array([1, 0, 0, 1, 10, 5])
    form.Resources = document.pages[0].obj.Resources
    for number, one in enumerate(document.pages):
        one.obj.Resources = Dictionary(
            Font=one.obj.Resources.Font, XObject=Dictionary(X=document.make_indirect(form))
        )
        bar = b"" if elsewhere and number else b" 20 140 150 40 re f"
        one.obj.Contents = document.make_stream(SHOWN + b"q /X Do Q" + bar + LAST)
    return pdfs.saved(document)


def turned_and_cropped():
    document = pdfs.drawn(
        SHOWN
        + b"BT /F1 12 Tf 30 150 Td (Planted7731 ) Tj (seen) Tj ET 25 145 75 20 re f "
        + b"BT /F1 12 Tf 310 100 Td (Planted7731) Tj ET"
        + LAST
    )
    document.pages[0].obj.Rotate = 90
    document.pages[0].obj.CropBox = Array([0, 0, 300, 290])
    return pdfs.saved(document)


UNSEEN = {
    "off the page": lambda: page(b"BT /F1 12 Tf 500 150 Td (Planted7731) Tj ET"),
    "below the page": lambda: page(b"q 1 0 0 1 0 -400 cm BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET Q"),
    "invisible": lambda: page(b"BT 3 Tr /F1 12 Tf 30 150 Td (Planted7731) Tj 0 Tr ET"),
    "transparent": lambda: page(
        b"q /CLEAR gs BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET Q",
        ExtGState={"/CLEAR": Dictionary(ca=0)},
    ),
    "a clip for nothing": lambda: page(b"q BT 7 Tr /F1 12 Tf 30 150 Td (Planted7731) Tj ET Q"),
    "under a bar": lambda: page(b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 20 140 150 30 re f"),
    "under a bar that has a label": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 20 140 150 30 re f"
        b" BT 1 g /F1 9 Tf 30 150 Td (Removed) Tj 0 g ET"
    ),
    "under a thick line": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 20 w 20 154 m 170 154 l S"
    ),
    "under a white box": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 1 g 20 140 150 30 re f 0 g"
    ),
    "a bar over a part": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Name: Planted7731 seen) Tj ( too) Tj ET 66 140 73 30 re f"
    ),
    "kerned under a bar": lambda: page(
        b"BT /F1 12 Tf 30 150 Td [(Pla) -20 (nted) 15 (7731)] TJ ET 20 140 150 30 re f"
    ),
    "white": lambda: page(b"BT 1 g /F1 12 Tf 30 150 Td (Planted7731) Tj 0 g ET"),
    "nearly white": lambda: page(b"BT 0.996 g /F1 12 Tf 30 150 Td (Planted7731) Tj 0 g ET"),
    "blue on blue": lambda: page(
        b"0 0 1 rg 20 140 200 40 re f BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 0 g"
    ),
    "under a picture": under_a_picture,
    "in a form": in_a_form,
    "by the next line": lambda: page(
        b"BT /F1 12 Tf 14 TL 30 164 Td (Seen) Tj (Planted7731) ' (Below) ' ET 25 147 90 12 re f"
    ),
    "turned and cropped": turned_and_cropped,
}  # fmt: skip

SEEN = {
    "white on dark": lambda: page(
        b"0 0 0.5 rg 20 140 200 40 re f BT 1 g /F1 12 Tf 30 150 Td (Planted7731) Tj 0 g ET"
    ),
    "white, half on dark": lambda: page(
        b"0 0 0.5 rg 20 140 200 13 re f BT 1 g /F1 12 Tf 30 150 Td (Planted7731) Tj 0 g ET"
    ),
    "half covered": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 1 g 20 140 200 13 re f 0 g"
    ),
    "clipped": lambda: page(
        b"q 20 140 200 14 re W n BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET Q"
    ),
    "over the edge": lambda: page(b"BT /F1 12 Tf -2 150 Td (Planted7731) Tj ET"),
    "under something half seen": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET q /HALF gs 1 g 20 140 200 40 re f Q",
        ExtGState={"/HALF": Dictionary(ca=0.9)},
    ),
    "over a bar": lambda: page(
        b"0.8 g 20 140 200 40 re f 0 g BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET"
    ),
    "under a frame": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET 20 140 150 30 re S"
    ),
    "under a bar that is clipped away": lambda: page(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET q 0 0 9 9 re W n 20 140 150 30 re f Q"
    ),
    "as a clip": lambda: page(
        b"q BT 7 Tr /F1 40 Tf 30 150 Td (Planted7731) Tj ET 20 140 350 60 re f Q"
    ),
    "faint": lambda: page(b"BT 0.95 g /F1 12 Tf 30 150 Td (Planted7731) Tj 0 g ET"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNSEEN)
def test_unseen_text_is_known_and_gone_and_the_page_looks_the_same(kind, tmp_path):
    data = UNSEEN[kind]()
    assert pdfs.finds(VALUE, pdfs.page_words(data))
    assert is_known(data) == (kind != "a clip for nothing")
    after = stripped(data)
    for judge, said in pdfs.seen_by(after, tmp_path).items():
        assert not pdfs.finds(VALUE, said), judge
    words = pdfs.page_words(after)
    assert "ShownFirst" in words
    assert "ShownLast" in words
    assert look_alike(after, data)
    assert not is_known(after)


@pytest.mark.parametrize("kind", SEEN)
def test_text_that_is_seen_stays(kind):
    data = SEEN[kind]()
    after = stripped(data)
    assert not is_known(data)
    assert pdfs.page_words(after) == pdfs.page_words(data)
    assert look_alike(after, data)


def test_a_policy_that_strips_what_is_hidden_meets_it():
    place = Locator("body.file", (Step("body", 0, 0),))
    blob = BlobPart(place, UNSEEN["a bar over a part"]())
    opened = open_blob(blob, max_bytes=1 << 20, looking=BLIND)
    after = write_blob(
        blob, opened, (), [Cleaning(place, "hidden", "strip")], key=b"key", looking=BLIND
    )
    assert VALUE not in pdfs.page_words(after)


def test_what_is_seen_beside_a_bar_stays():
    words = pdfs.page_words(stripped(UNSEEN["a bar over a part"]()))
    assert "Name:" in words
    assert "seen too" in words


def test_a_form_that_is_seen_elsewhere_stays_there():
    data = in_a_form(elsewhere=True)
    after = stripped(data)
    assert look_alike(after, data)
    with pdfium.PdfDocument(after) as document:
        first, second = (one.get_textpage().get_text_range() for one in document)
    assert VALUE not in first
    assert VALUE in second


@pytest.mark.parametrize("way", ["DCT", "one bit", "flat"])
def test_a_searchable_scan_stays_one(way):
    data = pdfs.scan(VALUE, way=way)
    assert not is_known(data)
    assert pdfs.page_words(stripped(data)) == pdfs.page_words(data)


def test_text_behind_a_scan_stays():
    document = pdfs.drawn(
        b"BT /F1 12 Tf 30 150 Td (Planted7731) Tj ET q 400 0 0 300 0 0 cm /Im Do Q"
    )
    document.pages[0].obj.Resources.XObject = Dictionary(Im=picture(document))
    data = pdfs.saved(document)
    assert not is_known(data)
    assert pdfs.finds(VALUE, pdfs.page_words(stripped(data)))


def test_what_cannot_be_followed_is_refused():
    document = pikepdf.open(io.BytesIO(UNSEEN["invisible"]()))
    font = document.pages[0].obj.Resources.Font.F1
    font.Subtype, font.BaseFont = Name.TrueType, Name("/Unknown")
    data = pdfs.saved(document)
    assert is_known(data)
    with pytest.raises(CannotRewrite, match="unseen text"):
        stripped(data)
