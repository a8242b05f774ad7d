from __future__ import annotations

import io

import numpy as np
import pi_heif
import pytest
from corpus.files import metadata as planted
from corpus.files import pictures as drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.thorough import examples

from gateway.content import pictures
from gateway.content.pictures import PictureSettings, decode
from gateway.content.reading import (
    FACTS,
    Budget,
    Embedded,
    Fact,
    FileLimits,
    Missed,
    Region,
    Stop,
    Text,
)


def facts(parts):
    return {part.name: part.value for part in parts if isinstance(part, Fact)}


def note(words="Meeting with Farid at noon"):
    picture = Image.new("RGB", (520, 120), "white")
    ImageDraw.Draw(picture).text((30, 40), words, font=drawn.font("DejaVuSans", 24), fill="black")
    return picture


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_each_format_is_read(form, look, saved):
    parts = look(saved(note(), form))
    assert any("Meeting with Farid" in part.text for part in parts if isinstance(part, Text))
    assert set(facts(parts)) <= set(FACTS)
    assert facts(parts)["pictures"] == 1


def test_an_icon_is_read(look, saved):
    parts = look(saved(note().resize((256, 256)), "ICO"))
    assert not any(isinstance(part, Missed) for part in parts)


def test_all_frames_are_read_and_more_are_missed(look, saved):
    frames = [note("first frame"), note("second frame"), note("third frame")]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    spoken = "\n".join(part.text for part in look(data) if isinstance(part, Text))
    assert all(word in spoken for word in ("first", "second", "third"))
    parts = look(data, FileLimits(seconds=600, frames=2))
    assert any(isinstance(part, Missed) and part.detail == "frames" for part in parts)


def test_faces_are_regions_before_text(look, saved, astronaut):
    parts = look(saved(astronaut))
    assert facts(parts)["faces"] == 1
    assert facts(parts)["portrait"] is True
    assert 0.02 < facts(parts)["face_share"] < 0.1
    assert any(isinstance(part, Region) and part.kind == "face" for part in parts)


def test_boxes_and_faces_are_of_the_upright_picture(look, saved, astronaut):
    block = Image.Exif()
    block[0x0112] = 6  # stored turned to the left
    data = saved(astronaut.rotate(90, expand=True), "JPEG", quality=90, exif=block.tobytes())
    (face,) = [part for part in look(data) if isinstance(part, Region)]
    assert abs(face.box[0] - 179) < 12
    assert abs(face.box[1] - 57) < 12


def test_cheap_things_are_said_first(look):
    kinds = [type(part).__name__ for part in look(planted.jpeg())]
    assert kinds.index("Embedded") < len(kinds)
    texts = [part.place for part in look(planted.jpeg()) if isinstance(part, Text)]
    assert texts[0].startswith("segment")


def test_a_time_limit_stops_but_what_was_said_stays(eyes, saved, astronaut):
    now = [0.0]

    def clock():
        now[0] += 1.0
        return now[0]

    data, parts = saved(astronaut), []
    with pytest.raises(Stop):
        parts.extend(pictures.read(data, Budget(FileLimits(seconds=8), len(data), clock)))
    assert Fact("pictures", 1) in parts


def test_a_bomb_is_stopped_before_it_is_decoded(look):
    import struct
    import zlib

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(Stop):
        look(bomb)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a"]
)
def test_what_is_no_picture_is_missed(look, data):
    assert any(isinstance(part, Missed) for part in look(data))


def test_other_formats_are_never_given_to_a_decoder(look):
    assert [part.reason for part in look(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")] == [
        "malformed"
    ]
    assert set(decode.FORMATS) == {
        "PNG",
        "JPEG",
        "WEBP",
        "GIF",
        "BMP",
        "DIB",
        "TIFF",
        "ICO",
        "HEIF",
        "AVIF",
    }


def test_what_is_off_is_not_loaded():
    eyes = pictures.warm(PictureSettings(ocr=False, faces=False))
    assert (eyes.ocr, eyes.faces) == (None, None)


def test_a_transparent_picture_shows_its_ink(look, saved):
    picture = Image.new("RGBA", (520, 120), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text(
        (30, 40), "white ink on nothing", font=drawn.font("DejaVuSans", 24), fill="white"
    )
    parts = look(saved(picture))
    assert any("white ink on nothing" in part.text for part in parts if isinstance(part, Text))


def test_a_trailer_of_a_picture_is_a_file_within(look, saved):
    data = saved(note()) + b"PK\x03\x04 and more"
    assert b"PK\x03\x04 and more" in {
        part.data for part in look(data) if isinstance(part, Embedded)
    }


def test_heic_is_known_to_the_decoder():
    assert pi_heif.libheif_info()["libheif"]


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO"]), st.data())
def test_damaged_pictures_raise_nothing_but_stop(form, data):
    out = io.BytesIO()
    planted.picture((40, 40)).save(out, form)
    body = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    plain = PictureSettings(ocr=False, faces=False)
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            list(pictures.read(damaged, Budget(FileLimits(seconds=60), len(damaged)), plain))
        except Stop:
            pass


def test_pixels_of_any_depth_are_shown():
    for mode, value in (
        ("I;16", 40_000),
        ("F", 0.5),
        ("1", 1),
        ("CMYK", (0, 0, 0, 0)),
        ("LA", (9, 255)),
    ):
        assert decode.rgb(Image.new(mode, (9, 9), value)).shape == (9, 9, 3)
        assert decode.rgb(Image.new(mode, (9, 9), value)).dtype == np.uint8


def test_places_are_words_and_positions_only(look):
    import re

    from content.pictures import test_dicom, test_svg

    place = re.compile(r"(?:[a-z_]+(?:\[\d{1,9}\])?(?:\.|\Z)){1,64}\Z")
    files = [
        *(make() for make in planted.MAKERS.values()),
        test_dicom.made(burned=True),
        test_svg.DRAWING,
    ]
    places = [part.place for data in files for part in look(data) if not isinstance(part, Fact)]
    assert [one for one in places if not place.match(one)] == []
