"""Is this picture a copy of one of the company's own? Law: the register holds hashes and names only,
never a picture; a copy is claimed by how few bits differ, and the bound is measured.

Each picture is hashed whole and in overlapping parts, by the signs of its low frequencies (pHash:
64 of 8 by 8, DC left out of the median), over grey levels. Scaling, compression and colour change
leave them; a crop leaves those of the parts within it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.content.pictures import decode
from gateway.content.pictures.ocr import Pixels
from gateway.content.reading import Budget, FileLimits, Stop

WHOLE, PART = 10, 7
"""Bits of 64 that may differ, for whole pictures and for parts."""

_AGREE, _SURE = 2, 4
"""Parts that must be found, where the whole is not; one will do that differs by so few bits."""

_FLAT = 6.0
"""Standard deviation of grey below which a part shows nothing that tells it from others."""

_SIDES = (1.0, 0.9, 0.75, 0.6, 0.5)
"""Sides of the parts, as shares of the picture's."""


@dataclass(frozen=True, slots=True)
class Prints:
    """Hashes of one picture: of the whole (0 where it is flat), and of its parts."""

    whole: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A registered picture, and how sure it is that it was found, 0 to 1."""

    name: str = field(repr=False)
    confidence: float


@dataclass(frozen=True, slots=True)
class Register:
    """The company's own pictures by name. It is data: it may be written and read as numbers."""

    names: tuple[str, ...] = field(repr=False)
    whole: NDArray[np.uint64] = field(repr=False)
    parts: NDArray[np.uint64] = field(repr=False)
    owner: NDArray[np.intp] = field(repr=False)

    def look_up(self, pixels: Pixels) -> Found | None:
        """The registered picture that `pixels` are most likely a copy of, or None."""
        if not len(self.names):
            return None
        own = prints(pixels)
        if own.whole:
            distance = _distances(self.whole, own.whole)
            distance[self.whole == 0] = 64
            best = int(distance.argmin())
            if distance[best] <= WHOLE:
                return Found(self.names[best], 1 - float(distance[best]) / 32)
        return self._by_parts(own)

    def _by_parts(self, own: Prints) -> Found | None:
        # A crop is a part of the registered picture, and has parts that are parts of it.
        votes: dict[int, list[float]] = {}
        for one in {own.whole, *own.parts} - {0}:
            distance = _distances(self.parts, one)
            for at in np.flatnonzero(distance <= PART):
                votes.setdefault(int(self.owner[at]), []).append(float(distance[at]))
        if not votes:
            return None
        best = max(votes, key=lambda owner: len(votes[owner]))
        if len(votes[best]) < _AGREE and min(votes[best]) > _SURE:
            return None
        return Found(self.names[best], min(0.95, 0.5 + 0.1 * len(votes[best])))


def build(pictures: Iterable[tuple[str, Prints]]) -> Register:
    """The register of these pictures. Flat pictures, that have no print, raise `ValueError`."""
    names, whole, parts, owner = [], [], [], []
    for number, (name, own) in enumerate(pictures):
        if not own.whole and not own.parts:
            raise ValueError(f"picture number {number} shows nothing that it could be known by")
        names.append(name)
        whole.append(own.whole)
        for part in {*own.parts, own.whole} - {0}:
            parts.append(part)
            owner.append(number)
    return Register(
        tuple(names),
        np.array(whole, np.uint64),
        np.array(parts, np.uint64),
        np.array(owner, np.intp),
    )


_VERSION = 1


def save(pictures: Iterable[tuple[str, Prints]]) -> str:
    """The register of these pictures as the text of a file: their names and numbers, nothing else."""
    listed = [
        {"name": name, "whole": own.whole, "parts": sorted({*own.parts})} for name, own in pictures
    ]
    return json.dumps({"version": _VERSION, "pictures": listed}, ensure_ascii=False) + "\n"


def load(path: Path) -> Register:
    """The register in a file that `save` wrote. Raises `FileNotFoundError`, `ValueError`."""
    try:
        written = json.loads(path.read_text("utf-8"))
        if written["version"] == _VERSION:
            return build(
                (str(one["name"]), Prints(int(one["whole"]), tuple(map(int, one["parts"]))))
                for one in written["pictures"]
            )
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"`{path}` is not a register of pictures")


def folder(path: Path) -> tuple[list[tuple[str, Prints]], list[Path]]:
    """All pictures in a folder of the operator's, by their names, and the files that are none.

    A name is the file's, without its ending; `; ` stands between names of facts, so it goes.
    """
    found: list[tuple[str, Prints]] = []
    others: list[Path] = []
    decode.prepare()
    for file in sorted(path.rglob("*")):
        if not file.is_file():
            continue
        try:
            data = file.read_bytes()
            frame = next(iter(decode.frames(data, Budget(FileLimits(seconds=60), len(data)))))
        except (decode.NotAPicture, Stop):
            others.append(file)
            continue
        own = prints(frame.pixels) if isinstance(frame, decode.Frame) else Prints(0, ())
        if own.whole or own.parts:
            found.append((file.stem.replace(";", ",")[:100], own))
        else:
            others.append(file)
    return found, others


def prints(pixels: Pixels) -> Prints:
    """The hashes of a picture."""
    grey: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    if max(grey.shape) > 512:
        scale = 512 / max(grey.shape)
        size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    found = []
    for side in _SIDES[1:]:
        steps = 3 if side >= 0.75 else 5
        for x, y in itertools.product(range(steps), repeat=2):
            found.append(_hash(_window(grey, side, x / (steps - 1), y / (steps - 1))))
    return Prints(_hash(grey), tuple(one for one in found if one))


def _window(grey: NDArray[np.uint8], side: float, x: float, y: float) -> NDArray[np.uint8]:
    height, width = grey.shape
    high, wide = max(1, int(height * side)), max(1, int(width * side))
    top, left = int((height - high) * y), int((width - wide) * x)
    return np.asarray(grey[top : top + high, left : left + wide])


def _hash(grey: NDArray[np.uint8]) -> int:
    if min(grey.shape) < 16 or float(grey.std()) < _FLAT:
        return 0
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].reshape(-1)
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">u8")[0]) or 1


def _distances(many: NDArray[np.uint64], one: int) -> NDArray[np.uint8]:
    return np.asarray(np.bitwise_count(many ^ np.uint64(one)), np.uint8)
