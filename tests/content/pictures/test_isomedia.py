"""HEIC and AVIF: what stands beside their pixels, and how it goes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from corpus.files import metadata as planted
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.content.pictures import decode, isomedia
from gateway.content.pictures.segments import Broken, Kind

decode.prepare()
MAKERS = {
    "avif": planted.avif,
    "heic": planted.heic,
    "sequence": lambda: planted.avif(frames=3),
}


def pixels(data):
    picture = Image.open(io.BytesIO(data))
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        yield np.asarray(picture.convert("RGB"))


def kinds(data):
    return [aside.kind for aside in isomedia.asides(data)]


@pytest.mark.parametrize("form", MAKERS)
def test_all_goes_and_nothing_moves(form):
    before = MAKERS[form]()
    assert {Kind.EXIF, Kind.XMP, Kind.CREDENTIALS, Kind.TRAILER} <= set(kinds(before))
    after = isomedia.without_metadata(before)
    assert kinds(after) == []
    assert len(after) == len(before)
    assert b"PLANTED" not in after
    assert b"XMP-" not in after
    for one, other in zip(pixels(before), pixels(after), strict=True):
        assert np.array_equal(one, other)
    assert isomedia.without_metadata(after) == after


@pytest.mark.parametrize("kind", [Kind.EXIF, Kind.XMP, Kind.CREDENTIALS, Kind.TRAILER])
def test_what_is_kept_stays(kind):
    after = isomedia.without_metadata(planted.heic(), {kind})
    assert kinds(after) == [kind]


def test_the_smaller_picture_is_no_metadata():
    before = Image.open(io.BytesIO(planted.heic()))
    after = Image.open(io.BytesIO(isomedia.without_metadata(planted.heic())))
    assert before.info["thumbnails"] == after.info["thumbnails"] != []


@pytest.mark.parametrize("kind", [b"dimg", b"thmb", b"auxl"])
def test_metadata_that_says_it_is_part_of_the_picture_is_metadata(kind):
    data = bytearray(planted.heic())
    at = data.index(b"cdsc")  # of the EXIF item, to the picture
    origin, target = data[at + 4 : at + 6], data[at + 8 : at + 10]
    data[at : at + 10] = kind + target + data[at + 6 : at + 8] + origin
    assert kinds(planted.heic()) == kinds(bytes(data))
    assert b"PLANTED" not in isomedia.without_metadata(bytes(data))


def test_bytes_that_belong_to_no_item_go():
    data = planted.avif()
    at = data.rindex(b"mdat") - 4
    (size,) = struct.unpack_from(">I", data, at)
    more = b"HIDDEN BEHIND THE PICTURE"
    longer = data[:at] + struct.pack(">I", size + len(more)) + data[at + 4 : at + size] + more
    longer += data[at + size :]
    assert b"HIDDEN" in longer
    assert more in {aside.payload for aside in isomedia.asides(longer)}
    after = isomedia.without_metadata(longer)
    assert b"HIDDEN" not in after
    assert np.array_equal(next(pixels(longer)), next(pixels(after)))


def test_words_in_properties_and_unknown_lists_are_said_and_go():
    # Grows the list of items by a box that no reader needs; offsets into `mdat` follow.
    data = planted.heic()
    told = planted.box(b"xml ", b"\0\0\0\0<note>TOLD TO NOBODY</note>")
    at = data.index(b"meta") - 4
    (size,) = struct.unpack_from(">I", data, at)
    place = data.index(b"iloc")
    head = data[:at] + struct.pack(">I", size + len(told)) + data[at + 4 : at + size] + told
    grown = bytearray(head + data[at + size :])
    for number, entry in enumerate(_offsets(data, place)):
        struct.pack_into(">I", grown, entry, struct.unpack_from(">I", data, entry)[0] + len(told))
        assert number < 9
    grown = bytes(grown)
    assert np.array_equal(next(pixels(data)), next(pixels(grown)))
    assert any(b"TOLD TO NOBODY" in aside.payload for aside in isomedia.asides(grown))
    after = isomedia.without_metadata(grown)
    assert b"TOLD" not in after
    assert len(after) == len(grown)
    assert np.array_equal(next(pixels(data)), next(pixels(after)))


def _offsets(data, place):
    """Where the offsets of the items stand: one extent each, of four bytes, as pillow-heif writes."""
    version, sizes = data[place + 4], data[place + 8 : place + 10]
    assert sizes[0] == 0x44
    (count,) = struct.unpack_from(">H", data, place + 10)
    base = (sizes[1] >> 4) + (2 if version else 0)
    for number in range(count):
        yield place + 12 + number * (14 + base) + 6 + base


def test_shared_bytes_are_refused():
    """An item of metadata that says where the picture's own bytes are: one of both would go wrong."""
    data = bytearray(planted.heic())
    picture, exif, *_ = _offsets(data, data.index(b"iloc"))
    data[exif - 6 : exif + 8] = data[picture - 6 : picture + 8]  # with the base before it
    with pytest.raises(Broken, match="shared"):
        isomedia.without_metadata(bytes(data))


def test_metadata_among_the_lists_is_refused():
    """An item whose bytes are the list of items: blanked, the file would show nothing."""
    data = bytearray(planted.heic())
    _, exif, *_ = _offsets(data, data.index(b"iloc"))
    struct.pack_into(">I", data, exif - 6, data.index(b"meta"))  # the base before it
    with pytest.raises(Broken, match="shared"):
        isomedia.without_metadata(bytes(data))


def test_items_that_name_more_than_the_file_holds_are_refused():
    infos = b"".join(
        planted.box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, b"Exif") + b"\0")
        for number in range(50)
    )
    places = b"".join(struct.pack(">HHHII", number, 0, 1, 0, 0) for number in range(50))
    meta = struct.pack(">I", 0) + planted.box(b"iinf", struct.pack(">IH", 0, 50) + infos)
    meta += planted.box(b"iloc", struct.pack(">IHH", 0, 0x4400, 50) + places)
    data = planted.box(b"ftyp", b"heic\0\0\0\0") + planted.box(b"meta", meta)
    with pytest.raises(Broken, match="length"):
        list(isomedia.asides(data))


@given(st.sampled_from(sorted(MAKERS)), st.data())
def test_damaged_files_are_cleaned_or_refused(form, data):
    body = bytearray(MAKERS[form]())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(body) // 2, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            after = isomedia.without_metadata(damaged)
        except Broken:
            continue
        assert len(after) == len(damaged)
        assert not {Kind.EXIF, Kind.XMP, Kind.OTHER, Kind.CREDENTIALS} & set(kinds(after))
