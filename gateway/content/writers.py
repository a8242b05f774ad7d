"""How does a file look when the wishes are met? Pictures are covered and cleaned, archives repacked.

PDF is written by `pdfwrite`, texts of Office documents by `xmlwrite`; what documents say of who made them,
and what they do not show, is taken out by `docclean`.

Law: runs in the sandbox only. What no wish names stays as it was: pixels outside the boxes, entries
of archives with their names, order, dates and methods. Raises only `CannotRewrite`.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gateway.content import pdfwrite, textwrite, xmlwrite
from gateway.content.docclean import whole
from gateway.content.pictures import cleaning, dicom, redact
from gateway.content.readers import numbers, office
from gateway.content.reading import Box
from gateway.content.rewriting import (
    CONTAINERS,
    DICOM,
    OFFICE,
    PDF,
    PICTURES,
    TEXTS,
    Bare,
    CannotRewrite,
    Change,
    Cover,
    Deidentify,
    Erase,
    Mark,
    Replace,
    Strip,
    Style,
    Wish,
)
from gateway.content.types import type_of

_ENTRY = re.compile(r"[a-z_]+\[(\d{1,9})\](?:\.|\Z)")
_SIGNATURE = re.compile(r"_xmlsignatures/|META-INF/documentsignatures\.xml\Z")
_MANIFEST = "META-INF/manifest.xml"
_LISTED = re.compile(rb"""<[\w:]*file-entry\b[^>]*?full-path=["']([^"']*)["'][^>]*/>\s*""")
_ENCRYPTED = 0x1
_DEEP = 6


def rewritten(data: bytes, wishes: Sequence[Wish], depth: int = 0) -> bytes:
    """`data` with all `wishes` met; their places are within it."""
    kind = type_of(data).media_type
    bare = {wish.what for wish in wishes if isinstance(wish, Bare) and not wish.file}
    if bare:
        rest = [wish for wish in wishes if not (isinstance(wish, Bare) and not wish.file)]
        if rest:
            data = rewritten(data, rest, depth)
        return whole.cleaned(data, kind, metadata="metadata" in bare, hidden="hidden" in bare)
    if kind == DICOM:
        return _medical(data, wishes)
    if kind in PICTURES:
        return _picture(data, wishes)
    if kind in CONTAINERS and depth < _DEEP:
        try:
            return _container(data, wishes, depth, is_office=kind in OFFICE)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError):
            raise CannotRewrite("the archive is damaged") from None
    if kind in TEXTS and depth < _DEEP:
        return textwrite.rewritten(
            data, kind, wishes, lambda inner, some: rewritten(inner, some, depth + 1)
        )
    if kind == PDF and depth < _DEEP:
        return pdfwrite.rewritten(
            data, wishes, lambda inner, some: rewritten(inner, some, depth + 1)
        )
    if kind.startswith("image/"):
        raise CannotRewrite("pictures of this format cannot be written; send a PNG or JPEG")
    raise CannotRewrite("the file is of a kind that cannot be changed")


def _medical(data: bytes, wishes: Sequence[Wish]) -> bytes:
    keys = {wish.key for wish in wishes if isinstance(wish, Deidentify)}
    if any(isinstance(wish, Mark) for wish in wishes):
        raise CannotRewrite("pictures of this format cannot be marked; send a PNG or JPEG")
    if len(keys) != 1:
        raise CannotRewrite("a file inside it cannot be changed")
    boxes = [box for wish in wishes if isinstance(wish, Deidentify) for box in wish.boxes]
    return dicom.deidentify(data, key=keys.pop(), boxes=boxes)


def _picture(data: bytes, wishes: Sequence[Wish]) -> bytes:
    boxes: defaultdict[tuple[int | None, Style], list[Box]] = defaultdict(list)
    strip = mark = False
    for wish in wishes:
        match wish:
            case Cover() if not wish.file:
                boxes[wish.frame, wish.style].append(wish.box)
            case Mark():
                mark = True
                strip = strip or bool(wish.file)
            case Cover() | Strip() | Bare() | Deidentify():
                # A picture within a picture is a thumbnail, or what a camera appended.
                strip = True
            case Replace() | Change() | Erase() if wish.file:
                strip = True  # what stands behind the end of a picture is none of it
            case Replace() | Change() | Erase():
                raise CannotRewrite("the file is of a kind that cannot be changed")
    for (frame, style), some in sorted(boxes.items(), key=repr):
        data = redact.cover(data, some, style, frames=None if frame is None else (frame,))
    if strip and type_of(data).media_type != "image/bmp":
        data = cleaning.clean(data)
    return cleaning.stamp(data) if mark else data


def _container(data: bytes, wishes: Sequence[Wish], depth: int, *, is_office: bool) -> bytes:
    inside: defaultdict[int, list[Wish]] = defaultdict(list)
    in_parts: list[Replace] = []
    for wish in wishes:
        if is_office and isinstance(wish, Replace) and office.is_text(wish.file):
            in_parts.append(wish)
            continue
        entry = _ENTRY.match(wish.file)
        if entry is None:
            raise CannotRewrite("a file inside it cannot be changed")
        inside[int(entry[1])].append(replace(wish, file=wish.file[entry.end() :]))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        new.comment = old.comment
        infos = old.infolist()
        if any(_SIGNATURE.search(info.filename) for info in infos):
            raise CannotRewrite("a signed document cannot be changed")
        if any(number >= len(infos) for number in inside):
            raise CannotRewrite("a file inside it cannot be changed")
        parts = _parts(old, in_parts) if in_parts else {}
        gone = {n for n in inside if is_office and office.is_preview(infos[n].filename)}
        for number, info in enumerate(infos):
            if number in gone:
                continue
            if info.flag_bits & _ENCRYPTED:
                raise CannotRewrite("a file inside it cannot be changed")
            content = parts[number] if number in parts else old.read(info)
            if gone and info.filename == _MANIFEST:
                content = _unlisted(content, [infos[n].filename for n in gone])
            if number in inside:
                content = rewritten(content, inside[number], depth + 1)
            copy = zipfile.ZipInfo(info.filename, info.date_time)
            copy.compress_type = info.compress_type
            copy.external_attr, copy.create_system = info.external_attr, info.create_system
            copy.comment = info.comment
            new.writestr(copy, content)
    return out.getvalue()


def _unlisted(manifest: bytes, names: Sequence[str]) -> bytes:
    """The list of parts of an OpenDocument without `names`."""
    gone = {name.encode() for name in names}
    return _LISTED.sub(lambda each: b"" if each[1] in gone else each[0], manifest)


def _parts(archive: zipfile.ZipFile, wishes: Sequence[Replace]) -> dict[int, bytes]:
    """The XML parts of a document in which something is replaced, by number of the entry."""
    names = archive.namelist()
    asked: defaultdict[int, list[Replace]] = defaultdict(list)
    for wish in wishes:
        for number in office.part_of(wish.file, names):
            asked[number].append(wish)
    met: set[Replace] = set()
    parts = {}
    styles: set[str] = set()
    for name in filter(office.is_stylesheet, names):
        styles |= office.hidden_styles(archive.read(name))
    styled, workbook = (
        archive.read(part) if part in names else b"" for part in (office.FORMATS, office.WORKBOOK)
    )
    formats = numbers.formats(styled, workbook)
    for number, some in asked.items():
        if not office.is_editable(names[number]):
            raise CannotRewrite("a name or number that the document depends on cannot be changed")
        parts[number], done = xmlwrite.replaced(
            archive.read(archive.infolist()[number]), some, styles, formats
        )
        met |= done
    if not met.issuperset(wishes):
        raise CannotRewrite("a part of the document cannot be changed")
    return parts
