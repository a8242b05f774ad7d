"""Opening files: all that is read can be written back, and what is not read is said."""

from __future__ import annotations

import codecs
import importlib.util
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.thorough import examples

from gateway.content import (
    FileLimits,
    PictureSettings,
    Remembered,
    open_blob,
    sandbox,
    write_blob,
)
from gateway.encodings import splice
from gateway.model import (
    BlobPart,
    Edit,
    Exchange,
    Locator,
    PartKind,
    Role,
    Step,
    UnreadReason,
)

PLACE = Locator("body.file", (Step("slice", 4, 4),))
MARKS = {
    "utf-8": b"",
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def blob(data, **changes):
    values = {"locator": PLACE, "data": data, "role": Role.USER} | changes
    return BlobPart(**values)


def opened(data, *, max_bytes=1 << 20, **changes):
    return open_blob(blob(data, **changes), max_bytes=max_bytes)


def encoded(text, codec):
    return MARKS[codec] + text.encode(codec.removesuffix("-sig"))


def test_text_becomes_a_part_in_the_place_of_the_file():
    found = opened(b"Ann, ann@example.com", filename="people.csv", media_type="text/csv")
    (part,) = found.parts
    assert part.text == "Ann, ann@example.com"
    assert (part.role, part.kind, part.editable) == (Role.USER, PartKind.FILE, True)
    assert part.locator.path == PLACE.path
    assert part.locator.steps[:1] == PLACE.steps
    assert found.unread == ()
    assert (found.info.family, found.info.size) == ("text", 20)
    assert found.info.declared_type == "text/csv"


def test_a_place_that_must_not_change_stays_one():
    assert not opened(b"text", editable=False).parts[0].editable


@pytest.mark.parametrize(
    ("data", "family"),
    [
        (b"\xff\x0a\0\1", "image"),
        (b"\x7fELF\x02\x01", "unknown"),
        (b"RIFF\x24\0\0\0AVI LIST", "video"),
        (b"\x8f\x01\x02", "unknown"),
        (b"text and then \0\1\2", "unknown"),
    ],
)
def test_what_is_not_text_is_unread(data, family):
    found = opened(data)
    assert found.parts == ()
    assert [each.reason for each in found.unread] == [UnreadReason.UNSUPPORTED_FILE]
    assert found.unread[0].size == len(data)
    assert found.unread[0].detail == found.info.media_type
    assert found.info.family == family


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("%PDF-1.4\n1 0 obj <</Filter /ASCII85Decode>>", UnreadReason.MALFORMED),
        ("PAR1", None),
        ("wOFF", UnreadReason.UNSUPPORTED_FILE),
    ],
)
def test_another_type_in_printable_bytes_is_read_as_both(head, reason):
    """Its receiver decodes it: what stands in there is not only what we see."""
    found = opened(f"{head} plain words".encode())
    assert "plain words" in found.parts[0].text
    assert [each.reason for each in found.unread] == ([reason] if reason else [])


def test_a_drawing_in_text_is_read():
    found = opened(b"<svg><text>Ann</text></svg>")
    assert "Ann" in found.parts[0].text
    assert (found.info.family, found.unread) == ("image", ())


def test_a_file_over_the_limit_is_unread_however_it_looks():
    found = opened(b"a" * 101, max_bytes=100)
    assert found.parts == ()
    assert [each.reason for each in found.unread] == [UnreadReason.TOO_LARGE]
    assert opened(b"a" * 100, max_bytes=100).parts


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        ("", ""),
        ("Text/CSV; charset=utf-8", "text/csv"),
        ("application/octet-stream", "application/octet-stream"),
        ("x/ann-miller-536-90-4399", "other"),
    ],
)
def test_a_declared_type_is_kept_only_when_it_is_a_known_word(declared, kept):
    assert opened(b"text", media_type=declared).info.declared_type == kept


@settings(max_examples=examples(200))
@given(st.binary(max_size=400), st.integers(0, 500))
def test_no_byte_goes_unsaid(data, limit):
    found = opened(data, max_bytes=limit)
    assert found.parts or found.unread
    assert found.info.size == len(data)
    if not found.unread:
        assert found.parts[0].text.encode() or not data.strip(b"\xef\xbb\xbf\xff\xfe\0")


@settings(max_examples=examples(200))
@given(
    st.sampled_from(sorted(MARKS)),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=60),
    st.data(),
)
def test_an_edit_changes_the_file_there_and_nowhere_else(codec, text, data):
    assume(not text.startswith("\ufeff"))  # that is a mark, not text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    raw = encoded(text, codec)
    body = b"head" + raw + b"tail"
    place = Locator("body.file", (Step("body", 0, 0), Step("slice", 4, 4 + len(raw))))
    found = open_blob(blob(raw, locator=place), max_bytes=1 << 20)
    (part,) = found.parts
    exchange = Exchange(
        id="x",
        received_at=0.0,
        actor="",
        source_ip="",
        method="POST",
        scheme="https",
        host="h",
        port=443,
        target="/",
        headers=(),
        body=body,
    )
    assert part.text == text
    wanted = text[:start] + "[GONE]" + text[end:]
    got = splice.apply(exchange, [Edit(part.locator, start, end, "[GONE]")])
    assert got.body == b"head" + encoded(wanted, codec) + b"tail"


def picture(words="card 4111 1111 1111 1111", form="PNG", **more):
    image = Image.new("RGB", (600, 120), "white")
    ImageDraw.Draw(image).text((20, 40), words, fill="black", font_size=28)
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def zipped(**entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_text_in_a_picture_is_read_with_its_boxes():
    found = opened(picture())
    (part,) = found.parts
    assert part.text == "card 4111 1111 1111 1111"
    assert found.info.facts["text_pixels"] == 1
    assert next(part.text[start:end] for start, end, _ in found.boxes[part.locator]) == "card"
    assert found.unread == ()


def test_pictures_in_archives_are_looked_at():
    found = opened(zipped(shot=picture()), max_bytes=1 << 22)
    assert any("4111 1111 1111 1111" in part.text for part in found.parts)
    assert found.info.facts["pictures"] == 1


def test_faces_are_regions_of_the_upload():
    shipped = importlib.util.find_spec("skimage").submodule_search_locations[0]
    found = opened(zipped(astronaut=(Path(shipped) / "data/astronaut.png").read_bytes()))
    (face,) = found.regions
    assert face.kind == "face"
    assert face.place.startswith("entry[0].")
    assert found.info.facts["faces"] == 1
    (inner,) = found.files
    assert inner.facts["faces"] == 1


def test_what_is_off_is_not_looked_for():
    looking = PictureSettings(ocr=False, faces=False, codes=False)
    found = open_blob(blob(picture()), max_bytes=1 << 20, looking=looking)
    assert found.parts == ()
    assert found.info.facts == {"pictures": 1}


def test_dicom_without_its_preamble_is_a_medical_picture():
    element = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192" + b"\x10\x00\x10\x00PN\x08\x00Doe^Jane"
    found = opened(element + b"\x10\x00\x20\x00LO\x28\x00" + b"MRN-".ljust(40, b"7"))
    assert found.info.media_type == "application/dicom"
    assert found.info.facts["medical"] is True
    assert any("Doe" in part.text for part in found.parts)


def test_a_file_that_was_seen_is_not_read_again(monkeypatch):
    remembered = Remembered(b"key", clock=lambda: 0.0)
    first = open_blob(blob(picture()), max_bytes=1 << 20, remembered=remembered)
    monkeypatch.setattr(sandbox, "run", None)
    again = open_blob(blob(picture()), max_bytes=1 << 20, remembered=remembered)
    assert again == first


def test_what_a_limit_cut_short_is_not_remembered():
    remembered = Remembered(b"key", clock=lambda: 0.0)
    found = open_blob(
        blob(picture()),
        max_bytes=1 << 20,
        limits=FileLimits(pixels=10),
        remembered=remembered,
    )
    assert [place.reason for place in found.unread] == [UnreadReason.TOO_LARGE]
    assert len(remembered) == 0


def test_text_of_windows_1252_is_read_and_written_back_in_it():
    data = "Name;Ort\r\nMüller 4111;Köln\r\n".encode("cp1252")
    found = opened(data)
    (part,) = found.parts
    assert (part.text, found.unread) == (data.decode("cp1252"), ())
    at = part.text.index("4111")
    new = write_blob(blob(data), found, [Edit(part.locator, at, at + 4, "[N]")], (), key=b"key")
    assert new == data.replace(b"4111", b"[N]")


@pytest.mark.parametrize("wrapped", [False, True])
def test_text_in_an_unknown_character_set_is_read_and_said_to_be_so(wrapped):
    data = "ลูกค้าของเรา, a@example.com".encode("cp874")
    found = opened(zipped(note=data) if wrapped else data)
    assert any("a@example.com" in part.text for part in found.parts)
    assert [unread.reason for unread in found.unread] == [UnreadReason.CHARSET]


def test_utf_16_without_a_mark_is_read():
    (part,) = opened("Grüße, 4111".encode("utf-16-be")).parts
    assert part.text == "Grüße, 4111"


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_remark_of_a_pdf_is_in_no_character_set(wrapped):
    """ReportLab writes one below the first line, and nothing but ASCII otherwise."""
    data = b"%PDF-1.4\n%\x93\x8c\x8b\x9e by a program\n1 0 obj << /Type /Catalog >> endobj\ntrailer\n%%EOF\n"
    found = opened(zipped(letter=data) if wrapped else data)
    assert UnreadReason.CHARSET not in {unread.reason for unread in found.unread}
