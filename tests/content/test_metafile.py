"""Metafiles: words are read, bitmaps opened, and a record that nobody knows is said."""

from __future__ import annotations

import io
import struct
import zipfile

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.metafiles import (
    STEP,
    WORDS,
    action,
    before_end,
    drawn,
    emf,
    plus,
    record,
    remark,
    svm,
    wmf,
)

from gateway.content import open_blob
from gateway.content.looking import PictureSettings
from gateway.content.readers import metafile
from gateway.content.reading import Budget, Embedded, FileLimits, Missed, Text
from gateway.model import BlobPart, Locator, UnreadReason


def opened(data):
    looking = PictureSettings(ocr=False, faces=False, codes=False)
    return open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 20, looking=looking)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (emf(), "Иван"),
        (before_end(emf(()), *(drawn(*each) for each in WORDS)), "Иван"),
        (wmf(), "????"),
        (wmf(placeable=False), "????"),
        (svm(), "Иван"),
        (svm(wide=False), "Иван"),
    ],
    ids=["emf", "emf+", "wmf", "wmf without a place", "svm", "svm of bytes"],
)
def test_words_are_read_and_lines_hold_none(data, name):
    seen = opened(data)
    assert [part.text for part in seen.parts] == [f"4111 1111 1111 1111\n{name}"]
    assert not seen.unread


@pytest.mark.parametrize(
    "data",
    [
        before_end(emf(), record(0x66, bytes(40))),
        before_end(emf(), remark(bytes(range(256)) * 3)),
        before_end(emf(), plus(0x4036, struct.pack("<IIII", 0, 0, 0, 1) + bytes(12))),
        before_end(emf(), plus(0x4FFF, bytes(12))),
        before_end(emf(), plus(0x4008, struct.pack("<II", 1, 1) + bytes(24), 0x500)),
        wmf() + struct.pack("<IH", 3, 0x0B23),
        svm(more=action(146, bytes(9))),
    ],
    ids=["opengl", "remark", "glyphs", "emf+", "pixels", "bits", "eps"],
)
def test_a_record_that_nobody_knows_is_said(data):
    assert [one.reason for one in opened(data).unread] == [UnreadReason.UNSUPPORTED_FILE]


def test_what_a_comment_and_the_head_say_is_read():
    title = "SECRET-TITLE".encode("utf-16-le")
    data = before_end(emf(), remark(b"made by SECRET-TOOL"))
    head = bytearray(data[:108] + title)
    struct.pack_into("<I", head, 4, len(head))
    struct.pack_into("<II", head, 60, len(title) // 2, 108)
    texts = [part.text for part in opened(bytes(head) + data[108:]).parts]
    assert {"made by SECRET-TOOL", "SECRET-TITLE"} <= set(texts)


def png():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return out.getvalue()


def bmp():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "BMP")
    return out.getvalue()


def in_parts(content):
    """An object of EMF+ that goes on over two records."""
    body = struct.pack("<II", 1, 1) + bytes(16) + struct.pack("<I", 1) + content
    half = len(body) // 8 * 4
    total = struct.pack("<I", len(body))
    return plus(0x4008, total + body[:half], 0x8500), plus(0x4008, total + body[half:], 0x8500)


def escaped(content):
    """A record of WMF that holds the same drawing as EMF."""
    head = b"WMFC\1\0\0\0" + bytes(26)
    size = len(head) + len(content)
    words = struct.pack("<HH", 15, size) + head + content + bytes(size % 2)
    return struct.pack("<IH", 3 + len(words) // 2, 0x0626) + words


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (before_end(emf(), *in_parts(png())), "image/png"),
        (
            before_end(
                emf(), plus(0x4008, struct.pack("<IIII", 1, 2, 3, len(emf())) + emf(), 0x500)
            ),
            "image/emf",
        ),
        (wmf() + escaped(emf()), "image/emf"),
        (wmf() + struct.pack("<IH", 14 + 1827, 0x0F43) + bytes(22) + bmp()[14:], "image/bmp"),
        (svm(more=action(116, bmp(), 1)), "image/bmp"),
        (svm(more=action(143, bytes(3) + svm(), 1)), "image/x-svm"),
    ],
    ids=["emf+ picture", "emf+ metafile", "wmf as emf", "wmf bitmap", "svm bitmap", "svm in svm"],
)
def test_pictures_within_are_opened(data, kind):
    seen = opened(data)
    assert [file.media_type for file in seen.files] == [kind]


def test_what_follows_without_a_gap_is_one_word():
    words = (("4111", 10, 20), ("1111", 10 + 4 * STEP, 20))
    assert [part.text for part in opened(emf(words)).parts] == ["41111111"]


def test_a_bitmap_is_opened():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "BMP")
    seen = opened(emf(bitmap=out.getvalue()))
    assert [file.media_type for file in seen.files] == ["image/bmp"]
    assert not seen.unread


def test_a_metafile_in_a_document_is_read():
    out = io.BytesIO()
    docx.Document().save(out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/media/image1.emf", emf())
    seen = opened(out.getvalue())
    assert any("4111 1111 1111 1111" in part.text for part in seen.parts)


@given(st.sampled_from([emf(), wmf(), svm()]), st.integers(44, 300), st.binary(max_size=40))
def test_damaged_ones_are_read_as_far_as_they_go(data, at, other):
    damaged = data[:at] + other + data[at + len(other) :]
    for said in metafile.read(damaged, Budget(FileLimits(), len(damaged))):
        assert isinstance(said, Embedded | Missed | Text)
