"""What is in a PDF? Pages as a person reads them, and every string and file behind them.

Law: pages through pdfium (text, pictures; a page whose text cannot be had is rendered to be looked
at), everything else through a walk over all objects: annotations, forms, outlines, scripts,
metadata, attachments, and pages of earlier revisions. Format: ISO 32000-2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import zlib
from collections.abc import Iterator

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from gateway.content.readers.xmltext import PIECE
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Stop, Text
from gateway.model import UnreadReason

Image.init()  # loads its formats, which the sandbox would not let it do

_CHUNK = 1 << 16
_DPI = 150
_REVISIONS = 4
"""Earlier revisions that are looked at, latest first."""
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
_MAX_NESTED = 40


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
    yield from _objects(data, budget)
    yield from _revisions(data, budget, seen)


def _pages(
    document: pdfium.PdfDocument, prefix: str, budget: Budget, seen: set[str], *, pictures: bool
) -> Iterator[Said]:
    """Texts and pictures of pages. Of earlier revisions only what was not `seen`."""
    drawn: set[bytes] = set()
    for number in range(len(document)):
        budget.page()
        if pictures:
            yield Fact("pages", 1)
        place = f"{prefix}page[{number}]"
        page = document[number]
        try:
            text_page = page.get_textpage()
            text = text_page.get_text_range().replace("\ufffe\r\n", "").replace("\ufffe", "")
            text_page.close()
            if text.strip() and text not in seen:
                seen.add(text)
                budget.text(len(text))
                yield Text(place, text, hidden=bool(prefix))
            if not pictures:
                continue
            visible = len(text) - text.count(" ") - text.count("\r") - text.count("\n")
            strange = len(_STRANGE.findall(text)) * 5 > visible
            if (visible < _FEW or strange) and pdfium_c.FPDFPage_CountObjects(page):
                yield from _rendered(page, place, budget)
            else:
                yield from _pictures(page, place, budget, drawn)
        except pdfium.PdfiumError:
            yield Missed(place, UnreadReason.MALFORMED, detail="page")
        finally:
            page.close()


def _rendered(page: pdfium.PdfPage, place: str, budget: Budget) -> Iterator[Said]:
    width, height = page.get_size()
    scale = _DPI / 72
    pixels = width * height * scale * scale
    if pixels > budget.limits.pixels / 4:
        scale *= (budget.limits.pixels / 4 / pixels) ** 0.5
    bitmap = page.render(scale=max(scale, 0.01), may_draw_forms=False)
    budget.expand(bitmap.stride * bitmap.height)
    yield Embedded(f"{place}.picture[0]", _png(bitmap.to_pil()))


def _pictures(
    page: pdfium.PdfPage, place: str, budget: Budget, drawn: set[bytes]
) -> Iterator[Said]:
    number = 0
    for item in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=4):
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


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


# --- what stands behind the pages -----------------------------------------------------------------


def _objects(data: bytes, budget: Budget) -> Iterator[Said]:
    with pikepdf.Pdf.open(io.BytesIO(data), suppress_warnings=True) as document:
        yield from _walk(document, budget)


def _walk(document: pikepdf.Pdf, budget: Budget) -> Iterator[Said]:
    held: list[str] = []
    size = pieces = 0
    files = 0
    marks: set[str] = set()
    roots: list[tuple[int, pikepdf.Object]] = [(0, document.trailer)]
    roots += [(item.objgen[0], item) for item in document.objects]
    for number, item in roots:
        budget.tick()
        for text in _strings(item, marks, budget):
            held.append(text)
            size += len(text)
            budget.text(len(text))
        if size >= PIECE:
            yield Text(f"strings[{pieces}]", "\n".join(held), hidden=True)
            held, size, pieces = [], 0, pieces + 1
        if isinstance(item, pikepdf.Stream):
            kind = str(item.get("/Type", "")), str(item.get("/Subtype", ""))
            place = f"object[{number}]"
            if kind[0] == "/EmbeddedFile" or "/Params" in item:
                files += 1
            elif kind != ("/Metadata", "/XML") and not _is_script(item, marks):
                continue
            try:
                content = _decoded(item, budget)
            except Stop as stop:
                yield Missed(place, stop.reason, detail=stop.detail)
                if stop.reason is not UnreadReason.UNSUPPORTED_FILE:
                    raise
                continue
            except (zlib.error, ValueError, binascii.Error):
                yield Missed(place, UnreadReason.MALFORMED, detail="stream")
                continue
            yield Embedded(place, content, hidden=True)
    if held:
        yield Text(f"strings[{pieces}]", "\n".join(held), hidden=True)
    if files:
        yield Fact("hidden", value=True)
    for mark in ("signed", "macros"):
        if mark in marks:
            yield Fact(mark, value=True)


def _is_script(item: pikepdf.Stream, marks: set[str]) -> bool:
    return f"script {item.objgen[0]}" in marks or "/XFA" in marks


def _strings(item: pikepdf.Object, marks: set[str], budget: Budget) -> Iterator[str]:
    """Strings that stand in one object itself; what it points to is an object of its own."""
    stack: list[tuple[str, pikepdf.Object, int]] = [("", item, 0)]
    while stack:
        key, value, depth = stack.pop()
        if isinstance(value, pikepdf.String):
            text = _words(key, value)
            if text:
                yield text
            continue
        if depth > _MAX_NESTED:
            raise Stop(UnreadReason.TOO_DEEP, "pdf object")
        if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            budget.tick()
            items = list(value.items())
            names = {name for name, _ in items}
            if names & {"/JS"}:
                marks.add("macros")
            if value.get("/Type") == "/Sig" or ("/ByteRange" in names and "/Contents" in names):
                marks.add("signed")
                items = [
                    (name, inner) for name, inner in items if name not in {"/Contents", "/Cert"}
                ]
            for name, inner in reversed(items):
                if _is_direct(inner):
                    stack.append((name, inner, depth + 1))
                elif name in {"/JS", "/XFA", "/RC"}:
                    marks.add(f"script {inner.objgen[0]}")
        elif isinstance(value, pikepdf.Array):
            for inner in reversed(list(value)):
                if _is_direct(inner):
                    stack.append((key, inner, depth + 1))
                elif key == "/XFA":
                    marks.add(f"script {inner.objgen[0]}")


def _is_direct(value: object) -> bool:
    return not isinstance(value, pikepdf.Object) or not value.is_indirect


def _words(key: str, value: pikepdf.String) -> str:
    if key in _DULL_KEYS:
        return ""
    text = str(value).strip("\0")
    if len(text) < 2 or len(_STRANGE.findall(text)) * 5 > len(text):
        return ""
    return text


def _decoded(stream: pikepdf.Stream, budget: Budget) -> bytes:
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


def _revisions(data: bytes, budget: Budget, seen: set[str]) -> Iterator[Said]:
    """Pages as they were before the file was saved again, and what follows its end."""
    ends = [match.end() for match in _END.finditer(data)]
    if not ends:
        return
    rest = data[ends[-1] :]
    if rest.strip(b"\0 \t\r\n"):
        yield Embedded("gap[0]", rest, hidden=True)
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
