from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from corpus.files import pictures as drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

from gateway.content.pictures import dicom
from gateway.content.reading import Budget, Embedded, Fact, FileLimits, Missed, Stop, Text
from gateway.content.rewriting import CannotRewrite

KEY = b"a key of the test"
BURNED = (20, 20, 330, 66)


def made(*, preamble=True, document=b"", burned=False, compress=False, frames=1):
    data = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.826.0.1.9.1"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.826.0.1.9.2", "1.2.826.0.1.9.3"
    data.PatientName, data.PatientID = "PLANTED^ANNA^MARIA", "PID-PLANTED"
    data.PatientBirthDate, data.PatientAddress = "19740812", "STREET-PLANTED"
    data.ReferringPhysicianName, data.InstitutionName = "DOCTOR^PLANTED", "CLINIC-PLANTED"
    data.StudyDescription, data.AccessionNumber = "DESCRIPTION-PLANTED", "ACC-PLANTED"
    data.Modality, data.DeviceSerialNumber = "OT", "SERIAL-PLANTED"
    item = Dataset()
    item.CodeMeaning, item.PersonName = "kept meaning", "NESTED^PLANTED"
    data.AnatomicRegionSequence = [item]
    block = data.private_block(0x0099, "MAKER-PLANTED", create=True)
    block.add_new(1, "LO", "PRIVATE-PLANTED")
    if document:
        data.EncapsulatedDocument = document
        data.MIMETypeOfEncapsulatedDocument = "application/pdf"
    picture = Image.linear_gradient("L").resize((512, 300))
    if burned:
        data.BurnedInAnnotation = "YES"
        ImageDraw.Draw(picture).text(
            (30, 30), "PATIENT ERIKSSON", font=drawn.font("DejaVuSans", 26), fill=255
        )
    pixels = np.stack([np.asarray(picture)] * frames) if frames > 1 else np.asarray(picture)
    if frames > 1:
        data.NumberOfFrames = frames
    data.Rows, data.Columns, data.SamplesPerPixel = 300, 512, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = pixels.tobytes()
    if compress:
        data.compress(RLELossless)
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    whole = out.getvalue()
    return whole if preamble else whole[132:]


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


@settings(max_examples=60)
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
