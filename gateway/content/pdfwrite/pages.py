"""How does one page look without some of its text, or with parts of its pictures covered?

Law: glyphs are known by where pdfium, which read the text, says that they stand. A page on which
they are not found there is drawn anew as a picture, without what is to go; so is one on which
something of it is still read afterwards.
"""

from __future__ import annotations

import ctypes
import io
import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageDraw

from gateway.content.pdfwrite import glyphs
from gateway.content.pdfwrite.fonts import Font, Unfollowed, standard_widths
from gateway.content.pdfwrite.glyphs import Drawn, Glyph, Quad
from gateway.content.pictures import cleaning, redact
from gateway.content.readers import pdf
from gateway.content.readers.matrix import Matrix, Point, moved
from gateway.content.reading import Box
from gateway.content.rewriting import CannotRewrite

_NEAR = 0.12
"""Share of the font size by which two accounts of a glyph's place may differ."""
_CELL = 24.0
_FAR = 1e9
_HYPHEN = 0xFFFE
"""What pdfium has for a hyphen at the end of a line."""
_MARGIN = 0.3
"""By how much, in font sizes, more of a picture is covered than an unseen text says."""
_GAP = 1.6
"""Glyphs that are no further apart than this, in font sizes, share a box."""
_PIXELS = 10_000_000
_LABEL = "/RemovedText"
_JPEG_COLOURS = frozenset({"/DeviceGray", "/DeviceRGB", "/CalGray", "/CalRGB"})
_MOST_PIXELS = 40_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Code points `start:end` of a page's text go; `new` is written in their place."""

    start: int
    end: int
    new: str = field(repr=False)


@dataclass(slots=True)
class Wanted:
    """What is to go from one page: spans of its text, regions of it, and parts of its pictures.

    Boxes are by number of the picture; `bare` are pictures that lose what they say besides pixels.
    """

    spans: list[Span] = field(default_factory=list)
    regions: list[Quad] = field(default_factory=list)
    boxes: defaultdict[int, list[Box]] = field(default_factory=lambda: defaultdict(list))
    bare: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Done:
    """A page's new content and resources; the characters that stay, and those that are added."""

    content: bytes
    resources: pikepdf.Object | None
    kept: str = field(repr=False)
    added: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A character as pdfium has it: where it stands, and which span it belongs to."""

    origin: Point
    span: int


def changed(
    seen: pdfium.PdfPage,
    content: pikepdf.Page | pikepdf.Stream,
    resources: pikepdf.Object | None,
    wanted: Wanted,
    means: Means,
) -> Done | None:
    """The page without what is `wanted`; None where nothing on it changes. Raises `Unfollowed`."""
    page = glyphs.Page(content, resources, means.fonts)
    letters, kept = _letters(seen, wanted.spans)
    gone = _found(list(page.node.glyphs()), letters)
    for region in wanted.regions:
        if page.paints:
            raise Unfollowed
        for glyph in page.node.glyphs():
            if _holds(region, glyph.middle()):
                gone.setdefault(glyph, -1)
    new_images = _new_images(seen, page, wanted, gone, means)
    changes = glyphs.Changes(gone, new_images, means.words)
    done = glyphs.rewritten(page.node, changes, means.document)
    if done is None:
        return None
    stream, resources = done
    bars, resources = _bars(gone, wanted.spans, resources, means.document)
    closed = b"\nQ" * page.node.open
    new = b"q\n" + stream + closed + b"\nQ\n" + bars
    return Done(new, resources, kept, "".join(f"{span.new}?" for span in wanted.spans))


@dataclass(slots=True)
class Means:
    """What pages of one document share: the document, its fonts, images that were made anew."""

    document: pikepdf.Pdf
    words: glyphs.Words
    fonts: dict[object, Font] = field(default_factory=dict)
    images: dict[tuple[int, int], pikepdf.Object] = field(default_factory=dict)


# --- which glyphs ---------------------------------------------------------------------------------


def _letters(page: pdfium.PdfPage, spans: Sequence[Span]) -> tuple[list[_Letter], str]:
    """Where the characters of `spans` stand, and those that stay."""
    said, raw = pdf.page_text(page)
    letters: list[_Letter] = []
    taken = bytearray(len(said))
    text_page = page.get_textpage()
    x, y = ctypes.c_double(), ctypes.c_double()
    try:
        for number, span in enumerate(spans):
            for index, letter in _indices(text_page, raw, span):
                if pdfium_c.FPDFText_IsGenerated(text_page, index) == 1:
                    continue
                pdfium_c.FPDFText_GetCharOrigin(text_page, index, x, y)
                letters.append(_Letter((x.value, y.value), -1 if letter.isspace() else number))
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
    finally:
        text_page.close()
    return letters, "".join(letter for letter, out in zip(said, taken, strict=True) if not out)


def _indices(text_page: pdfium.PdfTextPage, raw: str, span: Span) -> Iterator[tuple[int, str]]:
    """The characters of a span by pdfium's numbers; `Unfollowed` where these mean others."""
    places = pdf.places_in(raw)
    if not 0 <= span.start < span.end <= len(places):
        raise Unfollowed
    units = memoryview(raw.encode("utf-16-le", "surrogatepass")).cast("H")
    # Marks of hyphens that are not said stand between; they go too.
    for place in range(places[span.start].start, places[span.end - 1].stop):
        index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text_page, place)
        code = pdfium_c.FPDFText_GetUnicode(text_page, index) if index >= 0 else 0
        if code != units[place] and units[place] != _HYPHEN:
            raise Unfollowed
        yield index, chr(units[place])


def _found(all_glyphs: list[Glyph], letters: list[_Letter]) -> dict[Glyph, int]:
    """The glyphs that stand where `letters` do, or over these; with the span of each."""
    if not letters:
        return {}
    cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for number, letter in enumerate(letters):
        for cell in _around(_cell(letter.origin)):
            cells[cell].append(number)
    gone: dict[Glyph, int] = {}
    missing = {number for number, letter in enumerate(letters) if letter.span >= 0}
    for glyph in all_glyphs:
        for number in cells.get(_cell(glyph.origin), ()):
            letter = letters[number]
            if math.dist(glyph.origin, letter.origin) <= _NEAR * glyph.size + 0.02:
                gone[glyph] = max(letter.span, gone.get(glyph, -1))
                missing.discard(number)
    if missing:
        raise Unfollowed
    # Whoever says a thing in words and shows it in glyphs has both taken out.
    marks = {
        mark: span
        for glyph, span in gone.items()
        if glyph.marked is not None
        for mark in glyph.marked.all()
    }
    for glyph in all_glyphs if marks else ():
        if glyph.marked is not None:
            for mark in glyph.marked.all():
                if mark in marks:
                    gone.setdefault(glyph, marks[mark])
    return gone | _over(all_glyphs, gone)


def _over(all_glyphs: list[Glyph], gone: dict[Glyph, int]) -> dict[Glyph, int]:
    """Glyphs that lie over those that go: shadows, doubles, and the text behind a scan."""
    cells: defaultdict[tuple[int, int], list[Glyph]] = defaultdict(list)
    reach = max((math.hypot(*glyph.along) for glyph in gone), default=0.0)
    far = 1 + int(reach / 2 / _CELL)
    for glyph in gone:
        for cell in _around(_cell(glyph.middle()), far):
            cells[cell].append(glyph)
    more: dict[Glyph, int] = {}
    for glyph in all_glyphs:
        if glyph in gone:
            continue
        middle = glyph.middle()
        for other in cells.get(_cell(middle), ()):
            if 0.5 < glyph.size / (other.size or 1) < 2 and _holds(other.quad(), middle):
                more[glyph] = gone[other]
    return more


def _cell(point: Point) -> tuple[int, int]:
    x, y = point
    if not (abs(x) < _FAR and abs(y) < _FAR):  # also what is no number
        raise Unfollowed
    return int(x // _CELL), int(y // _CELL)


def _around(cell: tuple[int, int], far: int = 1) -> Iterator[tuple[int, int]]:
    far = min(far, 20)
    for x in range(cell[0] - far, cell[0] + far + 1):
        for y in range(cell[1] - far, cell[1] + far + 1):
            yield x, y


def _holds(quad: Quad, point: Point) -> bool:
    """Does the point lie in the quadrilateral, whichever way round it is?"""
    sides = []
    for (ax, ay), (bx, by) in zip(quad, (*quad[1:], quad[0]), strict=True):
        sides.append((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax))
    return all(side >= 0 for side in sides) or all(side <= 0 for side in sides)


# --- what is drawn instead ------------------------------------------------------------------------


@dataclass(slots=True)
class _Bar:
    first: Glyph
    last: Glyph


def _bars(
    gone: dict[Glyph, int],
    spans: Sequence[Span],
    resources: pikepdf.Object | None,
    document: pikepdf.Pdf,
) -> tuple[bytes, pikepdf.Object | None]:
    """Black bars where glyphs were, and on the first of each span what is to be read instead."""
    by_span: defaultdict[int, list[Glyph]] = defaultdict(list)
    for glyph, span in gone.items():
        by_span[span].append(glyph)
    out: list[bytes] = []
    labelled = False
    for span, some in sorted(by_span.items()):
        label = spans[span].new if span >= 0 else ""
        for bar in _joined(sorted(some, key=_order)):
            out.append(_filled(bar))
            text = _label(bar, label)
            if text:
                out.append(text)
                labelled, label = True, ""
    if labelled:
        resources = _with_font(resources, document)
    return b"\n".join(out), resources


def _joined(some: list[Glyph]) -> list[_Bar]:
    """Glyphs that follow one another on a line, as one bar each."""
    bars: list[_Bar] = []
    for glyph in some:
        if bars and _follows(bars[-1], glyph):
            bars[-1].last = glyph
        elif not bars or not _holds(_outline(bars[-1]), glyph.middle()):
            bars.append(_Bar(glyph, glyph))
    return bars


def _follows(bar: _Bar, glyph: Glyph) -> bool:
    last = bar.last
    size = last.size
    if not size or not 0.8 < glyph.size / size < 1.25:
        return False
    ux, uy = last.up[0] / size, last.up[1] / size
    ex, ey = last.origin[0] + last.along[0], last.origin[1] + last.along[1]
    dx, dy = glyph.origin[0] - ex, glyph.origin[1] - ey
    across = dx * ux + dy * uy
    straight = (last.up[0] * glyph.up[0] + last.up[1] * glyph.up[1]) / (size * glyph.size) > 0.99
    ax, ay = last.along
    forwards = (dx * ax + dy * ay) >= -0.5 * size * math.hypot(ax, ay)
    return straight and forwards and abs(across) < 0.2 * size and math.hypot(dx, dy) < _GAP * size


def _outline(bar: _Bar) -> Quad:
    first, last = bar.first.quad(), bar.last.quad()
    return first[0], last[1], last[2], first[3]


def _order(glyph: Glyph) -> int:
    return glyph.order


def _wider(bar: _Bar) -> Quad:
    """Where a picture may show the same: the text over a scan fits only about."""
    one, two, three, four = _outline(bar)
    length, high = math.dist(one, two), math.dist(one, four)
    if not length or not high:
        return one, two, three, four
    more = _MARGIN * bar.first.size / length
    above = _MARGIN / 2 * bar.first.size / high
    ax, ay = (two[0] - one[0]) * more, (two[1] - one[1]) * more
    ux, uy = (four[0] - one[0]) * above, (four[1] - one[1]) * above
    return (
        (one[0] - ax - ux, one[1] - ay - uy),
        (two[0] + ax - ux, two[1] + ay - uy),
        (three[0] + ax + ux, three[1] + ay + uy),
        (four[0] - ax + ux, four[1] - ay + uy),
    )


def _filled(bar: _Bar) -> bytes:
    points = [_numbers(*point) for point in _outline(bar)]
    return b"q 0 g " + points[0] + b" m " + b" l ".join(points[1:]) + b" l h f Q"


def _label(bar: _Bar, label: str) -> bytes:
    """`label` in white on the bar, narrowed to fit; nothing where there is no room."""
    widths = standard_widths("Helvetica")
    letters = "".join(letter if letter in widths else "?" for letter in label)
    size = bar.first.size
    start, end = bar.first.origin, bar.last.origin
    end = end[0] + bar.last.along[0], end[1] + bar.last.along[1]
    length = math.dist(start, end)
    wide = sum(widths[letter] for letter in letters) / 1000
    if not letters or not wide or size < 0.5 or length < 0.5:
        return b""
    ax, ay = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    ux, uy = bar.first.up[0] / size, bar.first.up[1] / size
    high = min(size * 0.8, max(length / wide / 0.5, size * 0.1))
    stretch = min(1.0, length * 0.96 / (wide * high))
    text = pikepdf.String(letters.encode("cp1252", "replace")).unparse()
    matrix = _numbers(
        ax * high * stretch,
        ay * high * stretch,
        ux * high,
        uy * high,
        start[0] + ax * length * 0.02,
        start[1] + ay * length * 0.02,
    )
    return (
        b"q BT 1 g 0 Tr 0 Tc 0 Tw 100 Tz 0 Ts "
        + f"{_LABEL} 1 Tf ".encode()
        + matrix
        + b" Tm "
        + text
        + b" Tj ET Q"
    )


def _numbers(*values: float) -> bytes:
    return " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values).encode()


def _with_font(resources: pikepdf.Object | None, document: pikepdf.Pdf) -> pikepdf.Object:
    copy = glyphs.copied(resources)
    fonts = glyphs.copied(copy.get("/Font"))
    fonts[_LABEL] = document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Helvetica,
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )
    copy.Font = fonts
    return copy


# --- pictures -------------------------------------------------------------------------------------


def _new_images(
    seen: pdfium.PdfPage,
    page: glyphs.Page,
    wanted: Wanted,
    gone: dict[Glyph, int],
    means: Means,
) -> dict[Drawn, pikepdf.Object]:
    """Images of the page with boxes covered: those asked for, and what lies where glyphs went.

    A picture that lies over a glyph or shows what an unseen one says holds the same text.
    """
    boxes: defaultdict[Drawn, list[Box]] = defaultdict(list)
    numbered = [image for image in page.images if image.depth < pdf.PICTURES_DEEP]
    items = list(pdf.pictures_of(seen)) if page.images else []
    alike = len(items) == len(numbered)
    for number in {*wanted.boxes, *wanted.bare}:
        if not alike or number >= len(numbered):
            raise Unfollowed
        boxes[numbered[number]] += wanted.boxes.get(number, [])
    for image in page.images:
        hidden = [glyph for glyph in gone if not glyph.visible or glyph.order < image.order]
        regions = [_wider(bar) for bar in _joined(sorted(hidden, key=_order))]
        for region in (*regions, *wanted.regions):
            box = _on_image(image, region)
            if box is not None:
                boxes[image].append(box)
    made: dict[Drawn, pikepdf.Object] = {}
    for image, some in boxes.items():
        if not alike or image not in numbered:
            raise Unfollowed
        item = items[numbered.index(image)]
        bare = numbered.index(image) in wanted.bare
        made[image] = _covered(image, item, some, means, bare=bare)
    return made


def _size_of(image: Drawn) -> tuple[int, int]:
    if isinstance(image.source, pikepdf.PdfInlineImage):
        return int(image.source.width), int(image.source.height)
    return int(image.source.Width), int(image.source.Height)


def _on_image(image: Drawn, region: Quad) -> Box | None:
    """Where `region` lies on the image, in its pixels; None where it does not."""
    a, b, c, d, e, f = image.matrix
    area = a * d - b * c
    if not area:
        return None
    inverse: Matrix = (
        d / area,
        -b / area,
        -c / area,
        a / area,
        (c * f - d * e) / area,
        (b * e - a * f) / area,
    )
    width, height = _size_of(image)
    points = [moved(inverse, *point) for point in region]
    left = math.floor(min(x for x, _ in points) * width)
    right = math.ceil(max(x for x, _ in points) * width)
    top = math.floor((1 - max(y for _, y in points)) * height)
    bottom = math.ceil((1 - min(y for _, y in points)) * height)
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _covered(
    image: Drawn, item: pdfium.PdfObject, boxes: list[Box], means: Means, *, bare: bool
) -> pikepdf.Object:
    """The image with `boxes` black: a JPEG stays one, all others are stored without loss."""
    source = image.source
    if tuple(item.get_px_size()) != _size_of(image):
        raise Unfollowed
    known = source if isinstance(source, pikepdf.Stream) else None
    if known is not None and {"/SMask", "/Mask"} & set(known.keys()):
        raise Unfollowed  # what is drawn is not what the picture holds
    if known is not None and known.objgen in means.images:
        earlier = means.images[known.objgen]
        known = earlier if isinstance(earlier, pikepdf.Stream) else None
    if (known is not None and known.get("/ImageMask")) or (
        isinstance(source, pikepdf.PdfInlineImage) and source.image_mask
    ):
        raise Unfollowed
    new = None
    if known is not None and known.get("/Filter") == "/DCTDecode":
        new = _jpeg(known, boxes, means.document, bare=bare)
    if new is None:
        if known is not source and known is not None:
            raise Unfollowed  # it was changed before: pdfium has not seen that
        new = _pixels(item, boxes, means.document)
    if isinstance(source, pikepdf.Stream):
        means.images[source.objgen] = new
    return new


def _jpeg(
    known: pikepdf.Stream, boxes: list[Box], document: pikepdf.Pdf, *, bare: bool
) -> pikepdf.Stream | None:
    colours = known.get("/ColorSpace")
    kind = str(colours[0]) if isinstance(colours, pikepdf.Array) else str(colours)
    plain = kind in _JPEG_COLOURS or (
        kind == "/ICCBased"
        and isinstance(colours, pikepdf.Array)
        and int(colours[1].get("/N", 0)) in {1, 3}
    )
    if not plain or "/Decode" in known or "/DecodeParms" in known:
        return None
    raw = known.read_raw_bytes()
    if boxes:
        try:
            raw = redact.cover(raw, boxes)
        except CannotRewrite:
            return None
    if bare:
        raw = cleaning.clean(raw)
    new = document.make_stream(raw)
    for key in ("/Type", "/Subtype", "/Width", "/Height", "/ColorSpace", "/BitsPerComponent"):
        if key in known:
            new[key] = known[key]
    new.Filter = pikepdf.Name.DCTDecode
    return new


def _pixels(item: pdfium.PdfObject, boxes: list[Box], document: pikepdf.Pdf) -> pikepdf.Stream:
    width, height = item.get_px_size()
    if width * height > _MOST_PIXELS:
        raise CannotRewrite("the picture is too large")
    bitmap = item.get_bitmap()
    picture = bitmap.to_pil()
    if picture.size != (width, height):
        raise Unfollowed
    two = picture.convert("L") if _is_grey(picture) else picture.convert("RGB")
    if two.mode == "L" and set(two.getextrema()) <= {0, 255}:
        shades = two.histogram()
        if shades[0] + shades[255] == width * height:
            two = two.convert("1")
    drawing = ImageDraw.Draw(two)
    for left, top, right, bottom in boxes:
        drawing.rectangle((left, top, right - 1, bottom - 1), fill=0)
    return _image(two, document)


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode in {"L", "1"}:
        return True
    red, green, blue = picture.convert("RGB").split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


def _image(picture: Image.Image, document: pikepdf.Pdf, *, lossy: bool = False) -> pikepdf.Stream:
    """An image object that shows `picture`: 1, L or RGB."""
    content, way = zlib.compress(picture.tobytes(), 6), pikepdf.Name.FlateDecode
    if lossy:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=88)
        if out.tell() < len(content):
            content, way = out.getvalue(), pikepdf.Name.DCTDecode
    new = document.make_stream(content)
    new.Type, new.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    new.Width, new.Height = picture.size
    new.ColorSpace = pikepdf.Name.DeviceRGB if picture.mode == "RGB" else pikepdf.Name.DeviceGray
    new.BitsPerComponent = 1 if picture.mode == "1" else 8
    new.Filter = way
    return new


# --- the page as a picture ------------------------------------------------------------------------


def region_of(page: pdfium.PdfPage, box: Box, pixels: int) -> Quad:
    """Where `box` of the page's picture, as its reader made it, lies on the page."""
    bitmap = pdf.rendered(page, pixels)
    x, y = ctypes.c_double(), ctypes.c_double()
    corners: list[Point] = []
    left, top, right, bottom = box
    for across, down in ((left, bottom), (right, bottom), (right, top), (left, top)):
        pdfium_c.FPDF_DeviceToPage(page, 0, 0, bitmap.width, bitmap.height, 0, across, down, x, y)
        corners.append((x.value, y.value))
    first, second, third, fourth = corners
    return first, second, third, fourth


def as_picture(page: pdfium.PdfPage, target: pikepdf.Page, wanted: Wanted, means: Means) -> None:
    """Make `target` a picture of `page` on which all that is `wanted` is black."""
    if wanted.bare or wanted.boxes:
        _regions_of_pictures(page, wanted)
    bitmap = pdf.rendered(page, _PIXELS, annotations=False)
    picture = bitmap.to_pil()
    picture = picture.convert("L") if _is_grey(picture) else picture.convert("RGB")
    drawing = ImageDraw.Draw(picture)
    x, y = ctypes.c_int(), ctypes.c_int()
    for region in (*wanted.regions, *_letter_boxes(page, wanted.spans)):
        points = []
        for point in region:
            pdfium_c.FPDF_PageToDevice(page, 0, 0, *picture.size, 0, *point, x, y)
            points.append((x.value, y.value))
        drawing.polygon(points, fill=0, outline=0, width=2)
    # The page keeps its own rotation, so that annotations stay where they are.
    turns = {
        90: Image.Transpose.ROTATE_90,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_270,
    }
    turn = turns.get(page.get_rotation() % 360)
    if turn is not None:
        picture = picture.transpose(turn)
    left, bottom, right, top = page.get_bbox()
    image = means.document.make_indirect(_image(picture, means.document, lossy=True))
    matrix = _numbers(right - left, 0, 0, top - bottom, left, bottom)
    target.obj.Contents = means.document.make_stream(b"q " + matrix + b" cm /Im0 Do Q")
    target.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))


def _regions_of_pictures(page: pdfium.PdfPage, wanted: Wanted) -> None:
    """Boxes in pictures as regions of the page."""
    items = list(pdf.pictures_of(page))
    for number, boxes in wanted.boxes.items():
        if number >= len(items) or items[number].level:
            raise CannotRewrite("a picture in it cannot be changed")
        item = items[number]
        width, height = item.get_px_size()
        a, b, c, d, e, f = item.get_matrix().get()
        for left, top, right, bottom in boxes:
            corners = [
                moved((a, b, c, d, e, f), across / width, 1 - down / height)
                for across, down in ((left, bottom), (right, bottom), (right, top), (left, top))
            ]
            first, second, third, fourth = corners
            wanted.regions.append((first, second, third, fourth))


def _letter_boxes(page: pdfium.PdfPage, spans: Iterable[Span]) -> Iterator[Quad]:
    _, raw = pdf.page_text(page)
    text_page = page.get_textpage()
    box = pdfium_c.FS_RECTF()
    try:
        for span in spans:
            for index, _ in _indices(text_page, raw, span):
                if not pdfium_c.FPDFText_GetLooseCharBox(text_page, index, box):
                    raise CannotRewrite("a part of the document cannot be changed")
                left, right, bottom, top = box.left, box.right, box.bottom, box.top
                yield (left, bottom), (right, bottom), (right, top), (left, top)
    except Unfollowed:
        raise CannotRewrite("a part of the document cannot be changed") from None
    finally:
        text_page.close()
