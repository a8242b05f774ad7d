"""What text does a picture show, and where? Lines are found by one network and read by another.

Law: a line that was found is read or counted as left out; nothing is fetched. The networks are
PP-OCR's (Apache-2.0) as the wheel of `rapidocr` ships them; its code is not imported. A session has
no threads of its own, so that a process may load it and fork.
"""

from __future__ import annotations

import bisect
import functools
import importlib.util
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gateway.content import columns
from gateway.content.looking import PictureSettings
from gateway.content.pictures.beside import Hands
from gateway.content.reading import Box, Budget

type Pixels = NDArray[np.uint8]
"""Height by width by 3, RGB."""

type _Letters = list[tuple[str, float, float]]
"""Letters of a line: which, how sure it is, and where it stands, 0 to 1."""

type Placed = tuple[int, int, Box]
"""Start and end of a word in the text, and where it stands in the picture."""

type Tensor = NDArray[np.float32]

HEIGHT = 48
"""Rows of a line as the reading network wants it."""

_STEP = 8
"""Columns of such a line for which the network gives one answer."""

_WIDEST = 2400
"""Columns of one call; longer lines are cut at their calmest column, or memory would grow."""

_THRESHOLD, _BOX_THRESHOLD, _GROW = 0.3, 0.5, 1.6
"""Of a pixel and of a box to be text, and how far a box grows: as PP-OCR was trained."""

_SMALLEST = 3
"""Pixels of the shrunk picture that a line is high at least."""

_HALVED, _NEAR_MIDDLE, _BEYOND = 512, 96, 32
"""Rows of the shrunk picture from which two threads look for lines in half of it each, in how many
rows around the middle the cut may be, and how many beyond it each of them sees."""

_ALONE = 0.9
"""Confidence below which a single character is taken for a spot."""

_DOUBT, _CLEARLY, _DOUBTED = 0.9, 0.1, 4
"""Confidence below which a line is read upside down, too, how much better that has to be, and letters
from which on it may be a line at all."""

_UPRIGHT = 2.0
"""Degrees up to which a line is cut out as it stands."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: its box and those of its words, as (start, end, box) in code points."""

    text: str = field(repr=False)
    box: Box
    words: tuple[tuple[int, int, Box], ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line stands: four corners from the top left on, clockwise, in pixels."""

    corners: NDArray[np.float32]
    box: Box
    upright: bool


def session(path: Path) -> onnxruntime.InferenceSession:
    """A network that runs in the thread that asks, with no pool: it survives a fork."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Asking the system for memory anew with each call takes a tenth of the time. What this keeps goes
    # with the child that reads the picture.
    options.enable_cpu_mem_arena = True
    options.log_severity_level = 4  # its messages may tell of content
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _models() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "package `rapidocr` is not installed: install it, or set `ocr: false`"
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"package `rapidocr` ships no `{pattern}`: use version 3.10")
    return found[-1]


class Ocr:
    """The two networks, loaded."""

    def __init__(self, settings: PictureSettings) -> None:
        folder = _models()
        self._settings = settings
        self._find = session(_only(folder, "*det*.onnx"))
        self._read = session(_only(folder, "*rec*.onnx"))
        known: dict[str, str] = self._read.get_modelmeta().custom_metadata_map
        # Class 0 is CTC's blank; the space is the last one.
        self._alphabet = ["", *known["character"].splitlines(), " "]

    def lines(self, picture: Pixels, budget: Budget) -> tuple[list[Line], int]:
        """The lines of `picture` from top to bottom, and how many more were found but not read."""
        with Hands(self._settings.threads) as hands:
            return self.look(picture, budget, hands)()

    def look(
        self, picture: Pixels, budget: Budget, hands: Hands
    ) -> Callable[[], tuple[list[Line], int]]:
        """Begin to look for lines; what comes back reads them, and gives what `lines` gives."""
        if not may_hold_text(picture):
            return lambda: ([], 0)
        looking = self.places(picture, hands)

        def read() -> tuple[list[Line], int]:
            places = looking()
            budget.tick()
            most = self._settings.ocr_lines
            return self.read(picture, places[:most], budget, hands), max(0, len(places) - most)

        return read

    def places(self, picture: Pixels, hands: Hands) -> Callable[[], list[_Place]]:
        """Begin to look; what comes back says where lines of text stand, from top to bottom."""
        height, width = picture.shape[:2]
        side = self._settings.ocr_side
        # The side bounds the area too, that of a wide screen: memory is in proportion to it.
        scale = min(1.0, side / max(height, width), side * 0.75 / math.sqrt(height * width))
        if max(height, width) < 320:
            scale = min(2.0, 320 / max(height, width))  # small crops read better enlarged
        rows, columns = (max(32, round(side * scale / 32) * 32) for side in (height, width))
        small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)
        heat = self._heat(small, hands)
        return lambda: _places(heat(), (width / columns, height / rows), (width, height))

    def _heat(self, small: Pixels, hands: Hands) -> Callable[[], Tensor]:
        """How sure the network is of each pixel to be text; two threads take half of it each."""
        rows = small.shape[0]
        if hands.count < 2 or rows < _HALVED:
            return hands.start(functools.partial(self._found, small))
        # At the calmest row near the middle hardly anything is cut; each half sees beyond it, too.
        first, last = rows // 2 - _NEAR_MIDDLE, rows // 2 + _NEAR_MIDDLE
        calm = small[first:last].astype(np.int16).std(axis=(1, 2))
        cut = first + int(calm.argmin())
        above = -(-(cut + _BEYOND) // 32) * 32
        below = (cut - _BEYOND) // 32 * 32
        upper, lower = (
            hands.start(functools.partial(self._found, half))
            for half in (small[:above], small[below:])
        )
        return lambda: np.concatenate([upper()[:cut], lower()[cut - below :]])

    def _found(self, small: Pixels) -> Tensor:
        (answer,) = self._find.run(None, {"x": _tensor(small)})
        heat: Tensor = np.asarray(answer, np.float32)[0, 0]
        return heat

    def read(
        self, picture: Pixels, places: Sequence[_Place], budget: Budget, hands: Hands
    ) -> list[Line]:
        """Read the lines at `places`; what comes out empty or doubtful is no line."""

        def one(place: _Place) -> Line | None:
            budget.tick()
            return self._line(_cut(picture, place), place)

        # The longest first, so that no thread still reads one when the others are done.
        order = sorted(range(len(places)), key=lambda number: -_length(places[number]))
        begun = {number: hands.start(functools.partial(one, places[number])) for number in order}
        return [line for number in range(len(places)) if (line := begun[number]())]

    def _line(self, strip: Pixels, place: _Place) -> Line | None:
        high, wide = strip.shape[:2]
        if high < 2 or wide < 2:
            return None
        letters = self._read_strip(strip)
        sure, turned = _surety(letters), False
        if len(letters) >= _DOUBTED and sure < _DOUBT:
            # The page may lie on its other side, or stand on its head.
            other = self._read_strip(np.rot90(strip, 2))
            if _surety(other) > sure + _CLEARLY:
                letters, turned = other, True
        return _as_line(letters, place, self._settings.ocr_confidence, turned=turned)

    def _read_strip(self, strip: Pixels) -> _Letters:
        high, wide = strip.shape[:2]
        columns = math.ceil(wide * HEIGHT / high * self._settings.ocr_squeeze)
        columns = max(_STEP * 2, math.ceil(columns / _STEP) * _STEP)
        method = cv2.INTER_AREA if high > HEIGHT else cv2.INTER_LINEAR
        scaled = cv2.resize(strip, (columns, HEIGHT), interpolation=method).astype(np.uint8)
        letters: _Letters = []
        for start, end in _pieces(scaled):
            (answer,) = self._read.run(None, {"x": _tensor(scaled[:, start:end])})
            letters.extend(
                (letter, sure, (start + where * (end - start)) / columns)
                for letter, sure, where in self._letters(np.asarray(answer)[0])
            )
        return letters

    def _letters(self, answer: Tensor) -> Iterator[tuple[str, float, float]]:
        """Undo CTC: repeated classes are one letter, class 0 is none."""
        best = answer.argmax(axis=1)
        new = np.flatnonzero((best != 0) & (np.concatenate(([-1], best[:-1])) != best))
        for step in new:
            kind = int(best[step])
            last = step
            while last + 1 < len(best) and best[last + 1] == kind:
                last += 1
            yield (
                self._alphabet[kind],
                float(answer[step, kind]),
                (step + last + 1) / 2 / len(best),
            )


def _tensor(pixels: Pixels) -> Tensor:
    """One picture as PP-OCR was trained: BGR, plane by plane, scaled to -1..1."""
    planes = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1)).astype(np.float32)
    planes /= 127.5
    planes -= 1.0
    return planes[None]


_LINE = 31
"""Pixels from which a straight edge is a line and no stroke of a letter."""

_EDGE = 24
"""Steps of brightness, of 255, between neighbours that may be the edge of a letter."""


def may_hold_text(picture: Pixels) -> bool:
    """Whether anything in `picture` has the form of a word: strokes close together in a row.

    Errs on the side of yes: foliage has such edges too, and then the network decides. Takes a
    hundredth of its time.
    """
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if max(height, width) > 2_400:  # at half the size letters are still strokes
        grey = cv2.resize(
            grey, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA
        )
    square = np.ones((3, 3), np.uint8)
    edges = (cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, square) > _EDGE).astype(np.uint8)
    if _has_words(edges, min(grey.shape), 8, 1.0):
        return True
    # A frame or bar that touches a word makes one odd form of both: look without long lines, too.
    across, down = np.ones((1, _LINE), np.uint8), np.ones((_LINE, 1), np.uint8)
    lines = np.maximum(
        cv2.morphologyEx(edges, cv2.MORPH_OPEN, across),
        cv2.morphologyEx(edges, cv2.MORPH_OPEN, down),
    )
    rest = np.where(lines > 0, 0, edges).astype(np.uint8)
    return bool(lines.any()) and _has_words(rest, min(grey.shape), 20, 1.5)


def _has_words(edges: NDArray[np.uint8], side: int, least: int, form: float) -> bool:
    """Whether strokes make a word: `least` pixels long, and `form` times as long as high."""
    joined = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    # Nearly all the time goes into counting pixels: leave out the rows and columns that hold nothing.
    left, top, across, down = cv2.boundingRect(joined)
    if not across:
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        joined[top : top + down, left : left + across], connectivity=4
    )
    wide, high, area = (
        stats[1:, kind] for kind in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    longer, shorter = np.maximum(wide, high), np.minimum(wide, high)
    word = (shorter >= 4) & (shorter <= 0.4 * side) & (area >= 0.3 * wide * high)
    return bool(np.any(word & (longer >= least) & (longer >= form * shorter)))


def _places(heat: Tensor, scale: tuple[float, float], size: tuple[int, int]) -> list[_Place]:
    mask = (heat > _THRESHOLD).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    places = []
    for contour in contours:
        left, top, wide, high = cv2.boundingRect(contour)
        if min(wide, high) < _SMALLEST:
            continue
        inside = mask[top : top + high, left : left + wide].astype(bool)
        if float(heat[top : top + high, left : left + wide][inside].mean()) < _BOX_THRESHOLD:
            continue
        (x, y), (across, down), angle = cv2.minAreaRect(contour)
        if across < down:  # OpenCV's angle is of the first side: make that the longer one
            across, down, angle = down, across, angle - 90
        tilt = (angle + 45) % 90 - 45
        if abs(tilt) <= _UPRIGHT or across < 3 * down or across * down > 0.8 * wide * high:
            grow = wide * high * _GROW / (2 * (wide + high))
            edges = (left - grow, top - grow, left + wide + grow, top + high + grow)
            corners = np.array(
                [
                    (edges[0], edges[1]),
                    (edges[2], edges[1]),
                    (edges[2], edges[3]),
                    (edges[0], edges[3]),
                ]
            )
            upright = True
        else:
            grow = across * down * _GROW / (2 * (across + down))
            corners = cv2.boxPoints(((x, y), (across + 2 * grow, down + 2 * grow), angle))
            corners = _clockwise(corners)
            upright = False
        corners = (corners * scale).astype(np.float32)
        box = (
            max(0, int(corners[:, 0].min())),
            max(0, int(corners[:, 1].min())),
            min(size[0], math.ceil(corners[:, 0].max())),
            min(size[1], math.ceil(corners[:, 1].max())),
        )
        if box[2] - box[0] >= 3 and box[3] - box[1] >= 3:
            places.append(_Place(corners, box, upright))
    return sorted(places, key=lambda place: (place.box[1], place.box[0]))


def _clockwise(corners: NDArray[Any]) -> NDArray[Any]:
    """The four corners of a tilted line, its beginning (left, or below when it rises) first."""
    long_first = np.linalg.norm(corners[0] - corners[1]) >= np.linalg.norm(corners[1] - corners[2])
    ordered = corners if long_first else np.roll(corners, -1, axis=0)
    # `ordered[0] -> ordered[1]` runs along the line; let it run to the right.
    if ordered[1][0] < ordered[0][0]:
        ordered = np.roll(ordered, -2, axis=0)
    return np.asarray(ordered)


def _length(place: _Place) -> float:
    """About how long the line is once it has the rows that the network wants."""
    one, two, _, four = place.corners
    sides = float(np.linalg.norm(two - one)), float(np.linalg.norm(four - one))
    return max(sides) / max(1.0, min(sides))


def _cut(picture: Pixels, place: _Place) -> Pixels:
    """The line as an upright strip; a column of letters is turned to lie."""
    if place.upright:
        left, top, right, bottom = place.box
        strip = picture[top:bottom, left:right]
    else:
        one, two, _, four = place.corners
        wide, high = int(np.linalg.norm(two - one)), int(np.linalg.norm(four - one))
        target = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
        turn = cv2.getPerspectiveTransform(place.corners, target)
        strip = cv2.warpPerspective(
            picture, turn, (max(wide, 1), max(high, 1)), borderMode=cv2.BORDER_REPLICATE
        ).astype(np.uint8)
    if strip.shape[0] >= 1.5 * strip.shape[1]:
        strip = np.rot90(strip)
    return strip


def _pieces(strip: Pixels) -> Iterator[tuple[int, int]]:
    """Cut a long line where it is calmest, so that one call stays small."""
    wide, start = strip.shape[1], 0
    while wide - start > _WIDEST:
        look = start + _WIDEST // 2
        calm = strip[:, look : start + _WIDEST].astype(np.int16).std(axis=(0, 2))
        cut = look + int(np.convolve(calm, np.ones(8), "valid").argmin()) + 4
        yield start, cut
        start = cut
    yield start, wide


def _surety(letters: _Letters) -> float:
    return sum(confidence for _, confidence, _ in letters) / max(1, len(letters))


def _as_line(letters: _Letters, place: _Place, least: float, *, turned: bool) -> Line | None:
    """The line that was read, if it is one; of a `turned` one it is not known where its words stand."""
    text = "".join(letter for letter, _, _ in letters)
    if not text.strip():
        return None
    sure = _surety(letters)
    if sure < least or (len(text.strip()) < 2 and sure < _ALONE):
        return None
    left, top, right, bottom = place.box
    lies = not turned and place.upright and bottom - top < 1.5 * (right - left)
    if not lies:
        return Line(text, place.box, ((0, len(text), place.box),), sure)
    at = [left + where * (right - left) for _, _, where in letters]
    middle = [left, *((a + b) / 2 for a, b in itertools.pairwise(at)), right]
    ends: list[int] = [0]
    for letter, _, _ in letters:
        ends.append(ends[-1] + len(letter))
    words = []
    position = {end: index for index, end in enumerate(ends)}
    for match in re.finditer(r"\S+", text):
        first, last = position[match.start()], position[match.end()]
        edge = (int(middle[first]), top, math.ceil(middle[last]), bottom)
        words.append((match.start(), match.end(), edge))
    return Line(text, place.box, tuple(words), sure)


# --- from lines to a text ------------------------------------------------------------------------


def in_order(lines: Sequence[Line]) -> tuple[str, tuple[Placed, ...]]:
    """The lines as one text: rows from top to bottom, and in a row from left to right.

    Between neighbours in a row stands a space where the gap is one of words, else a tab: the text
    of a cell stands beside its label, as a person reads it.
    """
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        row = rows[-1] if rows else None
        if row is not None and _same_row(row[0].box, line.box):
            row.append(line)
        else:
            rows.append([line])
    text: list[str] = []
    boxes: list[Placed] = []
    length = 0
    for row in rows:
        before: Line | None = None
        for line in sorted(row, key=lambda line: line.box[0]):
            if before is not None:
                gap = line.box[0] - before.box[2]
                between = " " if gap < line.box[3] - line.box[1] else "\t"
            else:
                between = "\n" if text else ""
            text.append(between + line.text)
            length += len(between)
            boxes.extend((length + start, length + end, box) for start, end, box in line.words)
            length += len(line.text)
            before = line
    return "".join(text), tuple(boxes)


class Drawn(columns.Layout):
    """Where the words of such a text stand in the picture."""

    def __init__(self, text: str, boxes: Sequence[Placed]) -> None:
        super().__init__(text, "\n")
        self._boxes = boxes
        self._starts = [start for start, _, _ in boxes]

    def place(self, start: int) -> columns.Line:
        """By the first word of the line."""
        _, top, _, bottom = self._boxes[bisect.bisect_left(self._starts, start)][2]
        return columns.Line(-bottom, bottom - top)

    def words(self, start: int, end: int) -> Iterator[columns.Word]:
        """With the edges of their boxes."""
        first, last = (bisect.bisect_left(self._starts, at) for at in (start, end))
        for begins, ends, (left, _, right, _) in self._boxes[first:last]:
            yield begins, ends, left, right


def _same_row(one: Box, other: Box) -> bool:
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.6 * min(one[3] - one[1], other[3] - other[1])


_LOOKALIKES = str.maketrans("OoQDlIi|!ZzSsBGgq", "00001111122558699")
_GROUP = re.compile(r"[0-9A-Za-z|!]+")
_IBAN = re.compile(r"[A-Z]{2}(?=[0-9OoQDlI|ZSBG]{2})")
_LONG = 8
"""Digits of a number from which on a group without any digit may belong to it."""


def folded(text: str) -> str:
    """`text` with letters that look like digits as digits, in numbers.

    As long as `text`, so that its boxes fit. A number is a row of groups, parted by one space, dot,
    dash or slash each, that could be all digits and mostly are. The two letters that an IBAN begins
    with stay, and so does a word before a number.
    """
    out = list(text)
    row: list[tuple[int, int]] = []
    for match in _GROUP.finditer(text):
        start, end = match.span()
        parted = bool(row) and start == row[-1][1] + 1 and text[start - 1] in " .-/"
        if not parted:
            _fold_row(out, text, row)
            row = []
        if _IBAN.match(match[0]) and not (row and _could_be_number(match[0])):
            _fold_row(out, text, row)
            row = []
            start += 2
        if _could_be_number(text[start:end]):
            row.append((start, end))
        else:
            _fold_row(out, text, row)
            row = []
    _fold_row(out, text, row)
    return "".join(out)


def _could_be_number(group: str) -> bool:
    return group.translate(_LOOKALIKES).isdecimal()


def _firm(group: str) -> int:
    return sum("0" <= sign <= "9" for sign in group)


def _fold_row(out: list[str], text: str, row: list[tuple[int, int]]) -> None:
    while row and not _firm(text[slice(*row[0])]):
        row = row[1:]
    firm = sum(_firm(text[start:end]) for start, end in row)
    if firm < 3 or firm * 2 < sum(end - start for start, end in row):
        return
    for start, end in row:
        if _firm(text[start:end]) or firm >= _LONG:
            out[start:end] = text[start:end].translate(_LOOKALIKES)
