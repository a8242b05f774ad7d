"""What is looked for in pictures, and at what cost? Law: what is off here is never loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What to look for; sizes in pixels, shares and confidences 0 to 1.

    `face_model` is a YuNet model in ONNX form; without one, the weights of MTCNN that the package
    `mtcnn` ships are used. `ocr_side` is the longer side at which lines of text are looked for.
    `ocr_squeeze` narrows lines before they are read: time is in proportion to it.
    `ocr_lines` bounds how many lines of one picture are read; more are `Missed`.
    `register` is a file of hashes of the company's own pictures.
    `threads` is how many lines are read at the same time (never more than there are cores), by threads that start in the reading
    process and end with the picture; none is kept, so that a process may fork.
    """

    ocr: bool = True
    faces: bool = True
    codes: bool = True
    face_model: Path | None = None
    face_confidence: float = 0.9
    face_pixels: int = 20
    face_side: int = 1024
    ocr_side: int = 1280
    ocr_squeeze: float = 1.0
    ocr_lines: int = 600
    ocr_confidence: float = 0.5
    threads: int = 2
    register: Path | None = None
