"""What is in a PDF? Pages as a person reads them, and every string and file behind them.

Law: pages through pdfium (text, pictures; a page whose text cannot be had is rendered to be looked
at), everything else through a walk over all objects: annotations and how they look, forms, outlines,
scripts, metadata, attachments, and pages of earlier revisions. Format: ISO 32000-2.

Its writer (`pdfwrite`) finds places again with the functions here, so that both see the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from gateway.content import columns
from gateway.content.readers import labels, unseen
from gateway.content.readers.xmltext import NEUTRAL, PIECE
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Stop, Text
from gateway.model import UnreadReason

Image.init()  # loads its formats, which the sandbox would not let it do

_CHUNK = 1 << 16
_DPI = 150
_REVISIONS = 4
"""Earlier revisions that are looked at, latest first."""
_PROOFS = 4
"""Pages that are drawn to see whether they have text that nobody sees."""
_FEW = 8
"""Fewer visible characters than this on a page with drawings: it has to be looked at."""
_SMALL = 24
"""Pictures that are narrower or lower, in pixels, show nothing that could be read."""
_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1f\ufffd\ue000-\uf8ff]")
_END = re.compile(rb"%%EOF[ \t]*(?:\r\n|\r|\n)?")
_DULL_KEYS = frozenset(
    "/ID /CheckSum /Cert /O /U /OE /UE /Perms /CreationDate /ModDate /M /Lang /CharSet /DA /Registry"
    " /Ordering /Lookup".split()
)
"""Keys whose strings are digests, keys, dates or names of the format."""
_HOLDS_TEXT = frozenset({"/JS", "/XFA", "/RC", "/RV", "/V"})
"""Keys whose value may be a stream that holds text."""
_NAMES_OF_FORMAT = frozenset(
    "/BaseFont /FontName /FontFamily /Filter /Encoding /Subtype /Type /SubFilter /Registry /Name"
    " /CMapName /Differences /ColorSpace /CS /Separation".split()
)
"""Keys whose names are those of fonts, colours and glyphs."""
_MAX_NESTED = 40
PICTURES_DEEP = 4
"""Pictures are taken from forms within forms up to here."""
_TELLING = re.compile(r"/(?=[^/]{6,})(?![A-Z]{6}\+)[^/]*[0-9@ ]")
"""Names (of destinations, states, fields) that may say something; those of the format do not look so."""
_SHOWS_TEXT = re.compile(rb"T[jJ]\b|['\"]")
_PLANE = 0xFFFF
_ESCAPED = re.compile("#([0-9A-Fa-f]{2})")
_WORD = re.compile(r"\S+")
_HYPHEN = re.compile("\ufffe(?:\r\n)?")
"""What pdfium makes of a hyphen at the end of a line."""


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Pages, then what the document carries beside them."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise Stop(UnreadReason.ENCRYPTED, "pdf") from None
        raise Stop(UnreadReason.MALFORMED, "pdf") from None
    seen: set[str] = set()
    try:
        yield from _pages(document, "", budget, seen, pictures=True)
    finally:
        document.close()
    with pikepdf.Pdf.open(io.BytesIO(data), suppress_warnings=True) as objects:
        yield from _walk(objects, budget)
        yield from _drawings(objects, budget, seen)
    yield from _revisions(data, budget, seen)


def page_text(page: pdfium.PdfPage) -> tuple[str, str]:
    """The text of a page as it is said, and as pdfium has it: with hyphens at ends of lines."""
    text_page = page.get_textpage()
    try:
        raw = text_page.get_text_range()
    finally:
        text_page.close()
    return _HYPHEN.sub("", raw), raw


def page_columns(page: pdfium.PdfPage) -> tuple[str, list[columns.Column]]:
    """The text of a page as it is said, and its columns where this cuts what stands in one."""
    text_page = page.get_textpage()
    try:
        raw = text_page.get_text_range()
        text = _HYPHEN.sub("", raw)
        if not columns.may_have(text):
            return text, []
        alike = text == raw and (raw.isascii() or max(raw) <= chr(_PLANE))
        layout = _Layout(text_page, text, None if alike else places_in(raw))
        return text, columns.columns_in(layout)
    finally:
        text_page.close()


class _Layout(columns.Layout):
    """Where the letters of a page stand. `places` are those in pdfium's text, where they differ."""

    def __init__(self, page: pdfium.PdfTextPage, text: str, places: list[range] | None) -> None:
        super().__init__(text, "\r\n")
        self._page = page
        self._places = places
        self._box = pdfium_c.FS_RECTF()

    def place(self, start: int) -> columns.Line:
        box = self._box_at(self._index(start))
        return columns.Line(box.bottom, box.top - box.bottom)

    def words(self, start: int, end: int) -> Iterator[columns.Word]:
        shift = self._index(start) - start
        is_even = self._index(end - 1) - end + 1 == shift
        for found in _WORD.finditer(self.text, start, end):
            first, last = found.span()
            one, two = (
                (first + shift, last - 1 + shift)
                if is_even
                else map(self._index, (first, last - 1))
            )
            yield first, last, self._box_at(one).left, self._box_at(two).right

    def _index(self, at: int) -> int:
        """Pdfium's number of a letter."""
        place = at if self._places is None else self._places[at].start
        return int(pdfium_c.FPDFText_GetCharIndexFromTextIndex(self._page, place))

    def _box_at(self, index: int) -> pdfium_c.FS_RECTF:
        """The box of a letter, as high as its font; it holds until the next one is asked for."""
        pdfium_c.FPDFText_GetLooseCharBox(self._page, index, self._box)
        return self._box


def is_looked_at(page: pdfium.PdfPage, text: str) -> bool:
    """Does the page have to be rendered, because its text does not say what it shows?"""
    visible = len(text) - text.count(" ") - text.count("\r") - text.count("\n")
    strange = len(_STRANGE.findall(text)) * 5 > visible
    return (visible < _FEW or strange) and pdfium_c.FPDFPage_CountObjects(page) > 0


def places_in(raw: str) -> list[range]:
    """For each code point of a page's text as said, where it stands in pdfium's: in UTF-16 units."""
    places: list[range] = []
    at = 0
    hyphens = {place for found in _HYPHEN.finditer(raw) for place in range(*found.span())}
    for number, letter in enumerate(raw):
        end = at + (2 if ord(letter) > _PLANE else 1)
        if number not in hyphens:
            places.append(range(at, end))
        at = end
    return places


def _pages(
    document: pdfium.PdfDocument, prefix: str, budget: Budget, seen: set[str], *, pictures: bool
) -> Iterator[Said]:
    """Texts and pictures of pages. Of earlier revisions only what was not `seen`."""
    drawn: set[bytes] = set()
    proofs, hides = _PROOFS, False
    for number in range(len(document)):
        budget.page()
        if pictures:
            yield Fact("pages", 1)
        place = f"{prefix}page[{number}]"
        page = document[number]
        try:
            text, its_columns = page_columns(page)
            if text.strip() and text not in seen:
                seen.add(text)
                budget.text(len(text))
                yield Text(place, text, hidden=bool(prefix), editable=True)
                for index, column in enumerate(its_columns):
                    budget.text(len(column.text))
                    here = f"{place}.column[{index}]"
                    yield Text(here, column.text, hidden=bool(prefix), editable=True)
            if not pictures:
                continue
            if is_looked_at(page, text):
                yield from _rendered(page, place, budget)
            else:
                yield from _pictures(page, place, budget, drawn)
            if not hides and (some := unseen.suspects(page, budget, certain=not proofs)):
                hides = unseen.proven(page, some)
                proofs -= proofs > 0
                if hides:
                    yield Fact("hidden", value=True)
        except pdfium.PdfiumError:
            yield Missed(place, UnreadReason.MALFORMED, detail="page")
        finally:
            page.close()


def rendered(page: pdfium.PdfPage, pixels: int, *, annotations: bool = True) -> pdfium.PdfBitmap:
    """The page as a picture of at most `pixels`, upright."""
    width, height = page.get_size()
    scale = _DPI / 72
    wanted = width * height * scale * scale
    if wanted > pixels:
        scale *= (pixels / wanted) ** 0.5
    return page.render(scale=max(scale, 0.01), may_draw_forms=False, draw_annots=annotations)


def _rendered(page: pdfium.PdfPage, place: str, budget: Budget) -> Iterator[Said]:
    bitmap = rendered(page, budget.limits.pixels // 4)
    budget.draw(bitmap.stride * bitmap.height)
    yield Embedded(f"{place}.picture[0]", _png(bitmap.to_pil()))


def _pictures(
    page: pdfium.PdfPage, place: str, budget: Budget, drawn: set[bytes]
) -> Iterator[Said]:
    number = 0
    for item in pictures_of(page):
        budget.tick()
        here = f"{place}.picture[{number}]"
        number += 1
        try:
            width, height = item.get_px_size()
            if width < _SMALL or height < _SMALL:
                continue
            if width * height > budget.limits.pixels:
                yield Missed(here, UnreadReason.TOO_LARGE, detail="pixels")
                continue
            if item.get_filters() == ["DCTDecode"]:
                raw = bytes(item.get_data())
            else:
                bitmap = item.get_bitmap()
                budget.expand(bitmap.stride * bitmap.height)
                raw = b""
            digest = hashlib.sha256(raw or bytes(bitmap.buffer)).digest()
            if digest in drawn:
                continue
            drawn.add(digest)
            yield Embedded(here, raw or _png(bitmap.to_pil()))
        except pdfium.PdfiumError:
            yield Missed(here, UnreadReason.MALFORMED, detail="picture")


def pictures_of(page: pdfium.PdfPage) -> Iterator[pdfium.PdfObject]:
    """Pictures that the page draws, in the order of their numbers."""
    yield from page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=PICTURES_DEEP)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


# --- what stands behind the pages -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A string or telling name of the file, and what holds it, in which place.

    `holder` is None where the string is an object of its own, with number `key`.
    """

    text: str = field(repr=False)
    holder: pikepdf.Object | None
    key: str | int
    is_name: bool = False


@dataclass(slots=True)
class Marks:
    """What was seen on the way over all objects."""

    scripts: set[int] = field(default_factory=set)
    """Numbers of streams that hold text: scripts, rich text, parts of XFA forms."""
    signed: bool = False
    macros: bool = False


def strings(document: pikepdf.Pdf, marks: Marks, budget: Budget) -> Iterator[list[Held]]:
    """All that objects hold in words, in pieces; each is said as one text with a line for each."""
    held: list[Held] = []
    size = 0
    for item in (document.trailer, *document.objects):
        budget.tick()
        for one in _strings(item, marks, budget):
            held.append(one)
            size += len(one.text)
            budget.text(len(one.text))
        if size >= PIECE:
            yield held
            held, size = [], 0
    if held:
        yield held


def _walk(document: pikepdf.Pdf, budget: Budget) -> Iterator[Said]:
    marks = Marks()
    for number, held in enumerate(strings(document, marks, budget)):
        text = "\n".join(one.text for one in held)
        yield Text(f"strings[{number}]", text, hidden=True, editable=True)
    files = 0
    for item in document.objects:
        budget.tick()
        if not isinstance(item, pikepdf.Stream) or not is_file(item, marks):
            continue
        place = f"object[{item.objgen[0]}]"
        files += is_attachment(item)
        try:
            content = decoded(item, budget)
        except Stop as stop:
            yield Missed(place, stop.reason, detail=stop.detail)
            if stop.reason is not UnreadReason.UNSUPPORTED_FILE:
                raise
            continue
        except (zlib.error, ValueError, binascii.Error):
            yield Missed(place, UnreadReason.MALFORMED, detail="stream")
            continue
        if is_metadata(item):
            for label in labels.of_xmp(content):
                yield Fact("label", label)
        yield Embedded(place, content, hidden=True, removable=True)
    for label in labels.of_properties(_information(document)):
        yield Fact("label", label)
    if files or any(
        is_unseen(item) or is_markup(item) for item in annotations_of(document, budget)
    ):
        yield Fact("hidden", value=True)
    if layers_off(document):
        yield Fact("hidden", value=True)
    yield from _told_of_makers(document, budget)
    if marks.signed:
        yield Fact("signed", value=True)
    if marks.macros:
        yield Fact("macros", value=True)


_MARKUP = frozenset(
    "/Highlight /Underline /StrikeOut /Squiggly /Ink /Line /Square /Circle /Polygon /PolyLine"
    " /Stamp".split()
)
_UNSEEN = frozenset("/Text /Popup /Caret /FileAttachment /Sound /Redact".split())
_HIDDEN, _PRINTED, _NOT_VIEWED = 2, 4, 32
_XMP_AUTHOR = re.compile(rb"<dc:creator\b|(?:pdf|xmp):Author\b")


def dictionaries(document: pikepdf.Pdf, budget: Budget) -> Iterator[pikepdf.Object]:
    """All dictionaries and streams, those that stand in others too."""
    for item in (document.trailer, *document.objects):
        stack = [(item, 0)]
        while stack:
            budget.tick()
            value, depth = stack.pop()
            if depth > _MAX_NESTED:
                raise Stop(UnreadReason.TOO_DEEP, "pdf object")
            inner: list[object] = []
            if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
                yield value
                inner = list(value.values())
            elif isinstance(value, pikepdf.Array):
                inner = list(value)
            stack.extend(
                (one, depth + 1)
                for one in inner
                if isinstance(one, pikepdf.Object) and not one.is_indirect
            )


def annotations_of(document: pikepdf.Pdf, budget: Budget) -> Iterator[pikepdf.Object]:
    """Those of all pages."""
    for page in document.pages:
        budget.tick()
        some = page.obj.get("/Annots")
        for item in some if isinstance(some, pikepdf.Array) else ():
            if isinstance(item, pikepdf.Dictionary):
                yield item


def is_annotation(item: pikepdf.Object) -> bool:
    """Is the dictionary one?"""
    return item.get("/Type") == "/Annot" or ("/Rect" in item and "/Subtype" in item)


def is_unseen(annotation: pikepdf.Object) -> bool:
    """Does it show nothing on the page but, perhaps, that there is a comment?"""
    flags = annotation.get("/F", 0)
    flags = int(flags) if isinstance(flags, int) else 0
    unseen = flags & _HIDDEN or (flags & _NOT_VIEWED and not flags & _PRINTED)
    return bool(unseen) or str(annotation.get("/Subtype", "")) in _UNSEEN


def is_markup(annotation: pikepdf.Object) -> bool:
    """Is it a mark on the page that has a comment behind it?"""
    return str(annotation.get("/Subtype", "")) in _MARKUP and any(
        key in annotation for key in ("/Contents", "/RC", "/Popup", "/IRT")
    )


def has_author(annotation: pikepdf.Object) -> bool:
    """Does it say who made it? In the field of a form the same key is its name."""
    said = annotation.get("/T")
    return (
        annotation.get("/Subtype") != "/Widget"
        and isinstance(said, pikepdf.String)
        and str(said).strip() not in {"", NEUTRAL}
    )


def layers_off(document: pikepdf.Pdf) -> set[tuple[int, int]]:
    """Layers (optional content) that are not shown when the file is opened, by number."""
    known = document.Root.get("/OCProperties")
    if not isinstance(known, pikepdf.Dictionary):
        return set()
    view = known.get("/D", pikepdf.Dictionary())
    everything, on, off = (
        {one.objgen for one in some if one.is_indirect}
        if isinstance(some, pikepdf.Array)
        else set()
        for some in (known.get("/OCGs"), view.get("/ON"), view.get("/OFF"))
    )
    return (everything - on) | off if view.get("/BaseState") == "/OFF" else off


def _told_of_makers(document: pikepdf.Pdf, budget: Budget) -> Iterator[Said]:
    """Facts about who made the document, and with what."""
    info = document.trailer.get("/Info")
    said = isinstance(info, pikepdf.Dictionary) and bool(len(info))
    by = isinstance(info, pikepdf.Dictionary) and bool(str(info.get("/Author", "")).strip())
    for item in dictionaries(document, budget):
        if not said and any(key in item for key in ("/Metadata", "/PieceInfo", "/Thumb")):
            said = True
        if not by and is_annotation(item) and has_author(item):
            by = True
        if not by and isinstance(item, pikepdf.Stream) and is_metadata(item):
            try:
                by = _XMP_AUTHOR.search(decoded(item, budget)) is not None
            except (zlib.error, ValueError, binascii.Error):
                continue
    if by:
        yield Fact("authors", value=True)
    if said:
        yield Fact("properties", value=True)


def _information(document: pikepdf.Pdf) -> Iterator[tuple[str, str]]:
    """Names and values of the document information."""
    held = document.trailer.get("/Info")
    if not isinstance(held, pikepdf.Dictionary):
        return
    for key, value in held.items():
        if isinstance(value, pikepdf.String):
            yield key.removeprefix("/"), str(value)


def is_file(item: pikepdf.Stream, marks: Marks) -> bool:
    """Is the stream read as a file of its own?"""
    return is_attachment(item) or is_metadata(item) or item.objgen[0] in marks.scripts


def is_attachment(item: pikepdf.Stream) -> bool:
    """Is it a file that is attached?"""
    return item.get("/Type") == "/EmbeddedFile" or "/Params" in item


def is_metadata(item: pikepdf.Stream) -> bool:
    """Is it XMP?"""
    return item.get("/Type") == "/Metadata" and item.get("/Subtype") == "/XML"


def _strings(item: object, marks: Marks, budget: Budget) -> Iterator[Held]:
    """Strings that stand in one object itself; what it points to is an object of its own."""
    if not isinstance(item, pikepdf.Object):
        return  # a number by itself, say a length
    where: tuple[pikepdf.Object | None, str | int] = None, item.objgen[0]
    stack: list[tuple[str, pikepdf.Object, int, tuple[pikepdf.Object | None, str | int]]]
    stack = [("", item, 0, where)]
    while stack:
        key, value, depth, where = stack.pop()
        if isinstance(value, pikepdf.String):
            text = _words(key, value)
            if text:
                yield Held(text, *where)
            continue
        if isinstance(value, pikepdf.Name):
            name = name_of(value)
            if key not in _NAMES_OF_FORMAT and _TELLING.match(name):
                yield Held(name[1:], *where, is_name=True)
            continue
        if depth > _MAX_NESTED:
            raise Stop(UnreadReason.TOO_DEEP, "pdf object")
        if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            budget.tick()
            items = list(value.items())
            names = {name for name, _ in items}
            if names & {"/JS"}:
                marks.macros = True
            if value.get("/Type") == "/Sig" or ("/ByteRange" in names and "/Contents" in names):
                marks.signed = True
                items = [
                    (name, inner) for name, inner in items if name not in {"/Contents", "/Cert"}
                ]
            for name, _ in items:
                if _TELLING.match(name):
                    yield Held(name[1:], value, name, is_name=True)
            for name, inner in reversed(items):
                if _is_direct(inner):
                    stack.append((name, inner, depth + 1, (value, name)))
                elif name in _HOLDS_TEXT:
                    marks.scripts.add(inner.objgen[0])
        elif isinstance(value, pikepdf.Array):
            for number, inner in reversed(list(enumerate(value))):
                if _is_direct(inner):
                    stack.append((key, inner, depth + 1, (value, number)))
                elif key == "/XFA":
                    marks.scripts.add(inner.objgen[0])


def name_of(name: pikepdf.Object) -> str:
    """The name as text. Names should be UTF-8, and often are not."""
    try:
        return str(name)
    except UnicodeDecodeError:
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name.unparse().decode("latin-1"))


name_of(pikepdf.Object.parse(b"/#e9"))  # as above: an error of decoding loads modules


def _is_direct(value: object) -> bool:
    return not isinstance(value, pikepdf.Object) or not value.is_indirect


def _words(key: str, value: pikepdf.String) -> str:
    if key in _DULL_KEYS:
        return ""
    text = str(value).strip("\0")
    if len(text) < 2 or len(_STRANGE.findall(text)) * 5 > len(text):
        return ""
    return text


def decoded(stream: pikepdf.Stream, budget: Budget) -> bytes:
    """The bytes of a stream, its filters undone one by one and within the budget."""
    content = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    names: list[str] = []
    if isinstance(filters, pikepdf.Array):
        names = [str(name) for name in filters]
    elif filters is not None:
        names = [str(filters)]
    for name in names:
        match name:
            case "/FlateDecode" | "/Fl":
                content = _inflated(content, budget)
            case "/ASCIIHexDecode" | "/AHx":
                content = binascii.unhexlify(b"".join(content.partition(b">")[0].split()))
            case "/ASCII85Decode" | "/A85":
                content = base64.a85decode(content.strip().removesuffix(b"~>"))
            case _:
                raise Stop(UnreadReason.UNSUPPORTED_FILE, "pdf filter")
    return content


def _inflated(content: bytes, budget: Budget) -> bytes:
    out = bytearray()
    machine = zlib.decompressobj()
    source = content
    while not machine.eof:
        piece = machine.decompress(source, min(_CHUNK, budget.room() + 1))
        budget.expand(len(piece))
        out += piece
        source = machine.unconsumed_tail
        if not piece and not source:
            break
    return bytes(out)


# --- what annotations and patterns show -----------------------------------------------------------


def drawings(document: pikepdf.Pdf, budget: Budget) -> dict[int, pikepdf.Stream]:
    """Streams that draw text by themselves (looks of annotations, patterns, forms), by number."""
    found: dict[int, pikepdf.Stream] = {}
    for item in document.objects:
        if not isinstance(item, pikepdf.Stream):
            continue
        budget.tick()
        if item.get("/Subtype") != "/Form" and item.get("/PatternType") != 1:
            continue
        try:
            if not _SHOWS_TEXT.search(decoded(item, budget)):
                continue
        except Stop as stop:
            if stop.reason is not UnreadReason.UNSUPPORTED_FILE:
                raise
        except (zlib.error, ValueError, binascii.Error):
            pass  # pdfium may make more of it
        found[item.objgen[0]] = item
        budget.page()
    return found


def as_pages(streams: dict[int, pikepdf.Stream]) -> bytes:
    """A document that has one page for each of `streams`, with nothing else on it."""
    with pikepdf.new() as pages:
        for stream in streams.values():
            form = pages.copy_foreign(stream)
            form.Type, form.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
            form.Matrix = pikepdf.Array([1, 0, 0, 1, 0, 0])
            for key in ("/Parent", "/StructParent", "/StructParents", "/Metadata", "/PieceInfo"):
                if key in form:
                    del form[key]
            page = pages.add_blank_page()
            page.obj.MediaBox = form.get("/BBox", page.obj.MediaBox)
            page.obj.Contents = pages.make_stream(b"/X Do")
            page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form))
        out = io.BytesIO()
        pages.save(out)
    return out.getvalue()


def _drawings(document: pikepdf.Pdf, budget: Budget, seen: set[str]) -> Iterator[Said]:
    """Their texts, where no page says the same."""
    streams = drawings(document, budget)
    if not streams:
        return
    said = "\n".join(_squeezed(text) for text in seen)
    pages = pdfium.PdfDocument(as_pages(streams))
    try:
        for number, index in zip(streams, range(len(pages)), strict=True):
            budget.tick()
            page = pages[index]
            text, _ = page_text(page)
            page.close()
            if text.strip() and _squeezed(text) not in said:
                budget.text(len(text))
                yield Text(f"drawing[{number}]", text, hidden=True, editable=True)
    finally:
        pages.close()


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _revisions(data: bytes, budget: Budget, seen: set[str]) -> Iterator[Said]:
    """Pages as they were before the file was saved again, and what follows its end."""
    ends = [match.end() for match in _END.finditer(data)]
    if not ends:
        return
    rest = data[ends[-1] :]
    if rest.strip(b"\0 \t\r\n"):
        yield Embedded("gap[0]", rest, hidden=True, removable=True)
    changed = False
    for number, end in enumerate(ends[-2 : -2 - _REVISIONS : -1]):
        budget.tick()
        try:
            document = pdfium.PdfDocument(data[:end])
        except pdfium.PdfiumError:
            continue  # the first end mark of a linearized file ends no revision
        try:
            for said in _pages(document, f"revision[{number}].", budget, seen, pictures=False):
                changed = True
                yield said
        finally:
            document.close()
    if changed:
        yield Fact("hidden", value=True)
