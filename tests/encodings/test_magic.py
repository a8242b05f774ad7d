"""Are files told from running text by their first bytes?"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import magic


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF1234WEBP", "image/webp"),
        (b"RIFF1234WAVE", "audio/wav"),
        (b"RIFF1234xxxx", ""),
        (b"....ftypisom", "video/mp4"),
        (b"....ftypheic", "image/heic"),
        (b"%PDF-1.4", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\0" * 128 + b"DICM\2\0", "application/dicom"),
        (b"BM1234\0\0\0\0....", "image/bmp"),
        (b"BMW cars are", ""),
        (b"\xff\xfb\x90" + b"\0" * 600, "audio/mpeg"),
        (b"\xff\xfb\x90", ""),
        (b"", ""),
    ],
)
def test_formats_by_their_first_bytes(data, media_type):
    assert magic.sniff(data) == media_type


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_text_is_hardly_ever_a_file(text):
    starts = ("%PDF-", "GIF87a", "GIF89a", "{\\rtf", "BZh", "PAR1", "ID3", "OggS", "fLaC")
    if not text.startswith(starts) and text[4:8] != "ftyp" and text[:4] != "RIFF":
        assert magic.sniff(text.encode()) == ""


def test_base64_of_a_picture_is_known_once_decoded():
    assert magic.sniff(base64.b64decode("iVBORw0KGgoAAAANSUhEUg==")) == "image/png"
