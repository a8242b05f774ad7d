"""A DICOM file with values planted in its header, its private elements and its pixels."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from corpus.files import pictures as drawn
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

PLANTED = (
    "PLANTED", "ANNA", "MARIA", "19740812", "1.2.826.0.1.9", "DOCTOR", "NESTED", "ERIKSSON",
)  # fmt: skip
"""Words that name somebody, or lead to somebody; the last one stands in the pixels."""


def made(*, preamble=True, document=b"", burned=False, compress=False, frames=1, comment=""):
    """The file's bytes; `burned` writes a name into the pixels."""
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
    if comment:
        data.ImageComments = comment
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
