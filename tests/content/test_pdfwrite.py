"""Taking values out of PDF: no reader finds them afterwards, and all other words are still there."""

from __future__ import annotations

import ctypes
import email.message
import email.policy
import gzip
import io
import re
from collections import Counter

import pikepdf
import pypdfium2 as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops
from pypdfium2 import raw
from support import pdfs
from support.thorough import examples

from gateway.content import CannotRewrite, open_blob, pdfwrite, sandbox, write_blob, writers
from gateway.content.looking import PictureSettings
from gateway.content.readers import pdf
from gateway.content.reading import Budget, FileLimits, Text
from gateway.content.rewriting import REASONS, Cover, Erase
from gateway.model import BlobPart, Edit, Locator, Step

PLACE = Locator("body.file", (Step("body", 0, 0),))
VALUE = "219-09-9876"
PLAIN = PictureSettings(ocr=False, faces=False, codes=False)
NEW = "[US_SSN]"


def opened(data, looking=PLAIN):
    blob = BlobPart(PLACE, data)
    return blob, open_blob(blob, max_bytes=1 << 24, looking=looking)


def found(parts, value):
    # A value may be cut by the end of a line, where a hyphen goes.
    pattern = r"\s*".join(f"{re.escape(letter)}{'?' * (letter == '-')}" for letter in value)
    return [(part, match) for part in parts for match in re.finditer(pattern, part.text)]


def letters_of(data):
    """Visible letters of all pages and where they stand, as pdfium has them."""
    places = []
    x, y = ctypes.c_double(), ctypes.c_double()
    with pdfium.PdfDocument(data) as document:
        for number, page in enumerate(document):
            text = page.get_textpage()
            for index in range(text.count_chars()):
                letter = chr(raw.FPDFText_GetUnicode(text, index))
                if not letter.isspace() and raw.FPDFText_IsGenerated(text, index) != 1:
                    raw.FPDFText_GetCharOrigin(text, index, x, y)
                    places.append((number, letter, x.value, y.value))
    return places


def taken_out(data, value=VALUE, looking=PLAIN, new=NEW):
    blob, seen = opened(data, looking)
    assert seen.unread == () or looking is PLAIN
    places = found(seen.parts, value)
    assert places, "the value was not read"
    assert all(part.editable for part, _ in places)
    edits = [Edit(part.locator, match.start(), match.end(), new) for part, match in places]
    return write_blob(blob, seen, edits, (), key=b"k" * 32)


def assert_gone(data, folder, value=VALUE):
    assert not found(opened(data)[1].parts, value)
    for judge, said in pdfs.seen_by(data, folder).items():
        assert not pdfs.finds(value, said), judge


@pytest.mark.parametrize("maker", pdfs.ON_PAGES.values(), ids=pdfs.ON_PAGES)
def test_text_on_pages_is_gone_and_the_words_around_it_stay(maker, tmp_path):
    after = taken_out(maker(VALUE))
    assert_gone(after, tmp_path)
    words = pdfs.page_words(after)
    assert "before" in words
    assert "after" in words
    assert NEW in words.replace("\r\n", "")
    # None of these needs to become a picture.
    with pikepdf.open(io.BytesIO(after)) as document:
        assert not any(
            item.get("/Subtype") == "/Image"
            for item in document.objects
            if isinstance(item, pikepdf.Stream)
        )


@pytest.mark.parametrize("maker", pdfs.BEHIND.values(), ids=pdfs.BEHIND)
def test_what_stands_behind_the_pages_is_gone(maker, tmp_path):
    after = taken_out(maker(VALUE))
    assert_gone(after, tmp_path)


@pytest.mark.parametrize("maker", [*pdfs.ON_PAGES.values(), *pdfs.BEHIND.values()])
def test_the_judges_see_the_value_before(maker):
    said = pdfs.seen_by(maker(VALUE), None)
    assert any(pdfs.finds(VALUE, one) for one in said.values())


@pytest.mark.parametrize("maker", pdfs.ON_PAGES.values(), ids=pdfs.ON_PAGES)
def test_letters_that_stay_do_not_move(maker):
    before = maker(VALUE)
    after = letters_of(taken_out(before, new=""))
    places = {(page, letter, round(x), round(y)) for page, letter, x, y in letters_of(before)}
    assert after
    for page, letter, x, y in after:
        near = {
            (page, letter, round(x) + dx, round(y) + dy)
            for dx in (-2, -1, 0, 1)
            for dy in (-1, 0, 1)
        }
        assert near & places, (letter, x, y)


def pixels(data, page=0, scale=2):
    with pdfium.PdfDocument(data) as document:
        return document[page].render(scale=scale).to_pil().convert("L")


def test_a_gap_does_not_tell_which_letters_were_there():
    gaps = []
    for value in ("Iliad Lil", "Mammo Wow"):
        content = (
            b"BT /F1 12 Tf 30 150 Td [(before ) -31 " + pdfs.text(value) + b" 17 (after)] TJ ET"
        )
        after = taken_out(pdfs.saved(pdfs.drawn(content)), value, new="")
        with pikepdf.open(io.BytesIO(after)) as document:
            (gap,) = re.findall(
                rb"-?\d+", document.pages[0].Contents.read_bytes().split(b"[")[1].split(b"]")[0]
            )
        gaps.append(int(gap))
    assert all(gap % 100 == 0 for gap in gaps)


def test_a_form_keeps_the_value_where_nobody_asked():
    """Only the use of it that shows the value is changed."""
    after = taken_out(pdfs.in_a_form(VALUE))
    words = pdfs.page_words(after)
    assert "page 0" in words
    assert "page 1" in words
    assert words.count("before") == 2


def test_the_same_text_on_two_pages_goes_from_both(tmp_path):
    document = pdfs.blank(2)
    for page in document.pages:
        page.obj.Contents = document.make_stream(pdfs.line(VALUE))
    after = taken_out(pdfs.saved(document))
    assert_gone(after, tmp_path)


def test_other_strings_and_attachments_stay(tmp_path):
    def change(document, value):
        document.docinfo.Title = "a title"
        document.docinfo.Subject = f"about {value}"
        document.attachments["keep.txt"] = b"kept words"
        document.attachments["some.txt"] = f"one {value} two".encode()

    after = taken_out(pdfs.with_page(change)(VALUE))
    assert_gone(after, tmp_path)
    with pikepdf.open(io.BytesIO(after)) as document:
        assert document.docinfo.Title == "a title"
        assert document.docinfo.Subject == f"about {NEW}"
        assert document.attachments["keep.txt"].get_file().read_bytes() == b"kept words"
        assert document.attachments["some.txt"].get_file().read_bytes() == f"one {NEW} two".encode()


def test_an_attachment_that_cannot_be_changed_is_emptied(tmp_path):
    def change(document, value):
        document.attachments["a.gz"] = gzip.compress(f"words {value} and words".encode())

    after = taken_out(pdfs.with_page(change)(VALUE))
    assert_gone(after, tmp_path)
    with pikepdf.open(io.BytesIO(after)) as document:
        assert document.attachments["a.gz"].get_file().read_bytes() == b""


def test_a_mail_that_is_attached_is_rewritten(tmp_path):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["Subject"] = "a@example.org", "a subject"
    message.set_content(f"words {VALUE} and words", cte="base64")

    def change(document, _):
        document.attachments["mail.eml"] = message.as_bytes()

    after = taken_out(pdfs.with_page(change)(VALUE))
    assert_gone(after, tmp_path)
    with pikepdf.open(io.BytesIO(after)) as document:
        sent = document.attachments["mail.eml"].get_file().read_bytes()
    read = email.message_from_bytes(sent, policy=email.policy.default)
    assert read["Subject"] == "a subject"
    assert read.get_content().strip() == f"words {NEW} and words"


def test_claims_of_standards_are_dropped():
    after = taken_out(pdfs.BEHIND["xmp"](VALUE))
    with pikepdf.open(io.BytesIO(after)) as document:
        xmp = document.Root.Metadata.read_bytes()
    assert b"pdfaid:part" not in xmp
    assert f"title {NEW}".encode() in xmp


@pytest.mark.parametrize("way", ["DCT", "one bit", "plain"])
def test_a_scan_is_covered_under_its_invisible_text(way, tmp_path):
    before = pdfs.scan(VALUE, way=way)
    after = taken_out(before)
    assert_gone(after, tmp_path)
    words = pdfs.page_words(after)
    assert "before" in words
    assert "after" in words
    with pikepdf.open(io.BytesIO(after)) as document:
        image = pikepdf.PdfImage(document.pages[0].Resources.XObject.New0).as_pil_image()
    image, old = image.convert("L"), pdfs.picture_of(f"before {VALUE} after")
    if way == "one bit":
        old = old.convert("1").convert("L")
    assert image.size == old.size
    dark = [n for n in range(image.width) if image.getpixel((n, 100)) < 60]
    bar = [n for n in dark if all(one in dark for one in range(n, min(n + 40, dark[-1])))]
    assert bar
    # What stands beside the bar is as it was.
    assert (
        max(
            abs(a - b)
            for a, b in zip(
                image.crop((0, 0, 140, 200)).tobytes(),
                old.crop((0, 0, 140, 200)).tobytes(),
                strict=True,
            )
        )
        < 60
    )


@pytest.mark.parametrize("way", ["DCT", "one bit"])
@pytest.mark.parametrize("turn", [0, 90, 270])
def test_a_scan_without_text_is_covered_where_it_is_read(way, turn):
    """OCR finds it in the picture of the page."""
    before = pdfs.scan(VALUE, way=way, layer=False)
    document = pikepdf.open(io.BytesIO(before))
    if turn:
        # Scanned on its side, shown upright.
        page = document.pages[0]
        page.obj.Rotate = turn
        matrix = b"0 300 -75 0 200 0" if turn == 90 else b"0 -300 75 0 100 300"
        page.obj.Contents = document.make_stream(b"q " + matrix + b" cm /Im Do Q")
    before = pdfs.saved(document)
    after = taken_out(before, looking=PictureSettings(faces=False, codes=False))
    said = "\n".join(part.text for part in opened(after, PictureSettings())[1].parts)
    assert VALUE not in said
    assert "before" in said
    assert "after" in said


def test_a_page_that_cannot_be_followed_becomes_a_picture(tmp_path):
    document = pdfs.drawn(pdfs.line(VALUE))
    font = document.pages[0].Resources.Font.F1
    font.BaseFont = pikepdf.Name("/SomethingElse")  # no widths are known of it
    document.pages[0].obj.Rotate = 90
    before = pdfs.saved(document)
    after = taken_out(before)
    assert_gone(after, tmp_path)
    assert pdfs.page_words(after) == ""
    old, new = pixels(before), pixels(after)
    assert old.size == new.size
    changed = ImageChops.difference(old, new).point(lambda shade: 255 * (shade > 128)).getbbox()
    assert changed is not None
    inked = old.point(lambda shade: 255 * (shade < 128)).getbbox()
    # Only what stood between the other words is black now.
    assert changed[1] > inked[1] + 20
    assert changed[3] < inked[3] - 20


def test_where_a_page_becomes_a_picture_the_right_letters_are_black():
    document = pikepdf.open(io.BytesIO(pdfs.beyond_the_first_plane(VALUE)))
    document.pages[0].Resources.Font.F2.Encoding = pikepdf.Name("/UniGB-UCS2-H")
    before = pdfs.saved(document)
    after = taken_out(before)
    assert pdfs.page_words(after) == ""
    ends = []
    x, y = ctypes.c_double(), ctypes.c_double()
    with pdfium.PdfDocument(before) as old:
        text = old[0].get_textpage()
        words = text.get_text_range()
        at = len(words[: words.index(VALUE)].encode("utf-16-le")) // 2
        for index in (at, at + len(VALUE) - 1):
            raw.FPDFText_GetCharOrigin(text, index, x, y)
            ends.append((x.value, y.value))
    shades = [pixels(after, scale=1).getpixel((int(x) + 2, 300 - int(y) - 3)) for x, y in ends]
    assert max(shades) < 40


def test_a_signed_document_is_refused():
    with pytest.raises(CannotRewrite, match="signed"):
        taken_out(pdfs.signed(VALUE))


def test_a_form_that_draws_itself_is_refused():
    document = pikepdf.open(io.BytesIO(pdfs.BEHIND["xfa"](VALUE)))
    document.Root.NeedsRendering = True
    with pytest.raises(CannotRewrite, match="XFA"):
        taken_out(pdfs.saved(document))


# --- any way that text can stand ------------------------------------------------------------------

SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-()\\"
NUMBERS = st.integers(-40, 40).map(lambda number: number / 10)


@st.composite
def written(draw):
    """A page with a value somewhere on it, and the value."""
    value = draw(st.text("0123456789", min_size=7, max_size=14))
    words = draw(st.lists(st.text(SIGNS, min_size=1, max_size=9), min_size=1, max_size=6))
    at = draw(st.integers(0, len(words)))
    whole = " ".join([*words[:at], value, *words[at:]])
    content = b"q q " if draw(st.booleans()) else b""
    content += draw(st.sampled_from([b"", b"1.3 0 0 1.1 4 9 cm ", b".8 .3 -.3 .8 50 20 cm "]))
    content += b"BT /F1 %d Tf " % draw(st.integers(5, 30))
    content += b"%f Tc %f Tw %d Tz %f Ts " % (
        abs(draw(NUMBERS)) / 3, abs(draw(NUMBERS)), draw(st.integers(60, 140)), draw(NUMBERS),
    )  # fmt: skip
    if draw(st.booleans()):
        content += b"3 Tr "
    content += draw(
        st.sampled_from([b"20 120 Td ", b"1 0 0 1 30 90 Tm ", b".9 .2 -.2 .9 60 40 Tm "])
    )
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    if draw(st.booleans()):
        kerned = b" ".join(
            pdfs.text(piece) + b" %d" % draw(st.integers(-60, 60)) for piece in pieces
        )
        content += b"[" + kerned + b"] TJ"
    else:
        content += b" ".join(pdfs.text(piece) + b" Tj" for piece in pieces)
    content += b" ET"
    document = pdfs.drawn(content)
    font = document.pages[0].Resources.Font.F1
    font.BaseFont = pikepdf.Name(
        draw(st.sampled_from(["/Helvetica", "/Times-Roman", "/Courier", "/Helvetica-Bold"]))
    )
    match draw(st.sampled_from(["none", "win", "differences", "widths"])):
        case "win":
            font.Encoding = pikepdf.Name.WinAnsiEncoding
        case "differences":
            font.Encoding = pikepdf.Dictionary(
                Differences=pikepdf.Array([65, pikepdf.Name.a, pikepdf.Name.eacute])
            )
        case "widths":
            font.FirstChar, font.LastChar = 32, 126
            font.Widths = pikepdf.Array(
                draw(st.lists(st.integers(200, 900), min_size=95, max_size=95))
            )
    return pdfs.saved(document), value


@given(written())
@settings(max_examples=examples(150), deadline=None)
def test_wherever_a_value_stands_it_goes_and_the_rest_stays(given_page):
    data, value = given_page
    texts = [
        said for said in pdf.read(data, Budget(FileLimits(), len(data))) if isinstance(said, Text)
    ]
    wishes = [
        Erase(text.place, match.start(), match.end(), value, "")
        for text in texts
        for match in re.finditer(re.escape(value), text.text)
    ]
    if not wishes:
        return  # letters stand so close that pdfium reads something else
    after = writers.rewritten(data, wishes)
    assert not pdfs.finds(value, pdfs.page_words(after))
    assert not pdfs.finds(value, pdfs.streams_of(after))
    before = Counter("".join(pdfs.page_words(data).split()))
    left = Counter("".join(pdfs.page_words(after).split()))
    assert left == before - Counter(value * len(wishes))


# --- damaged files --------------------------------------------------------------------------------

SEEDS = [maker(VALUE) for maker in (*pdfs.ON_PAGES.values(), *pdfs.BEHIND.values())] + [
    pdfs.scan(VALUE), pdfs.saved(pikepdf.open(io.BytesIO(pdfs.kerned(VALUE))), qdf=True),
]  # fmt: skip


@st.composite
def damaged(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["flip", "cut", "copy", "word"])):
            case "flip":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 60))]
            case "copy":
                data[at:at] = data[at : at + draw(st.integers(1, 60))]
            case "word":
                data[at:at] = draw(
                    st.sampled_from([b" Do", b" q", b" ET", b"<<", b"[", b"(", b" 0 Tf", b" -1", b"1e9 ", b"/F1 "])
                )  # fmt: skip
        data = data or bytearray(b"%")
    return bytes(data)


PLACES = ("page[0]", "strings[0]", "object[4]", "drawing[5]", "page[0].picture[0]", "gap[0]", "")


@given(damaged(), st.sampled_from(PLACES), st.integers(0, 30))
@settings(max_examples=examples(200), deadline=None)
def test_a_damaged_file_is_rewritten_or_refused(data, place, start):
    def work():
        some = [
            Erase(place, start, start + 11, VALUE, NEW),
            Cover("page[0].picture[0]", None, (1, 1, 9, 9)),
        ]
        for wishes in (some[:1], some):
            try:
                pdfwrite.rewritten(data, wishes, writers.rewritten)
            except CannotRewrite as cannot:
                if cannot.reason not in REASONS:
                    return b"a reason of its own"
            except BaseException as error:
                return f"raised {type(error).__name__}".encode()
        return b"in order"

    try:
        ended = sandbox.make(work, sandbox.Bounds(20.0, 2 << 30, 1 << 26))
    except CannotRewrite:
        return  # pdfium gave the process up, as it may in a sandbox
    assert ended == b"in order"
