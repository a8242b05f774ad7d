"""What does a DICOM file say, and how does it say nothing of a person any more?

Law: every element that holds text is said, sequences and private ones included, for any of them may
name a person. De-identification follows a table that is data (`confidentiality.txt`, PS3.15 E.1-1);
what it cannot do safely it refuses.
"""

from __future__ import annotations

import functools
import hmac
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from gateway.content.pictures.decode import Frame
from gateway.content.pictures.ocr import Pixels
from gateway.content.reading import Box, Budget, Embedded, Fact, Missed, Said, Stop, Text
from gateway.content.rewriting import CannotRewrite
from gateway.content.types import type_of
from gateway.model import UnreadReason

_BYTES = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
_PIXEL_DATA = {0x7FE00010, 0x7FE00008, 0x7FE00009}
_DOCUMENT = 0x00420011
_LONGEST = 1 << 20


def prepare() -> None:
    """Load pydicom's dictionaries and decoders before a fork."""
    for syntax in (ExplicitVRLittleEndian, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"):
        get_decoder(pydicom.uid.UID(syntax))
    _profile()


def is_dicom(data: bytes) -> bool:
    """Whether `data` is DICOM: by its magic, or by a first element where the preamble is missing."""
    return type_of(data).media_type == "application/dicom"


def _load(data: bytes) -> FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data), force=True)


def read(data: bytes, budget: Budget, look: Callable[[Frame], Iterator[Said]]) -> Iterator[Said]:
    """What the file says: its elements, then what `look` sees in its frames."""
    yield Fact("medical", value=True)
    said: list[Said] = []
    identified = True
    try:
        dataset = _load(data)
        # pydicom reads elements when asked: ask for all, so that a damaged one shows here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = list(_elements(dataset, budget))
            identified = _identifies(dataset, budget)
    except Stop:
        yield Fact("identified", value=True)
        raise
    except Exception:  # noqa: BLE001  # pydicom raises what it likes on damaged files
        said = []
    if identified or not said:
        yield Fact("identified", value=True)
    if not said:
        yield Missed("dicom", UnreadReason.MALFORMED, len(data), "dicom")
        return
    yield from said
    for part in _frames(dataset, budget, look):
        if isinstance(part, Text):
            # Writing that is burned in: whose name it is, nobody can say for sure.
            yield Fact("identified", value=True)
            yield replace(part, editable=True)
        else:
            yield part


def _elements(dataset: Dataset, budget: Budget) -> Iterator[Said]:
    meta = getattr(dataset, "file_meta", None)
    stack: list[tuple[str, Dataset]] = [("dicom", dataset)]
    if meta is not None:
        stack.append(("dicom.meta", meta))
    while stack:
        place, group = stack.pop()
        for element in group:
            budget.tick()
            at = f"{place}.group[{element.tag.group}].element[{element.tag.element}]"
            if element.VR == "SQ":
                stack.extend(
                    (f"{at}.item[{n}]", item) for n, item in enumerate(element.value or ())
                )
                continue
            yield from _element(element, at, budget)


def _element(element: DataElement, place: str, budget: Budget) -> Iterator[Said]:
    tag, value = int(element.tag), element.value
    if tag in _PIXEL_DATA or value is None:
        return
    if tag == _DOCUMENT and isinstance(value, bytes):
        yield Embedded(place, value)
        return
    if element.VR in _BYTES and isinstance(value, bytes):
        if element.tag.group in range(0x5000, 0x6100) or not value:
            return  # curves and overlays: drawn, not written
        text = "\n".join(_runs(value[:_LONGEST]))
    elif isinstance(value, MultiValue):
        text = "\\".join(str(one) for one in value)
    else:
        text = _plain(element.VR, value)
    text = text.strip("\0 ")
    if text:
        budget.text(len(text))
        # De-identification takes it out, or says why it cannot.
        yield Text(place, text, hidden=True, label=element.keyword or element.name, editable=True)


def _plain(vr: str, value: object) -> str:
    text = str(value)
    if vr == "PN":  # family^given^middle^prefix^suffix: as a person would write it
        family, _, given = text.partition("^")
        return " ".join(part for part in (*given.split("^"), family) if part)
    return text


def _runs(data: bytes) -> Iterator[str]:
    for run in re.finditer(rb"[\x20-\x7e\x80-\xff]{6,}", data):
        text = run[0].decode("utf-8", "ignore")
        if sum(character.isalnum() for character in text) >= 5:
            yield text


def _frames(
    dataset: FileDataset, budget: Budget, look: Callable[[Frame], Iterator[Said]]
) -> Iterator[Said]:
    if "PixelData" not in dataset:
        return
    try:
        count = int(dataset.get("NumberOfFrames", 1) or 1)
        height, width = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, TypeError, ValueError):
        yield Missed("dicom.pixels", UnreadReason.MALFORMED, 0, "pixels")
        return
    yield Fact("pictures", 1)
    frames = min(count, budget.limits.frames)
    for _ in range(frames):
        budget.picture(width, height)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, values in enumerate(iter_pixels(dataset, indices=range(frames))):
                place = "dicom.picture" if count == 1 else f"dicom.frame[{number}]"
                yield from look(Frame(place, _shown(dataset, values)))
    except Stop:
        raise
    except (NotImplementedError, RuntimeError):  # no decoder for the transfer syntax
        yield Missed("dicom.pixels", UnreadReason.UNSUPPORTED_FILE, 0, "transfer syntax")
    except Exception:  # noqa: BLE001  # as above
        yield Missed("dicom.pixels", UnreadReason.MALFORMED, 0, "pixels")
    if count > frames:
        yield Missed("dicom.pixels", UnreadReason.TOO_LARGE, 0, "frames")


def _shown(dataset: Dataset, values: NDArray[np.generic]) -> Pixels:
    """Values as a viewer would show them, without a window: from the darkest to the brightest."""
    pixels = np.asarray(values)
    if pixels.dtype != np.uint8 or pixels.ndim == 2:
        wide = pixels.astype(np.float32)
        low, high = float(wide.min()), float(wide.max())
        pixels = ((wide - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    if str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        pixels = 255 - pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])


# --- de-identification ---------------------------------------------------------------------------

_DUMMY = {
    "DA": "19000101", "TM": "000000", "DT": "19000101000000", "PN": "Anonymous", "AS": "000Y",
    "IS": "0", "DS": "0", "CS": "NONE", "UI": "2.25.0", "UR": "about:blank", "AE": "ANONYMOUS",
}  # fmt: skip
_OF_UUID = "2.25."
"""PS3.5, B.2: the root of UIDs that are made of a UUID."""
_META = {0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013}
"""Elements of the file meta information that name nobody."""
_DEEP = 16
_NUMBERS = {"US", "SS", "UL", "SL", "FL", "FD", "UV", "SV"}
_LIGHT_SYNTAXES = {ExplicitVRLittleEndian, ImplicitVRLittleEndian}


@functools.cache
def _profile() -> Mapping[int, str]:
    """Tag to action, the mildest that the table allows where it allows several."""
    table = {}
    for line in (Path(__file__).parent / "confidentiality.txt").read_text("ascii").splitlines():
        if not line.startswith("#"):
            tag, action, _ = line.split()
            # X/Z/D says: remove, unless the element must be there. What kind of object this is
            # decides that; an empty or dummy value is right for all kinds.
            table[int(tag, 16)] = action.replace("*", "").rsplit("/", maxsplit=1)[-1]
    return table


def deidentify(data: bytes, *, key: bytes, boxes: Sequence[Box] = ()) -> bytes:
    """`data` after the basic confidentiality profile, with `boxes` of all its frames filled.

    UIDs become others, the same for the same UID under the same `key`, so that a series stays one.
    Raises `CannotRewrite` for damaged files, encapsulated documents, and pixels with writing burned
    in or boxes to fill where they cannot be decoded.
    """
    try:
        dataset = _load(data)
        _refuse(dataset, boxes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if boxes:
                _fill(dataset, boxes)
            _scrub(dataset, key, depth=0)
            _mark(dataset, filled=bool(boxes))
            return _written(dataset, key)
    except CannotRewrite:
        raise
    except Exception:  # noqa: BLE001  # pydicom raises what it likes on damaged files
        raise CannotRewrite("the DICOM file is damaged") from None


def _refuse(dataset: FileDataset, boxes: Sequence[Box]) -> None:
    if not len(dataset):
        raise CannotRewrite("the DICOM file is damaged")
    if _DOCUMENT in dataset:
        raise CannotRewrite("a document inside DICOM cannot be de-identified; send it as a PDF")
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES" and not boxes:
        raise CannotRewrite("the picture has writing burned in that was not found")


def _scrub(dataset: Dataset, key: bytes, depth: int) -> None:
    if depth > _DEEP:
        raise CannotRewrite("the DICOM file nests too deeply")
    for tag in list(dataset.keys()):
        element = dataset[tag]
        match _action(element):
            case "X":
                del dataset[tag]
            case "Z":
                element.value = (
                    [] if element.VR == "SQ" else _dummy(element) if element.VR in _NUMBERS else ""
                )
            case "D" if element.VR == "SQ":
                for item in element.value or ():
                    _scrub(item, key, depth + 1)
            case "D":
                element.value = _dummy(element)
            case "U":
                element.value = _other(element.value, key)
            case _ if element.VR == "SQ":
                for item in element.value or ():
                    _scrub(item, key, depth + 1)


def _action(element: DataElement) -> str:
    """What the profile does with an element: D, Z, X, U, or nothing."""
    tag = element.tag
    return (
        _profile().get(int(tag)) or _by_group(BaseTag(tag)) or ("D" if element.VR == "PN" else "")
    )


def _identifies(dataset: FileDataset, budget: Budget) -> bool:
    """Whether de-identification would change anything: no mark that says otherwise is believed.

    UIDs that are made of a UUID, as ours are, count as replaced: they name no institution.
    """
    meta = getattr(dataset, "file_meta", None) or Dataset()
    if (dataset.preamble or b"").strip(b"\0") or set(map(int, meta.keys())) - _META:
        return True
    stack: list[tuple[Dataset, int]] = [(meta, 0), (dataset, 0)]
    while stack:
        group, depth = stack.pop()
        if depth > _DEEP:
            return True
        for element in group:
            budget.tick()
            action = _action(element)
            if element.VR == "SQ" and action not in {"X", "Z"}:
                stack.extend((item, depth + 1) for item in element.value or ())
            elif not _is_done(element, action):
                return True
    return False


def _is_done(element: DataElement, action: str) -> bool:
    value = element.value
    match action:
        case "X":
            return False
        case "Z":
            empty = value is None or (not isinstance(value, int | float) and not len(value))
            return empty or (element.VR in _NUMBERS and value == 0)
        case "D":
            return str(value) == str(_dummy(element))
        case "U":
            every = value if isinstance(value, MultiValue | list) else [value]
            return all(not one or str(one).startswith(_OF_UUID) for one in every)
    return True


def _by_group(tag: BaseTag) -> str:
    """Private elements, curves, and the data and comments of overlays go."""
    if tag.is_private or 0x5000 <= tag.group <= 0x50FF:
        return "X"
    if 0x6000 <= tag.group <= 0x60FF and tag.element in {0x3000, 0x4000}:
        return "X"
    return ""


def _dummy(element: DataElement) -> object:
    if element.VR in _NUMBERS:
        return 0
    if element.VR in _BYTES:
        return b"\0\0"
    return _DUMMY.get(element.VR, "ANONYMOUS")


def _other(value: object, key: bytes) -> object:
    """PS3.5, B.2: a UUID as a UID, here of the old one's keyed digest."""
    if isinstance(value, MultiValue | list):
        return [_other(one, key) for one in value]
    if not value:
        return value
    digest = hmac.digest(key, str(value).encode("utf-8", "replace"), "sha256")
    return f"{_OF_UUID}{int.from_bytes(digest[:16], 'big')}"


def _fill(dataset: FileDataset, boxes: Sequence[Box]) -> None:
    try:
        pixels = np.array(dataset.pixel_array)
    except Exception:  # noqa: BLE001  # as above
        raise CannotRewrite("the pixels of this DICOM file cannot be decoded") from None
    samples, frames = (
        int(dataset.get("SamplesPerPixel", 1)),
        int(dataset.get("NumberOfFrames", 1) or 1),
    )
    layers = pixels.reshape(frames, int(dataset.Rows), int(dataset.Columns), samples)
    dark = layers.max() if str(dataset.PhotometricInterpretation) == "MONOCHROME1" else layers.min()
    for left, top, right, bottom in boxes:
        layers[:, max(0, top) : bottom, max(0, left) : right] = dark
    if samples > 1:
        dataset.PlanarConfiguration = 0
        if str(dataset.PhotometricInterpretation).startswith("YBR"):
            dataset.PhotometricInterpretation = "RGB"  # what pydicom decodes them to
    body = layers.tobytes()
    dataset.PixelData = body + b"\0" * (len(body) & 1)
    dataset["PixelData"].VR = "OB" if layers.dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _mark(dataset: FileDataset, *, filled: bool) -> None:
    """PS3.15, E.1.1: what says that it was done, and how."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Basic Application Confidentiality Profile"
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    if filled:
        dataset.BurnedInAnnotation = "NO"


def _written(dataset: FileDataset, key: bytes) -> bytes:
    dataset.preamble = b"\0" * 128  # it may hold another file
    meta = getattr(dataset, "file_meta", None) or pydicom.dataset.FileMetaDataset()
    syntax = meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian
    fresh = pydicom.dataset.FileMetaDataset()
    fresh.TransferSyntaxUID = syntax
    fresh.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or meta.get(
        "MediaStorageSOPClassUID", "2.25.0"
    )
    instance = dataset.get("SOPInstanceUID") or _other(
        meta.get("MediaStorageSOPInstanceUID", "0"), key
    )
    fresh.MediaStorageSOPInstanceUID = pydicom.uid.UID(str(instance))
    dataset.file_meta = fresh
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
