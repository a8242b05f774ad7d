"""Metafiles of Windows: words are read, bitmaps opened, and that the rest is not seen is said."""

from __future__ import annotations

import io
import struct
import zipfile

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.content import open_blob
from gateway.content.looking import PictureSettings
from gateway.content.readers import metafile
from gateway.content.reading import Budget, FileLimits, Missed
from gateway.model import BlobPart, Locator, UnreadReason

WORDS = (("4111 1111", 10, 20), ("1111 1111", 60, 20), ("Иван", 10, 40))
STEP = 5
"""How wide each letter is; the second text of a line begins a letter after the first one ends."""


def emf(words=WORDS, bitmap=b""):
    records = []
    for text, x, y in words:
        raw = text.encode("utf-16-le")
        padded = raw + bytes(-len(raw) % 4)
        head = struct.pack("<4iIff", 0, 0, 0, 0, 1, 1.0, 1.0)
        said = struct.pack("<iiIII4iI", x, y, len(text), 76, 0, 0, 0, 0, 0, 76 + len(padded))
        steps = struct.pack(f"<{len(text)}i", *[STEP] * len(text))
        records.append((0x54, head + said + padded + steps))
    if bitmap:
        head, pixels = bitmap[14:54], bitmap[54:]
        places = struct.pack("<IIII", 80, len(head), 80 + len(head), len(pixels))
        body = bytes(40) + places + bytes(16) + head + pixels
        records.append((0x51, body + bytes(-len(body) % 4)))
    first = struct.pack("<II", 1, 108) + bytes(32) + b" EMF" + bytes(64)
    rest = b"".join(struct.pack("<II", kind, 8 + len(body)) + body for kind, body in records)
    return first + rest + struct.pack("<IIIII", 14, 20, 0, 0, 20)


def wmf(words=WORDS, *, placeable=True):
    out = b"\xd7\xcd\xc6\x9a" + bytes(18) if placeable else b""
    out += struct.pack("<HHHIHIH", 1, 9, 0x300, 0, 0, 0, 0)
    for text, x, y in words:
        raw = text.encode("cp1252", "replace")
        steps = struct.pack(f"<{len(raw)}h", *[STEP] * len(raw))
        body = struct.pack("<hhHH", y, x, len(raw), 0) + raw + bytes(len(raw) % 2) + steps
        out += struct.pack("<IH", 3 + len(body) // 2, 0x0A32) + body
    return out + struct.pack("<IH", 3, 0)


def opened(data):
    looking = PictureSettings(ocr=False, faces=False, codes=False)
    return open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 20, looking=looking)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (emf(), "Иван"),
        (wmf(), "????"),
        (wmf(placeable=False), "????"),
    ],
    ids=["emf", "wmf", "wmf without a place"],
)
def test_words_are_read_and_that_the_rest_is_not_is_said(data, name):
    seen = opened(data)
    assert [part.text for part in seen.parts] == [f"4111 1111 1111 1111\n{name}"]
    assert [one.reason for one in seen.unread] == [UnreadReason.UNSUPPORTED_FILE]


def test_what_follows_without_a_gap_is_one_word():
    words = (("4111", 10, 20), ("1111", 10 + 4 * STEP, 20))
    assert [part.text for part in opened(emf(words)).parts] == ["41111111"]


def test_a_bitmap_is_opened():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "BMP")
    seen = opened(emf(bitmap=out.getvalue()))
    assert [file.media_type for file in seen.files] == ["image/bmp"]
    assert [one.reason for one in seen.unread] == [UnreadReason.UNSUPPORTED_FILE]


def test_a_metafile_in_a_document_is_read():
    out = io.BytesIO()
    docx.Document().save(out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/media/image1.emf", emf())
    seen = opened(out.getvalue())
    assert any("4111 1111 1111 1111" in part.text for part in seen.parts)


@given(st.sampled_from([emf(), wmf()]), st.integers(44, 300), st.binary(max_size=40))
def test_damaged_ones_are_read_as_far_as_they_go(data, at, other):
    damaged = data[:at] + other + data[at + len(other) :]
    said = list(metafile.read(damaged, Budget(FileLimits(), len(damaged))))
    assert isinstance(said[-1], Missed)
