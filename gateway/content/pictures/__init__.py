"""What does a picture say and show? Its metadata, codes, faces, text, and what kind of picture it is.

Law: `read` gives what is cheap first (metadata, codes, then faces, then text), so that what a
deadline cuts off is the dearest; a file that is no picture, and a frame that cannot be decoded, are
`Missed`. Call `warm` before a process forks: the networks are loaded there, and run afterwards
without threads of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2

from gateway.content import columns
from gateway.content.looking import PictureSettings
from gateway.content.pictures import codes as barcodes
from gateway.content.pictures import decode, dicom, documents, metadata, redact, svg
from gateway.content.pictures import faces as portraits
from gateway.content.pictures.beside import Hands
from gateway.content.pictures.decode import Frame, NotAPicture
from gateway.content.pictures.ocr import Drawn, Line, Ocr, Placed, folded, in_order
from gateway.content.pictures.register import Register
from gateway.content.pictures.register import load as load_register
from gateway.content.reading import Budget, Fact, Missed, Region, Said, Text
from gateway.content.remembered import Remembered
from gateway.content.types import SVG, type_of
from gateway.model import UnreadReason

__all__ = ["PictureSettings", "Remembered", "read", "warm"]


@dataclass(frozen=True, slots=True)
class Eyes:
    """What looks at pixels, loaded as settings ask."""

    settings: PictureSettings
    ocr: Ocr | None
    faces: portraits.Detector | None
    register: Register | None = None


@functools.cache
def warm(settings: PictureSettings = PictureSettings()) -> Eyes:  # noqa: B008  # it is frozen
    """Load everything that reading needs; about 200 MB and half a second with defaults.

    Call it before a fork: what it gives is kept for the settings, and a child finds it loaded.
    Raises `ValueError` or `FileNotFoundError` when a model is missing; start-up refuses then.
    """
    cv2.setNumThreads(0)
    decode.prepare()
    dicom.prepare()
    return Eyes(
        settings,
        Ocr(settings) if settings.ocr else None,
        portraits.load(settings) if settings.faces else None,
        None if settings.register is None else load_register(settings.register),
    )


def read(
    data: bytes,
    budget: Budget,
    settings: PictureSettings = PictureSettings(),  # noqa: B008  # it is frozen
) -> Iterator[Said]:
    """Everything that the picture `data` says, cheap things first. Raises only `Stop`."""
    eyes = warm(settings)
    if type_of(data) == SVG or svg.is_svg(data):
        yield from svg.read(data, budget)
        return
    if dicom.is_dicom(data):
        yield from dicom.read(data, budget, functools.partial(_look, eyes, budget=budget))
        return
    try:
        form = decode.opened(data).format
    except NotAPicture:
        yield Missed("picture", UnreadReason.MALFORMED, len(data), "picture")
        return
    yield Fact("pictures", 1)
    said = metadata.read(data, budget)
    editable = form in redact.WRITTEN
    for part in said.parts:
        can_go = editable or form == "HEIF"
        yield replace(part, editable=can_go) if isinstance(part, Text) else part
    for frame in decode.frames(data, budget):
        match frame:
            case Missed():
                yield frame
            case Frame():
                for part in _look(eyes, frame, budget=budget, camera=said.camera):
                    yield replace(part, editable=editable) if isinstance(part, Text) else part


def _look(eyes: Eyes, frame: Frame, *, budget: Budget, camera: bool = False) -> Iterator[Said]:
    """What one frame shows. `camera`: its metadata name one, so that it is no screenshot."""
    if min(frame.pixels.shape[:2]) < 8:
        return
    if eyes.register is not None and (copy := eyes.register.look_up(frame.pixels)) is not None:
        yield Fact("registered", copy.name)
    with Hands(eyes.settings.threads) as hands:
        yield from _seen(eyes, frame, budget, hands, camera=camera)


def _seen(
    eyes: Eyes, frame: Frame, budget: Budget, hands: Hands, *, camera: bool
) -> Iterator[Said]:
    """All is begun at once, and told in the order of what it costs.

    Codes are begun last: they are the shortest, and nothing waits for them.
    """
    pixels, place = frame.pixels, frame.place
    begun: list[Callable[[], Iterable[Said]]] = []
    if eyes.faces is not None:
        begun.append(_faces(eyes.faces, frame, budget, eyes.settings, hands))
    reading = None if eyes.ocr is None else eyes.ocr.look(pixels, budget, hands)
    if eyes.settings.codes:
        begun.insert(0, hands.start(lambda: list(barcodes.codes(pixels, place))))
    for told in begun:
        yield from told()
        budget.tick()
    if reading is None:
        return
    lines, left = reading()
    if lines:
        yield from _text(lines, place, budget)
    yield from _screen(frame, lines, camera=camera)
    if left:
        yield Missed(place, UnreadReason.TOO_LARGE, 0, "lines")


def _faces(
    detector: portraits.Detector,
    frame: Frame,
    budget: Budget,
    settings: PictureSettings,
    hands: Hands,
) -> Callable[[], Iterable[Said]]:
    # What is drawn flat is a screen or a page: nobody turns those, and photographs in them stand.
    drawn = documents.flatness(frame.pixels) >= documents.FLAT
    found = portraits.look(
        detector, frame.pixels, budget, settings=settings, hands=hands, turned_too=not drawn
    )
    return lambda: _told_faces(found(), frame)


def _told_faces(found: tuple[portraits.Face, ...], frame: Frame) -> Iterator[Said]:
    if not found:
        return
    height, width = frame.pixels.shape[:2]
    shares = [
        (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]) / (height * width)
        for face in found
    ]
    for number, face in enumerate(found):
        yield Region(f"{frame.place}.face[{number}]", "face", face.box, face.confidence)
    yield Fact("faces", len(found))
    yield Fact("face_share", min(1.0, max(shares)))
    if documents.is_portrait(shares):
        yield Fact("portrait", value=True)


def _text(lines: list[Line], place: str, budget: Budget) -> Iterator[Said]:
    text, boxes = in_order(lines)
    budget.text(len(text))
    yield Fact("text_pixels", 1)
    yield Text(f"{place}.text", text, boxes=boxes)
    if columns.may_have(text):
        for number, column in enumerate(columns.columns_in(Drawn(text, boxes))):
            yield Text(
                f"{place}.column[{number}]", folded(column.text), boxes=_boxes_of(column, boxes)
            )
    as_digits = folded(text)
    if as_digits != text:
        yield Text(f"{place}.digits", as_digits, boxes=boxes)
    for number, zone in enumerate(documents.zones(lines)):
        yield Fact("identity_document", value=True)
        yield Text(f"{place}.zone[{number}]", zone.text, boxes=zone.boxes)
    if documents.is_card(as_digits, len(lines)):
        yield Fact("payment_card", value=True)


def _boxes_of(column: columns.Column, boxes: Sequence[Placed]) -> tuple[Placed, ...]:
    """The words of a column, by their places in its text."""
    return tuple(
        (start - first + at, end - first + at, box)
        for at, first, last in column.places()
        for start, end, box in boxes
        if first <= start < last
    )


def _screen(frame: Frame, lines: list[Line], *, camera: bool) -> Iterator[Said]:
    if not camera and documents.looks_like_screen(frame.pixels, len(lines)):
        yield Fact("screenshot", value=True)
