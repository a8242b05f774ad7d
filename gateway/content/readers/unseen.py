"""Which text on a page of a PDF does nobody see?

Law: what objects say of themselves only gives rise to a suspicion: off the page, invisible, under
something painted later, in the colour of its ground. Proof is that the page drawn without it looks the
same. Unseen text of a scan, which makes it searchable, is never suspected.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray
from PIL import Image, ImageChops

from gateway.content.readers.matrix import UNIT, Matrix, moved, multiplied
from gateway.content.reading import Budget

type Rect = tuple[float, float, float, float]
"""Left, bottom, right, top on the page, in its units."""

_DPI = 150
_PIXELS = 1_000_000
_DEEP = 8
_ALIKE = 2
"""Pixels that differ by no more than this in each colour look the same."""
_NEAR = 8
"""Colours that differ by no more may come to look the same."""
_INVISIBLE = {pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP}
_OUTLINED = {pdfium_c.FPDF_TEXTRENDERMODE_STROKE, pdfium_c.FPDF_TEXTRENDERMODE_STROKE_CLIP}
_BOX = range(4, 7)
"""Segments of a path that may be a rectangle."""
_THICK = 3.0
"""Lines from this width on may have been drawn to cover text."""
_SOLID = 250
"""Opacity, of 255, from which on a filling may cover something."""
_SCAN = 0.5
"""A page of which pictures take this share is a scan."""
_SEVERAL = 2
"""A single character under something may be chance."""
_MOST_PAIRS = 4_000_000
"""Texts times what is painted besides them: on a page with more, any text is suspected."""
_UNKNOWN = -1000
_NOWHERE = (math.nan, math.nan, math.nan, math.nan)
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Text that one operator shows and that may not be seen.

    `origin` is where its first character stands. Characters in `boxes` are suspected, or all where
    there are none. `certain`: it draws nothing, whatever else is on the page. `clips`: what is painted later shows
    within its letters only.
    """

    item: pdfium_c.FPDF_PAGEOBJECT = field(repr=False)
    box: Rect
    origin: tuple[float, float]
    boxes: tuple[Rect, ...] = ()
    certain: bool = False
    clips: bool = False

    @property
    def whole(self) -> bool:
        """Is all of it suspected?"""
        return not self.boxes


@dataclass(slots=True)
class _Text:
    item: pdfium_c.FPDF_PAGEOBJECT
    order: int
    box: Rect
    matrix: Matrix
    mode: int
    colour: tuple[int, int, int] | None
    clear: bool

    @property
    def draws_nothing(self) -> bool:
        """Does it show nothing by itself, wherever it stands?"""
        return self.clear or self.mode in _INVISIBLE

    def suspect(self, boxes: tuple[Rect, ...] = (), *, certain: bool = False) -> Suspect:
        """This text under suspicion."""
        origin = moved(self.matrix, *_matrix(self.item)[4:])
        clips = self.mode >= pdfium_c.FPDF_TEXTRENDERMODE_FILL_CLIP
        return Suspect(self.item, self.box, origin, boxes, certain and not clips, clips)


@dataclass(slots=True)
class _Paint:
    """What is painted besides text, in its order: a row of each list for one."""

    boxes: list[Rect] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    colours: list[tuple[int, int, int]] = field(default_factory=list)
    pictures: list[bool] = field(default_factory=list)
    fills: list[bool] = field(default_factory=list)
    """Does it fill its box?"""
    covers: list[bool] = field(default_factory=list)


def suspects(page: pdfium.PdfPage, budget: Budget, *, certain: bool = False) -> list[Suspect]:
    """Texts of the page that may not be seen, or `certain` ones only, in their order; no blank ones."""
    texts, paint = _objects_of(page, budget)
    if not texts:
        return []
    box = page.get_bbox()
    if certain:
        texts = [one for one in texts if one.draws_nothing or not _meet(one.box, box)]
    found = list(_suspected(texts, paint, box, budget)) if texts else []
    return _said(page, found) if found else []


def proven(page: pdfium.PdfPage, some: list[Suspect]) -> bool:
    """Does the page look the same without one of them? The page is not to be used afterwards."""
    if any(one.certain for one in some):
        return True
    some = [one for one in some if not one.clips]
    if not some:
        return False
    before, letters = drawn(page), list(_letters_under(page, some))
    for one in some:
        pdfium_c.FPDFPageObj_SetIsActive(one.item, 0)
    mask = differing(before, drawn(page))
    if mask is None:
        return bool(letters) or any(one.whole for one in some)
    place = Placing(page, before.size)
    if any(not place.touches(mask, _corners(one.box)) for one in some if one.whole):
        return True
    unseen = Counter(key for key, box in letters if not place.touches(mask, _corners(box)))
    return any(count >= _SEVERAL for count in unseen.values())


def _letters_under(page: pdfium.PdfPage, some: list[Suspect]) -> Iterator[tuple[int, Rect]]:
    """Characters of texts that are suspected in part: a number for the text, and where they stand."""
    by_item = {ctypes.addressof(one.item.contents): one for one in some if not one.whole}
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    text_page = page.get_textpage()
    try:
        for number in range(text_page.count_chars() if by_item else 0):
            item = pdfium_c.FPDFText_GetTextObject(text_page, number)
            key = ctypes.addressof(item.contents) if item else 0
            letter = chr(pdfium_c.FPDFText_GetUnicode(text_page, number))
            if key not in by_item or not letter.isprintable() or letter.isspace():
                continue
            pdfium_c.FPDFText_GetCharBox(text_page, number, left, right, bottom, top)
            box = left.value, bottom.value, right.value, top.value
            if any(_meet(box, one) for one in by_item[key].boxes):
                yield key, box
    finally:
        text_page.close()


def drawn(page: pdfium.PdfPage, zoom: float = 1.0) -> Image.Image:
    """The page as it is compared, without annotations, `zoom` times as large as others."""
    width, height = page.get_size()
    scale = min(_DPI / 72, (_PIXELS / max(width * height, 1.0)) ** 0.5)
    picture: Image.Image = page.render(
        scale=max(scale * zoom, 0.01), may_draw_forms=False, draw_annots=False
    ).to_pil()
    return picture.copy() if picture.readonly else picture  # which lives as long as the bitmap


def differing(before: Image.Image, after: Image.Image) -> NDArray[np.bool_] | None:
    """Where two pictures of a page look different; None where nowhere."""
    if before.size != after.size:
        return np.ones((before.height, before.width), bool)
    if before.mode != after.mode:
        before, after = before.convert("RGB"), after.convert("RGB")
    most, *others = ImageChops.difference(before, after).split()
    for other in others:
        most = ImageChops.lighter(most, other)
    mask = np.asarray(most) > _ALIKE
    return mask if mask.any() else None


class Placing:
    """Where on its picture of `size` pixels a part of the page lies."""

    def __init__(self, page: pdfium.PdfPage, size: tuple[int, int]) -> None:
        fine = 1000
        x, y = ctypes.c_int(), ctypes.c_int()
        points = []
        for point in ((0, 0), (100, 0), (0, 100)):
            pdfium_c.FPDF_PageToDevice(page, 0, 0, size[0] * fine, size[1] * fine, 0, *point, x, y)
            points.append((x.value / fine, y.value / fine))
        (e, f), (ax, ay), (bx, by) = points
        self._matrix = ((ax - e) / 100, (ay - f) / 100, (bx - e) / 100, (by - f) / 100, e, f)

    def touches(self, mask: NDArray[np.bool_], corners: tuple[tuple[float, float], ...]) -> bool:
        """Is `mask` set anywhere in the box around `corners`, or a pixel beside it?"""
        points = [moved(self._matrix, *corner) for corner in corners]
        if not all(math.isfinite(x + y) for x, y in points):
            return True
        left, right = min(x for x, _ in points), max(x for x, _ in points)
        top, bottom = min(y for _, y in points), max(y for _, y in points)
        part = mask[
            max(0, int(top) - 1) : max(0, int(bottom) + 2),
            max(0, int(left) - 1) : max(0, int(right) + 2),
        ]
        return bool(part.any())


# --- what objects say -----------------------------------------------------------------------------


class _Asking:
    """Asks pdfium of object after object, with the same room for its answers: there are many."""

    def __init__(self) -> None:
        self._sides = tuple(ctypes.c_float() for _ in range(4))
        self._shades = tuple(ctypes.c_uint() for _ in range(4))

    def box(self, item: pdfium_c.FPDF_PAGEOBJECT, matrix: Matrix) -> Rect:
        """Where it lies on the page."""
        if not pdfium_c.FPDFPageObj_GetBounds(item, *self._sides):
            return _NOWHERE
        left, bottom, right, top = self._sides
        box = left.value, bottom.value, right.value, top.value
        if matrix is UNIT:
            return box
        points = [moved(matrix, *corner) for corner in _corners(box)]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)

    def colour(
        self, item: pdfium_c.FPDF_PAGEOBJECT, *, stroke: bool = False
    ) -> tuple[int, int, int, int] | None:
        """Red, green, blue and how opaque, or None where it is not one colour."""
        ask = pdfium_c.FPDFPageObj_GetStrokeColor if stroke else pdfium_c.FPDFPageObj_GetFillColor
        if not ask(item, *self._shades):
            return None
        red, green, blue, solid = self._shades
        return red.value, green.value, blue.value, solid.value


def _objects_of(page: pdfium.PdfPage, budget: Budget) -> tuple[list[_Text], _Paint]:
    texts: list[_Text] = []
    paint = _Paint()
    asking = _Asking()
    for order, (item, kind, matrix) in enumerate(_items(page, UNIT, 0)):
        budget.tick()
        box = asking.box(item, matrix)
        if not math.isfinite(sum(box)):
            continue  # nowhere
        match kind:
            case pdfium_c.FPDF_PAGEOBJ_TEXT:
                mode = pdfium_c.FPDFTextObj_GetTextRenderMode(item)
                colour = asking.colour(item, stroke=mode in _OUTLINED)
                known = None if colour is None else colour[:3]
                clear = colour is not None and not colour[3]
                texts.append(_Text(item, order, box, matrix, mode, known, clear))
            case pdfium_c.FPDF_PAGEOBJ_PATH:
                _add_path(paint, item, order, box, asking)
            case pdfium_c.FPDF_PAGEOBJ_IMAGE | pdfium_c.FPDF_PAGEOBJ_SHADING:
                picture = kind == pdfium_c.FPDF_PAGEOBJ_IMAGE
                _add(paint, order, box, picture=picture, covers=True)
            case _:
                pass
    return texts, paint


def _items(
    holder: pdfium.PdfPage | pdfium_c.FPDF_PAGEOBJECT, matrix: Matrix, depth: int
) -> Iterator[tuple[pdfium_c.FPDF_PAGEOBJECT, int, Matrix]]:
    """Objects in the order in which they are painted, those of forms in their places."""
    if depth:
        count, one = pdfium_c.FPDFFormObj_CountObjects, pdfium_c.FPDFFormObj_GetObject
    else:
        count, one = pdfium_c.FPDFPage_CountObjects, pdfium_c.FPDFPage_GetObject
    for number in range(count(holder)):
        item = one(holder, number)
        kind = pdfium_c.FPDFPageObj_GetType(item)
        if kind == pdfium_c.FPDF_PAGEOBJ_FORM:
            if depth < _DEEP:
                yield from _items(item, multiplied(_matrix(item), matrix), depth + 1)
        else:
            yield item, kind, matrix


def _add(
    paint: _Paint,
    order: int,
    box: Rect,
    *,
    colour: tuple[int, int, int] | None = None,
    picture: bool = False,
    fills: bool = False,
    covers: bool = False,
) -> None:
    paint.boxes.append(box)
    paint.orders.append(order)
    paint.colours.append(colour or (_UNKNOWN, _UNKNOWN, _UNKNOWN))
    paint.pictures.append(picture)
    paint.fills.append(fills)
    paint.covers.append(covers)


def _add_path(
    paint: _Paint, item: pdfium_c.FPDF_PAGEOBJECT, order: int, box: Rect, asking: _Asking
) -> None:
    filling, stroked = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDFPath_GetDrawMode(item, filling, stroked)
    if filling.value:
        colour = asking.colour(item)
        solid = colour is None or colour[3] >= _SOLID
        fills = solid and pdfium_c.FPDFPath_CountSegments(item) in _BOX
        known = colour[:3] if colour is not None and solid else None
        _add(paint, order, box, colour=known, fills=fills, covers=solid)
    elif stroked.value:
        width = ctypes.c_float()
        pdfium_c.FPDFPageObj_GetStrokeWidth(item, width)
        if width.value >= _THICK:
            colour = asking.colour(item, stroke=True)
            _add(paint, order, box, colour=colour[:3] if colour else None, covers=True)


def _suspected(texts: list[_Text], paint: _Paint, page: Rect, budget: Budget) -> Iterator[Suspect]:
    boxes = np.array(paint.boxes, float).reshape(-1, 4)
    orders, colours = np.array(paint.orders, int), np.array(paint.colours, int).reshape(-1, 3)
    pictures, fills = np.array(paint.pictures, bool), np.array(paint.fills, bool)
    covers = np.array(paint.covers, bool)
    if _is_scan(boxes[pictures], page):
        covers &= ~pictures
    many = len(texts) * len(boxes) > _MOST_PAIRS
    for text in texts:
        budget.tick()
        if not _meet(text.box, page):
            yield text.suspect(certain=True)
            continue
        if many and not text.draws_nothing:
            yield text.suspect()
            continue
        if not len(boxes) and not text.draws_nothing and not _is_near(text.colour, _WHITE):
            continue  # as on most pages
        left, bottom, right, top = text.box
        met = (
            (boxes[:, 0] < right)
            & (boxes[:, 2] > left)
            & (boxes[:, 1] < top)
            & (boxes[:, 3] > bottom)
        )
        if text.draws_nothing:
            if not (met & pictures).any():
                yield text.suspect(certain=True)
            continue
        later = met & covers & (orders > text.order)
        under = met & (orders < text.order)
        if _on_its_colour(text, boxes, under, fills, colours):
            yield text.suspect()
        elif later.any():
            over = tuple(paint.boxes[number] for number in np.flatnonzero(later))
            yield text.suspect(() if any(_holds(one, text.box) for one in over) else over)


def _on_its_colour(
    text: _Text,
    boxes: NDArray[np.float64],
    under: NDArray[np.bool_],
    fills: NDArray[np.bool_],
    colours: NDArray[np.int_],
) -> bool:
    """May the text have the colour of what lies under it?"""
    if text.colour is None:
        return False
    left, bottom, right, top = text.box
    less = (top - bottom) * 0.15  # boxes of text are larger than what it shows
    holds = (
        (boxes[:, 0] <= left + less)
        & (boxes[:, 2] >= right - less)
        & (boxes[:, 1] <= bottom + less)
        & (boxes[:, 3] >= top - less)
    )
    grounds = np.flatnonzero(under & fills & holds)
    some = np.flatnonzero(under)
    if len(grounds):
        some = some[some >= grounds[-1]]
        known = colours[some]
    else:
        known = np.vstack([colours[some], [_WHITE]])
    apart = np.abs(known - np.array(text.colour)).max(axis=1)
    return bool(((apart <= _NEAR) | (known[:, 0] == _UNKNOWN)).any())


def _is_scan(pictures: NDArray[np.float64], page: Rect) -> bool:
    left, bottom, right, top = page
    wide = np.minimum(pictures[:, 2], right) - np.maximum(pictures[:, 0], left)
    high = np.minimum(pictures[:, 3], top) - np.maximum(pictures[:, 1], bottom)
    area = (np.maximum(wide, 0) * np.maximum(high, 0)).sum()
    return bool(area >= _SCAN * (right - left) * (top - bottom))


def _said(page: pdfium.PdfPage, some: list[Suspect]) -> list[Suspect]:
    """Those that say something."""
    text_page = page.get_textpage()
    try:
        return [one for one in some if _letters(one.item, text_page).strip()]
    finally:
        text_page.close()


def _letters(item: pdfium_c.FPDF_PAGEOBJECT, text_page: pdfium.PdfTextPage) -> str:
    size = pdfium_c.FPDFTextObj_GetText(item, text_page, None, 0)
    if size <= 2:  # the end alone
        return ""
    held = ctypes.create_string_buffer(size)
    buffer = ctypes.cast(held, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFTextObj_GetText(item, text_page, buffer, size)
    return held.raw[: size - 2].decode("utf-16-le", "replace")


def _is_near(one: tuple[int, int, int] | None, two: tuple[int, int, int]) -> bool:
    return one is not None and all(abs(a - b) <= _NEAR for a, b in zip(one, two, strict=True))


def _matrix(item: pdfium_c.FPDF_PAGEOBJECT) -> Matrix:
    matrix = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFPageObj_GetMatrix(item, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _corners(box: Rect) -> tuple[tuple[float, float], ...]:
    left, bottom, right, top = box
    return (left, bottom), (right, bottom), (right, top), (left, top)


def _meet(one: Rect, two: Rect) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _holds(outer: Rect, inner: Rect) -> bool:
    less = (inner[3] - inner[1]) * 0.15
    return (
        outer[0] <= inner[0] + less
        and outer[1] <= inner[1] + less
        and outer[2] >= inner[2] - less
        and outer[3] >= inner[3] - less
    )
