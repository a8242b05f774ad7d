from __future__ import annotations

import io

import numpy as np
import pytest
from corpus.files import metadata as planted
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from gateway.content.pictures import cleaning, decode, metadata
from gateway.content.pictures.segments import Kind
from gateway.content.reading import Budget, Embedded, Fact, FileLimits, Text
from gateway.content.rewriting import CannotRewrite

decode.prepare()
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def said(data):
    return metadata.read(data, Budget(FileLimits(), len(data))).parts


def frames(data):
    picture = Image.open(io.BytesIO(data))
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        yield np.asarray(ImageOps.exif_transpose(picture).convert("RGBA"))


@pytest.mark.parametrize("form", planted.MAKERS)
def test_nothing_planted_is_left_and_no_pixel_changes(form):
    before = planted.MAKERS[form]()
    after = cleaning.clean(before)
    for word in (b"PLANTED", b"XMP-", b"IIM-", b"training-mining", b"Photoshop"):
        assert word not in after
    left = [part for part in said(after) if isinstance(part, Text | Embedded)]
    assert [part for part in left if form != "tiff"] == []
    for one, other in zip(frames(before), frames(after), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_still_stands_upright(form, orientation):
    before = planted.MAKERS[form](orientation=orientation, icc=ICC)
    after = cleaning.clean(before)
    assert np.array_equal(next(frames(before)), next(frames(after)))
    assert Image.open(io.BytesIO(after)).info["icc_profile"] == ICC
    assert b"PLANTED" not in after


def test_cleaning_a_clean_picture_changes_nothing():
    once = cleaning.clean(planted.jpeg(orientation=6))
    assert cleaning.clean(once) == once


def test_kinds_that_are_kept_stay():
    after = cleaning.clean(planted.jpeg(), keep=frozenset({Kind.XMP}))
    assert b"XMP-DESCRIPTION" in after
    assert b"PLANTED" not in after
    assert cleaning.kinds(after) == {Kind.XMP}


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif"])
def test_a_stamped_picture_forbids_training_and_looks_the_same(form):
    for before in (planted.MAKERS[form](), cleaning.clean(planted.MAKERS[form]())):
        after = cleaning.stamp(before)
        assert "no_training" in {part.name for part in said(after) if isinstance(part, Fact)}
        for one, other in zip(frames(before), frames(after), strict=True):
            assert np.array_equal(one, other)
        assert cleaning.stamp(after) == after


def test_a_stamp_keeps_what_the_packet_said():
    assert b"XMP-DESCRIPTION" in cleaning.stamp(planted.jpeg())


def test_what_the_packet_allowed_before_is_replaced():
    allowed = planted.XMP.replace(
        "</rdf:Description>",
        '<plus:DataMining xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/">DMI-ALLOWED</plus:DataMining></rdf:Description>',
    )
    out = io.BytesIO()
    planted.picture().save(
        out,
        "WEBP",
        xmp=allowed.encode().replace(b' xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"', b""),
    )
    assert b"DMI-ALLOWED" not in cleaning.stamp(out.getvalue())


@pytest.mark.parametrize(
    "data", [b"", b"text", b"BM" + bytes(60), b"\xff\xd8\xff\xe0\0\x10", b"II*\0\xff\xff\xff\x7f"]
)
def test_what_cannot_be_cleaned_is_refused(data):
    with pytest.raises(CannotRewrite):
        cleaning.clean(data)


@given(st.sampled_from(sorted(planted.MAKERS)), st.data())
def test_damaged_files_are_cleaned_or_refused(form, data):
    body = bytearray(planted.MAKERS[form]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    for change in (cleaning.clean, cleaning.stamp):
        try:
            change(bytes(body))
        except CannotRewrite:
            pass
