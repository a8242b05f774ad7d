from __future__ import annotations

import io

import pytest
from corpus.files import metadata as planted
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.content.pictures import decode, metadata
from gateway.content.reading import Budget, Embedded, Fact, FileLimits, Missed, Stop, Text

decode.prepare()


def said(data: bytes):
    return metadata.read(data, Budget(FileLimits(), len(data))).parts


def texts(parts):
    return [part.text for part in parts if isinstance(part, Text)]


def facts(parts):
    return {part.name for part in parts if isinstance(part, Fact)}


@pytest.mark.parametrize("form", planted.MAKERS)
def test_every_planted_value_is_said_and_hidden(form):
    parts = said(planted.MAKERS[form]())
    spoken = "\n".join(texts(parts))
    assert [value for value in planted.SAID[form] if value not in spoken] == []
    assert all(part.hidden for part in parts if isinstance(part, Text))
    assert not any(isinstance(part, Missed) for part in parts)


@pytest.mark.parametrize(
    ("tag", "value", "told"),
    [
        (0xA431, "SN-7731", True),  # BodySerialNumber
        (0xA430, "Anna Eriksson", True),  # CameraOwnerName
        (0xA431, "0000000", False),  # what many cameras write in its place
        (0xA434, "24-70 mm", False),  # LensModel
    ],
)
def test_whose_camera_it_was_is_a_fact_and_the_model_alone_is_not(tag, value, told):
    block = Image.Exif()
    block[0x010F], block[0x0110] = "Maker", "Model 7"
    block.get_ifd(0x8769)[tag] = value
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=block)
    known = facts(said(out.getvalue()))
    assert "camera" in known
    assert ("serial" in known) is told


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_place_camera_and_rights_are_facts(form):
    assert {"gps", "camera", "rights"} <= facts(said(planted.MAKERS[form]()))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif"])
def test_what_stands_after_the_picture_is_a_file_within(form):
    found = [part for part in said(planted.MAKERS[form]()) if isinstance(part, Embedded)]
    assert b"PLANTED-TRAILER" in {part.data for part in found}


def test_a_thumbnail_is_a_file_within():
    found = [part.data for part in said(planted.jpeg()) if isinstance(part, Embedded)]
    assert planted.thumbnail() in found


def test_content_credentials_that_forbid_training_are_marks():
    assert {"credentials", "no_training"} <= facts(said(planted.jpeg()))
    assert "no_training" not in facts(said(planted.png()))


def test_a_packet_with_a_document_type_is_text_and_missed():
    packet = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    parts = list(metadata.xmp(packet, "xmp"))
    assert any(isinstance(part, Missed) for part in parts)
    assert "ENTITY" in texts(parts)[0]


def test_a_compressed_text_is_bounded():
    info = planted.picture()
    out = io.BytesIO()
    from PIL import PngImagePlugin

    more = PngImagePlugin.PngInfo()
    more.add_text("Comment", "a" * 900_000, zip=True)
    info.save(out, "PNG", pnginfo=more)
    limits = FileLimits(expanded=100_000)
    with pytest.raises(Stop):
        metadata.read(out.getvalue(), Budget(limits, 100))


def test_a_picture_without_metadata_says_nothing():
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    assert said(out.getvalue()) == ()


@given(st.sampled_from(sorted(planted.MAKERS)), st.data())
def test_damaged_files_raise_nothing_but_stop(form, data):
    body = bytearray(planted.MAKERS[form]())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            said(damaged)
        except Stop:
            pass


@given(st.binary(max_size=400))
def test_any_bytes_are_an_exif_block_or_missed(payload):
    list(metadata.exif(payload, "exif"))
    list(metadata.xmp(payload, "xmp"))
    list(metadata._photoshop(payload, "iptc"))
    list(metadata._photoshop(b"8BIM\4\4\0\0\0\0\0\xff" + payload, "iptc"))
