from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from corpus.files.medical import made
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.content.pictures import dicom
from gateway.content.reading import Budget, Embedded, Fact, FileLimits, Missed, Stop, Text
from gateway.content.rewriting import CannotRewrite

KEY = b"a key of the test"
BURNED = (20, 20, 330, 66)


def said(data, look=lambda _: iter(())):
    return list(dicom.read(data, Budget(FileLimits(), len(data)), look))


PLANTED = (
    "ANNA MARIA PLANTED", "PID-PLANTED", "19740812", "STREET-PLANTED", "DOCTOR", "CLINIC-PLANTED",
    "DESCRIPTION-PLANTED", "ACC-PLANTED", "SERIAL-PLANTED", "NESTED", "PRIVATE-PLANTED",
)  # fmt: skip


@pytest.mark.parametrize("preamble", [True, False])
def test_every_element_is_said_with_its_keyword(preamble):
    data = made(preamble=preamble)
    assert dicom.is_dicom(data)
    parts = said(data)
    spoken = {part.text: part for part in parts if isinstance(part, Text)}
    assert [value for value in PLANTED if value not in "\n".join(spoken)] == []
    assert spoken["PID-PLANTED"].label == "PatientID"
    assert all(part.hidden for part in spoken.values())
    assert Fact("medical", value=True) in parts


@pytest.mark.parametrize("compress", [False, True])
def test_frames_are_looked_at(compress):
    seen = []
    said(
        made(compress=compress, frames=3), lambda frame: iter(seen.append(frame.pixels.shape) or ())
    )
    assert seen == [(300, 512, 3)] * 3


def test_a_document_within_is_a_file_within():
    parts = said(made(document=b"%PDF-1.4 x"))
    assert b"%PDF-1.4 x" in {part.data for part in parts if isinstance(part, Embedded)}


def test_writing_in_the_picture_is_read(look):
    parts = look(made(burned=True))
    assert any(
        "ERIKSSON" in part.text for part in parts if isinstance(part, Text) and not part.hidden
    )


def test_too_many_frames_are_missed():
    data = made(frames=3)
    parts = list(dicom.read(data, Budget(FileLimits(frames=2), len(data)), lambda _: iter(())))
    assert Missed("dicom.pixels", "too_large", 0, "frames") in parts


@pytest.mark.parametrize("compress", [False, True])
def test_what_was_de_identified_says_nothing_of_a_person(compress):
    before = made(compress=compress)
    after = dicom.deidentify(before, key=KEY)
    for word in (b"PLANTED", b"ANNA", b"19740812", b"1.2.826.0.1.9", b"DOCTOR", b"NESTED"):
        assert word not in after
    assert b"kept meaning" in after
    one, other = (pydicom.dcmread(io.BytesIO(data)) for data in (before, after))
    assert np.array_equal(one.pixel_array, other.pixel_array)
    assert other.PatientIdentityRemoved == "YES"
    assert other.Modality == "OT"


def test_uids_change_alike_under_one_key():
    one, other = (pydicom.dcmread(io.BytesIO(dicom.deidentify(made(), key=KEY))) for _ in range(2))
    third = pydicom.dcmread(io.BytesIO(dicom.deidentify(made(), key=b"another")))
    assert one.StudyInstanceUID == other.StudyInstanceUID != third.StudyInstanceUID
    assert one.StudyInstanceUID != one.SeriesInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


@pytest.mark.parametrize("compress", [False, True])
def test_what_was_de_identified_is_not_identified_any_more(compress):
    before = made(compress=compress, frames=2)
    identified = Fact("identified", value=True)
    assert identified in said(before)
    after = dicom.deidentify(before, key=KEY)
    assert identified not in said(after)
    assert Fact("medical", value=True) in said(after)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Somebody^Else"),
        ("PatientID", "7"),
        ("StudyInstanceUID", "1.2.840.1"),
        ("StudyDate", "20260101"),
        ("ImageComments", "with her brother"),
    ],
)
def test_no_mark_is_believed_that_says_nobody_is_identified(keyword, value):
    dataset = pydicom.dcmread(io.BytesIO(dicom.deidentify(made(), key=KEY)))
    assert dataset.PatientIdentityRemoved == "YES"
    setattr(dataset, keyword, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    assert Fact("identified", value=True) in said(out.getvalue())


def test_a_damaged_file_counts_as_identified():
    assert Fact("identified", value=True) in said(b"\0" * 128 + b"DICM" + b"\xff" * 40)


def test_writing_in_the_picture_counts_as_identified():
    clean = dicom.deidentify(made(), key=KEY)
    shown = said(clean, lambda _: iter([Text("dicom.picture.text", "L")]))
    assert Fact("identified", value=True) in shown


@pytest.mark.parametrize("compress", [False, True])
def test_boxes_are_filled_and_the_rest_is_kept(compress):
    before = made(burned=True, compress=compress, frames=2)
    after = dicom.deidentify(before, key=KEY, boxes=[BURNED])
    one, other = (pydicom.dcmread(io.BytesIO(data)) for data in (before, after))
    assert len(np.unique(other.pixel_array[:, 20:66, 20:330])) == 1
    assert np.array_equal(one.pixel_array[:, 66:], other.pixel_array[:, 66:])
    assert other.BurnedInAnnotation == "NO"


@pytest.mark.parametrize(
    "data",
    [made(document=b"%PDF-1.4"), made(burned=True), b"DICM", b"\x02\0\0\0UL\4\0"],
    ids=["pdf", "burned", "short", "cut"],
)
def test_what_cannot_be_de_identified_is_refused(data):
    with pytest.raises(CannotRewrite):
        dicom.deidentify(data, key=KEY)


@pytest.mark.parametrize("data", [b"", b"text" * 40, b"\x89PNG" + bytes(200), b"\0" * 300])
def test_other_bytes_are_no_dicom(data):
    assert not dicom.is_dicom(data)


def test_the_table_is_the_standard_s():
    table = dicom._profile()
    assert len(table) == 652
    assert table[0x00100010] == "Z"
    assert table[0x0020000D] == "U"


BODY = made()


@settings(max_examples=examples(60))
@given(st.data())
def test_damaged_files_are_read_or_missed(data):
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, 1400))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(100, len(body)))
    try:
        said(bytes(body[:cut]))
    except Stop:
        pass
    try:
        dicom.deidentify(bytes(body[:cut]), key=KEY)
    except CannotRewrite:
        pass
