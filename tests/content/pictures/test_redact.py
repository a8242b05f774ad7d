from __future__ import annotations

import io

import numpy as np
import pytest
from corpus.files import metadata as planted
from corpus.files import pictures as drawn
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageOps

from gateway.content.pictures import decode, ocr, redact
from gateway.content.reading import Budget, FileLimits
from gateway.content.rewriting import CannotRewrite

decode.prepare()
BOX = (20, 10, 60, 40)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def upright(data, frame=0):
    picture = Image.open(io.BytesIO(data))
    picture.seek(frame)
    return np.asarray(ImageOps.exif_transpose(picture).convert("RGB")).astype(int)


def outside(shape):
    mask = np.ones(shape[:2], bool)
    mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = False
    return mask


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_without_loss_nothing_but_the_box_changes(form, mode, saved):
    if (form, mode) in {("BMP", "RGBA"), ("WEBP", "P")}:
        pytest.skip("the format has no such pixels")
    more = {"lossless": True} if form == "WEBP" else {}
    before = saved(planted.picture().convert(mode), form, **more)
    after = redact.cover(before, [BOX])
    one, other = upright(before), upright(after)
    assert Image.open(io.BytesIO(after)).format == form
    assert np.array_equal(one[outside(one.shape)], other[outside(one.shape)])
    covered = other[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    assert len(np.unique(covered.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("sampling", [0, 2])
def test_a_jpeg_keeps_its_tables_and_hardly_changes_elsewhere(quality, sampling, saved, astronaut):
    before = saved(astronaut, "JPEG", quality=quality, subsampling=sampling, icc_profile=ICC)
    after = redact.cover(before, [(179, 57, 270, 176)])
    one, other = Image.open(io.BytesIO(before)), Image.open(io.BytesIO(after))
    assert one.quantization == other.quantization
    assert other.info["icc_profile"] == ICC
    difference = np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int))[200:]
    assert difference.mean() < 0.6
    assert np.asarray(other)[80:150, 200:250].max() < 24


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_the_box_is_that_of_the_upright_picture(form, orientation):
    before = planted.MAKERS[form](orientation=orientation)
    after = redact.cover(before, [BOX])
    one, other = upright(before), upright(after)
    assert one.shape == other.shape
    assert other[BOX[1] + 2 : BOX[3] - 2, BOX[0] + 2 : BOX[2] - 2].max() < 12
    rest = outside(one.shape)
    rest[max(0, BOX[1] - 16) : BOX[3] + 16, max(0, BOX[0] - 16) : BOX[2] + 16] = False
    assert np.abs(one - other)[rest].mean() < 3


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif"])
def test_metadata_and_its_small_copies_go(form):
    after = redact.cover(planted.MAKERS[form](), [BOX])
    for word in (b"PLANTED", b"XMP-", b"IIM-", planted.thumbnail()):
        assert word not in after


@pytest.mark.parametrize("form", ["gif", "tiff"])
def test_all_frames_are_covered_or_those_named(form):
    before = planted.MAKERS[form]()
    after = redact.cover(before, [(2, 2, 30, 20)])
    for frame in (0, 1):
        assert upright(after, frame)[4:18, 4:28].max() < 60
    second = redact.cover(before, [(2, 2, 30, 20)], frames=[1])
    assert np.array_equal(upright(before), upright(second))


@pytest.mark.parametrize("style", ["blur", "pixelate"])
def test_other_styles_leave_the_rest(style, saved, astronaut):
    before = saved(astronaut)
    box = (179, 57, 270, 176)
    after = redact.cover(before, [box], style)
    one, other = upright(before), upright(after)
    assert np.array_equal(one[200:], other[200:])
    assert np.abs(one - other)[57:176, 179:270].mean() > 8


def test_text_that_was_covered_is_not_read_again(eyes, saved):
    picture = Image.new("RGB", (700, 200), "white")
    draw = ImageDraw.Draw(picture)
    draw.text(
        (30, 40),
        "Account 4532 0151 1283 for review",
        font=drawn.font("DejaVuSans", 24),
        fill="black",
    )
    draw.text(
        (30, 110), "nothing secret in this line", font=drawn.font("DejaVuSans", 24), fill="black"
    )
    budget = Budget(FileLimits(seconds=600), 1)
    text, boxes = ocr.in_order(eyes.ocr.lines(np.asarray(picture), budget)[0])
    gone = [box for start, end, box in boxes if any(c.isdigit() for c in text[start:end])]
    after = redact.cover(saved(picture, "JPEG", quality=80), gone)
    again, _ = ocr.in_order(eyes.ocr.lines(upright(after).astype(np.uint8), budget)[0])
    assert not any(c.isdigit() for c in again)
    assert "nothing secret in this line" in again


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(CannotRewrite):
        redact.cover(data, [BOX])


@pytest.mark.parametrize("form", ["ICO"])
def test_formats_that_cannot_be_written_are_refused(form, saved):
    with pytest.raises(CannotRewrite, match="format"):
        redact.cover(saved(planted.picture((64, 64)), form), [BOX])


@given(st.sampled_from(sorted(planted.MAKERS)), st.data())
def test_damaged_files_are_covered_or_refused(form, data):
    body = bytearray(planted.MAKERS[form]())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    box = tuple(data.draw(st.tuples(*[st.integers(-20, 120)] * 4)))
    try:
        redact.cover(bytes(body), [box])
    except CannotRewrite:
        pass
