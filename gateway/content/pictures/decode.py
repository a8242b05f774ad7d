"""What pixels does a picture file hold? Law: no frame is decoded before its size was counted, and
frames come upright: the EXIF orientation is applied, so that boxes are those that a person sees.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pi_heif
from PIL import Image, ImageOps

from gateway.content.pictures.ocr import Pixels
from gateway.content.reading import Budget, Missed, Stop
from gateway.model import UnreadReason

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "ICO", "HEIF", "AVIF")
"""Pillow's names of the formats that are read; no other plugin ever sees a byte."""


class NotAPicture(Exception):
    """The bytes are no picture of a format in `FORMATS`, or are damaged before the first frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame, and where it stands in the file."""

    place: str
    pixels: Pixels = field(repr=False)


def prepare() -> None:
    """Load what Pillow loads when asked; before a fork, and before a sandbox closes."""
    pi_heif.register_heif_opener()
    Image.init()


def opened(data: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """The picture, not decoded yet. Raises `NotAPicture`, or `Stop` where Pillow sees a bomb."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Stop(UnreadReason.TOO_LARGE, "pixels") from None
    except Exception:  # noqa: BLE001  # Pillow's plugins raise what they like; its text is content
        raise NotAPicture from None


def frames(data: bytes, budget: Budget) -> Iterator[Frame | Missed]:
    """The frames of a picture, at most as many as the budget's limits say; others are `Missed`."""
    picture = opened(data)
    # What a camera appends to a JPEG (MPO) is its trailer, and is opened as a file of its own.
    count = 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))
    for number in range(count):
        place = "picture" if count == 1 else f"frame[{number}]"
        if number >= budget.limits.frames:
            yield Missed(place, UnreadReason.TOO_LARGE, 0, "frames")
            return
        try:
            if count > 1:
                picture.seek(number)
            budget.picture(*picture.size)
            yield Frame(place, _pixels(picture))
        except (Stop, MemoryError):
            raise
        except Exception:  # noqa: BLE001  # as above; the frame is damaged
            yield Missed(place, UnreadReason.MALFORMED, 0, "frame")
            return


def _pixels(picture: Image.Image) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd files; its words are content
        upright = ImageOps.exif_transpose(picture)
        return rgb(upright)


def rgb(picture: Image.Image) -> Pixels:
    """The pixels as a person sees them: transparent ones on white, or on black under light ink."""
    if picture.mode in {"I", "F", "I;16", "I;16B", "I;16L"}:
        values = np.asarray(picture, np.float32)
        low, high = float(np.nanmin(values, initial=0)), float(np.nanmax(values, initial=1))
        grey = np.nan_to_num((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        layers = np.asarray(picture.convert("RGBA"))
        alpha = layers[:, :, 3:].astype(np.float32) / 255
        seen = layers[:, :, :3][layers[:, :, 3] > 127]
        light = seen.size > 0 and float(seen.mean()) > 200
        back = 0.0 if light else 255.0
        return (layers[:, :, :3] * alpha + back * (1 - alpha)).astype(np.uint8)
    return np.asarray(picture.convert("RGB"))
