"""PostScript: what is shown is read, however a program shows it; pictures in it are told."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.content import open_blob, write_blob
from gateway.content.looking import PictureSettings
from gateway.content.readers import postscript
from gateway.content.reading import Budget, FileLimits, Missed, Stop, Text
from gateway.model import BlobPart, Edit, Locator, UnreadReason

HEAD = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n"
CARD = "4111 1111 1111 1111"
NAMES = {"4": "four", "1": "one", " ": "space"}
GLYPHS = "".join(
    f"{number * 7.5} 0 m /{NAMES[digit]} glyphshow\n" for number, digit in enumerate(CARD)
).encode()
KERNED = b"BT\n12 0 0 -12 7.5 15 Tm\n[(4111)-318(1111)-318(11)-12(11)-318(1111)]TJ\nET\n"


def opened(data):
    looking = PictureSettings(ocr=False, faces=False, codes=False)
    return open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 20, looking=looking)


def said(data):
    return "\n".join(part.text for part in opened(data).parts)


@pytest.mark.parametrize(
    "shown",
    [
        b"gsave\n" + GLYPHS + b"grestore\n",
        KERNED,
        b"10 20 moveto (4111 \\061111 11\\\n11 1111) show",
        b"10 20 moveto <34313131203131313120313131312031313131> show",
        b"10 20 moveto (4111 1111 ) show 40 20 moveto (1111 1111) show",
    ],
    ids=["glyphs", "kerned", "escaped", "hex", "placed"],
)
def test_what_is_shown_is_read_as_it_is_seen(shown):
    assert CARD in said(HEAD + shown).replace("  ", " ")


def test_lines_at_different_heights_are_lines():
    shown = b"10 20 moveto (Anna) show 10 40 moveto (Bo\\142) show"
    assert "Anna\nBob" in said(HEAD + shown)


def test_what_its_source_says_is_not_said_twice():
    file = opened(HEAD + b"10 20 moveto (Card 4111) show")
    assert [part.editable for part in file.parts] == [True]
    assert not file.unread


@pytest.mark.parametrize("operator", [b"image", b"colorimage", b"imagemask"])
def test_a_picture_in_it_is_told(operator):
    unread = opened(HEAD + b"{currentfile pix readhexstring pop} " + operator + b"\n00ff").unread
    assert [each.reason for each in unread] == [UnreadReason.UNSUPPORTED_FILE]


def wrapped(program, preview):
    head = struct.pack(
        "<4s6I", b"\xc5\xd0\xd3\xc6", 30, len(program), 0, 0, 30 + len(program), len(preview)
    )
    return head + b"\xff\xff" + program + preview


def test_a_program_with_a_preview_before_it_is_read():
    out = io.BytesIO()
    Image.new("L", (30, 30)).save(out, "TIFF", description="SECRET-PREVIEW")
    data = wrapped(HEAD + KERNED, out.getvalue())
    assert opened(data).info.media_type == "application/postscript"
    assert CARD in said(data)
    assert "SECRET-PREVIEW" in said(data)
    assert not opened(data).unread
    assert opened(data + b"more").unread


def test_words_among_binary_are_read():
    data = HEAD + b"(Card \\064111 1111 1111 1111) show\n" + bytes(range(256))
    assert CARD in said(data)


def test_a_value_in_its_source_is_replaced():
    data = HEAD + b"10 20 moveto (Card 4111 1111 1111 1111) show\n"
    file = opened(data)
    (part,) = file.parts
    start = part.text.index(CARD)
    edit = Edit(part.locator, start, start + len(CARD), "[CARD]")
    blob = BlobPart(Locator("body.file"), data)
    assert write_blob(blob, file, [edit], [], key=b"k" * 32) == data.replace(
        CARD.encode(), b"[CARD]"
    )


@given(st.binary(max_size=300), st.sampled_from([b"%!PS", b"%!PS(((", b"\xc5\xd0\xd3\xc6"]))
def test_any_bytes_are_read_or_told(data, head):
    try:
        for each in postscript.read(head + data, Budget(FileLimits(), 400)):
            assert isinstance(each, Text | Missed) or each.data is not None
    except (struct.error, Stop):  # which `walk` tells
        assert head.startswith(postscript.WRAPPED)
