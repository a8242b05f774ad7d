"""What is in an old Office file or an Outlook message? Every stream of the compound file.

Law: text by the format's own tables (Word pieces, PowerPoint atoms, Excel cells, message
properties); any other stream is opened when it is a file of a known type, else scanned for words.
Drawings and what a scan cannot see are `Missed`. Formats: MS-CFB, MS-DOC, MS-PPT, MS-XLS, MS-OXMSG,
MS-OVBA.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator

import olefile
import python_calamine

from gateway.content.readers import biff
from gateway.content.readers.metafile import bitmap_file
from gateway.content.readers.strings import printable
from gateway.content.readers.xmltext import PIECE, WORDS
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Stop, Text
from gateway.content.types import UNKNOWN, UNSURE, text_encoding, type_of
from gateway.model import UnreadReason

_PNG = b"\x89PNG\r\n\x1a\n"
_PICTURE = re.compile(
    rb"(?P<file>\x89PNG\r\n\x1a\n|\xff\xd8\xff)"
    rb"|(?P<drawn>[\x40\x50]\x3d\x1a\xf0|[\x60\x70]\x21\x1b\xf0)"
    rb"|(?P<pict>[\x20\x30]\x54\x1c\xf0)|(?P<bits>[\x80\x90]\x7a\x1f\xf0)"
    rb"|(?P<tiff>[\x40\x50]\x6e\x29\xf0)",
    re.DOTALL,
)
"""How pictures begin: files as they are, and the heads of records that hold EMF or WMF, PICT, bitmaps and
TIFF (MS-ODRAW 2.2.24 to 2.2.30). A second identifier shows in their first byte."""
_METAFILE_HEAD = 34
_DRAWN = 1 << 12
"""Bytes of a stream for drawings that may be frames and settings only."""
_PROPERTY = re.compile(r"__substg1\.0_([0-9A-F]{4})([0-9A-F]{4})")
_HTML, _RTF, _ATTACHED = "1013", "1009", "3701"
_SUMMARY = "\x05SummaryInformation"
_NAMES = ("3707", "3704", "3001")
_RTF_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What the dictionary of compressed RTF begins with (MS-OXRTFCP 2.1.2.1)."""


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Texts and files of all streams."""
    with olefile.OleFileIO(io.BytesIO(data)) as ole:
        streams = ["/".join(path) for path in ole.listdir(streams=True, storages=False)]
        names = {name.rpartition("/")[2] for name in streams}
        if "EncryptedPackage" in names:
            raise Stop(UnreadReason.ENCRYPTED, "office")
        if any(name.endswith("VBA/dir") for name in streams):
            yield Fact("macros", value=True)
        if names & {"_signatures", "_xmlsignatures"}:
            yield Fact("signed", value=True)
        if _SUMMARY in streams:
            yield Fact("properties", value=True)
            if _names_somebody(ole):
                yield Fact("authors", value=True)
        for number, name in enumerate(streams):
            budget.file()
            content = ole.openstream(name.split("/")).read()
            budget.expand(len(content))
            yield from _stream(ole, name, content, f"stream[{number}]", data, budget)


def _names_somebody(ole: olefile.OleFileIO) -> bool:
    """Do the properties name somebody? Damaged ones are taken to."""
    try:
        told = ole.get_metadata()
    except (OSError, ValueError, LookupError, struct.error, AttributeError, TypeError):
        return True
    return any((told.author, told.last_saved_by, told.manager, told.company))


def _stream(
    ole: olefile.OleFileIO, name: str, content: bytes, place: str, data: bytes, budget: Budget
) -> Iterator[Said]:
    last = name.rpartition("/")[2]
    if found := _PROPERTY.match(last):
        yield from _property(ole, name, found[1] + found[2], content, place, budget)
    elif last == "WordDocument":
        yield from _word(ole, name, content, place, budget)
    elif last in {"Workbook", "Book"}:
        yield from _excel(content, place, data if "/" not in name else b"", budget)
    elif last == "PowerPoint Document":
        yield from _powerpoint(content, place, budget)
    elif "VBA/" in name and last not in {"dir", "_VBA_PROJECT"}:
        yield from _module(content, place, budget)
    elif last == "\x01Ole10Native":
        yield from _native(content, place)
    elif last in {"Data", "Pictures"}:
        yield from _drawings(content, place, budget)
    elif _is_file(content) and not last.startswith(("\x05", "\x01")):
        yield Embedded(place, content, hidden=True)
    else:
        yield from _scanned(content, place, budget)


def _is_file(content: bytes) -> bool:
    return type_of(content) != UNKNOWN and text_encoding(content) != UNSURE


def _scanned(content: bytes, place: str, budget: Budget) -> Iterator[Said]:
    text = printable(content)
    budget.text(len(text))
    if text:
        yield Text(place, text, hidden=True)


# --- Word -----------------------------------------------------------------------------------------


def _word(
    ole: olefile.OleFileIO, name: str, content: bytes, place: str, budget: Budget
) -> Iterator[Said]:
    """All text, by the piece table: body, notes, headers, comments and text boxes in one run."""
    (flags,) = struct.unpack_from("<H", content, 0x0A)
    if flags & 0x0100:
        raise Stop(UnreadReason.ENCRYPTED, "doc")
    table = f"{name.rpartition('/')[0]}/{'1Table' if flags & 0x0200 else '0Table'}".lstrip("/")
    pieces: list[str] = []
    try:
        start, size = struct.unpack_from("<II", content, 0x01A2)
        told = ole.openstream(table.split("/")).read()
        authors = "\n".join(_authors(content, told))
        if authors:
            yield Text(f"{place}.authors", authors, hidden=True)
            yield Fact("authors", value=True)
        clx = told[start : start + size]
        for offset, count, narrow in _pieces(clx):
            width = 1 if narrow else 2
            raw = content[offset : offset + count * width]
            budget.expand(len(raw))
            pieces.append(raw.decode("cp1252" if narrow else "utf-16-le", "replace"))
    except (struct.error, OSError, IndexError):
        yield Missed(place, UnreadReason.MALFORMED, len(content), "doc")
    text = "".join(pieces).translate(_WORD_MARKS)
    budget.text(len(text))
    if text.strip():
        yield Text(f"{place}.text", text)
    # Deleted text and old pieces of a quick save stand here too.
    yield from _scanned(content, place, budget)
    yield from _found_pictures(content, place, budget)


_WORD_MARKS = {7: "\t", 11: "\n", 12: "\n", 13: "\n", 30: "-", 31: None, 0: None, 1: " ", 8: " "}
_WORD_MARKS |= {19: " ", 20: " ", 21: " ", 2: " ", 5: " "}


def _authors(content: bytes, told: bytes) -> Iterator[str]:
    """Who commented, and who changed something (MS-DOC 2.5.6: `GrpXstAtnOwners`, `SttbfRMark`)."""
    start, size = struct.unpack_from("<II", content, 0x01BA)
    yield from _names_in(told[start : start + size])
    start, size = struct.unpack_from("<II", content, 0x0232)
    yield from _names_in(told[start + 6 : start + size])  # behind a mark, a count and a size


def _names_in(names: bytes) -> Iterator[str]:
    """Strings that say before them how long they are."""
    at = 0
    while at + 2 <= len(names):
        end = at + 2 + 2 * int.from_bytes(names[at : at + 2], "little")
        name = names[at + 2 : end].decode("utf-16-le", "replace").strip("\0")
        if name and name != "Unknown":
            yield name
        at = end


def _pieces(clx: bytes) -> Iterator[tuple[int, int, bool]]:
    """Offset, characters and width of each piece (MS-DOC 2.8.35, 2.9.38, 2.9.177)."""
    at = 0
    while clx[at] == 1:
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if clx[at] != 2:
        raise IndexError
    (size,) = struct.unpack_from("<I", clx, at + 1)
    table = clx[at + 5 : at + 5 + size]
    count = (len(table) - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", table)
    for number in range(count):
        (place,) = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)
        narrow = bool(place & 0x40000000)
        offset = (place & 0x3FFFFFFF) // 2 if narrow else place & 0x3FFFFFFF
        yield offset, max(0, ends[number + 1] - ends[number]), narrow


# --- Excel ----------------------------------------------------------------------------------------


_EARLY = 200
"""Records among which stands what says that it is encrypted."""


def _excel(content: bytes, place: str, data: bytes, budget: Budget) -> Iterator[Said]:
    bodies: list[bytes] = []
    for kind, body in biff.records(content):
        if kind == 0x2F and len(bodies) < _EARLY:
            raise Stop(UnreadReason.ENCRYPTED, "xls")
        bodies.append(body)
    # Comments, headers, names and formulas: words as they stand.
    yield from _scanned(content, place, budget)
    # A picture goes on over several records.
    yield from _found_pictures(b"".join(bodies), place, budget)
    if not data:
        return
    shown = biff.shown(content, budget)
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    for number, sheet in enumerate(book.sheets_metadata):
        budget.page()
        yield Fact("pages", 1)
        hidden = sheet.visible != python_calamine.SheetVisibleEnum.Visible
        if hidden:
            yield Fact("hidden", value=True)
        held: list[str] = []
        size = pieces = 0
        cells = shown[number] if number < len(shown) else {}
        grid = book.get_sheet_by_name(sheet.name)
        first, left = grid.start or (0, 0)
        for at, row in enumerate(grid.to_python(), first):
            budget.tick()
            line = "\t".join(
                cells.get((at, column)) or _cell(value) for column, value in enumerate(row, left)
            ).strip("\t")
            if line:
                held.append(line)
                size += len(line)
                budget.text(len(line))
            if size >= PIECE:
                yield Text(f"sheet[{number}].rows[{pieces}]", "\n".join(held), hidden=hidden)
                held, size, pieces = [], 0, pieces + 1
        if held:
            yield Text(f"sheet[{number}].rows[{pieces}]", "\n".join(held), hidden=hidden)


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return str(value)


# --- PowerPoint -----------------------------------------------------------------------------------


_OF_NOTES = 2
"""Which list of texts is that of the notes (MS-PPT 2.4.14.6)."""
_DEFLATED = 1
_HIDDEN_SLIDE = 0x04
"""`fHidden` of a slide (MS-PPT 2.6.6)."""


def _powerpoint(content: bytes, place: str, budget: Budget) -> Iterator[Said]:
    """Texts of all atoms, those of older saves included (MS-PPT 2.3.1); notes and hidden slides apart."""
    shown: list[str] = []
    unseen: list[str] = []
    at = slides = slide_ends = unseen_ends = 0
    hides = False
    while at + 8 <= len(content):
        budget.tick()
        version, kind, size = struct.unpack_from("<HHI", content, at)
        at += 8
        body = content[at : at + size]
        if kind == 0x2F14:
            raise Stop(UnreadReason.ENCRYPTED, "ppt")
        held = unseen if at < unseen_ends else shown
        if kind == 0x03EE:
            slides += 1
            slide_ends = at + size
        elif kind == 0x03F0 or (kind == 0x0FF0 and version >> 4 == _OF_NOTES):
            unseen_ends = max(unseen_ends, at + size)
        elif kind == 0x03F9 and body[10:11] and body[10] & _HIDDEN_SLIDE:
            unseen_ends, hides = max(unseen_ends, slide_ends), True
        elif kind in {0x0FA0, 0x0FBA}:
            held.append(body.decode("utf-16-le", "replace"))
        elif kind == 0x0FA8:
            held.append(body.decode("latin-1"))
        elif kind == 0x1011 and len(body) > 4:  # an embedded object (MS-PPT 2.10.34)
            if version >> 4 == _DEFLATED:
                body = _inflated(body[4:], budget)
            yield Embedded(f"{place}.object[{at}]", body, hidden=True)
        if version & 0xF != 0xF:
            at += size
    for held, name in ((shown, place), (unseen, f"{place}.unseen")):
        text = "\n".join(held).replace("\r", "\n").replace("\x0b", "\n")
        budget.text(len(text))
        if text.strip():
            yield Text(name, text, hidden=held is unseen)
    if hides or any(map(WORDS.search, unseen)):
        yield Fact("hidden", value=True)
    if slides:
        yield Fact("pages", slides)


# --- what any of them may hold --------------------------------------------------------------------


def _found_pictures(content: bytes, place: str, budget: Budget) -> Iterator[Said]:
    """Pictures that stand in a stream, found by how they begin."""
    at = number = 0
    while found := _PICTURE.search(content, at):
        budget.tick()
        where = f"{place}.picture[{number}]"
        number += 1
        if found["file"] is not None:
            mark = b"IEND\xaeB`\x82" if found[0] == _PNG else b"\xff\xd9"
            end = content.find(mark, found.start())
            at = len(content) if end < 0 else end + len(mark)
            yield Embedded(where, content[found.start() : at])
            continue
        size = int.from_bytes(content[found.end() : found.end() + 4], "little")
        start = found.end() + 4
        at = min(len(content), start + size)
        body = content[start + (32 if found[0][0] & 0x10 else 16) : at]
        if found["drawn"] is not None:
            drawn, plain = body[_METAFILE_HEAD:], body[_METAFILE_HEAD - 2 : _METAFILE_HEAD - 1]
            yield Embedded(where, drawn if plain != b"\0" else _inflated(drawn, budget))
        elif found["tiff"] is not None:
            yield Embedded(where, body[1:])
        elif found["bits"] is not None:
            yield Embedded(where, bitmap_file(body[1:]))
        else:
            yield Missed(where, UnreadReason.UNSUPPORTED_FILE, size, "drawing")


def _inflated(data: bytes, budget: Budget) -> bytes:
    """What was deflated in `data`, as far as it goes and the budget allows."""
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(data, budget.room() + 1)
    except zlib.error:
        raise Stop(UnreadReason.MALFORMED, "deflate") from None
    budget.expand(len(out))
    return out


def _drawings(content: bytes, place: str, budget: Budget) -> Iterator[Said]:
    found = 0
    for said in _found_pictures(content, place, budget):
        found += 1
        yield said
    text = printable(content)
    if text:
        yield Text(f"{place}.text", text, hidden=True)
    if len(content) > _DRAWN and not found:
        yield Missed(place, UnreadReason.UNSUPPORTED_FILE, len(content), "drawing")


def _native(content: bytes, place: str) -> Iterator[Said]:
    """A file that was dropped into the document (MS-OLEDS 2.3.6, and its well-known payload)."""
    match = re.match(rb"(?s).{6}([^\0]*)\0([^\0]*)\0.{4}(.{4})", content)
    if match:
        start = match.end() + int.from_bytes(match[3], "little")
        size = int.from_bytes(content[start : start + 4], "little")
        if 0 < size <= len(content) - start - 4:
            name = match[1].decode("cp1252", "replace")
            yield Text(f"{place}.path", printable(content[:start]), hidden=True)
            yield Embedded(place, content[start + 4 : start + 4 + size], name=name, hidden=True)
            return
    yield Embedded(place, content[4:], hidden=True)


def _module(content: bytes, place: str, budget: Budget) -> Iterator[Said]:
    """The source of a module, which stands compressed behind what the interpreter made of it."""
    at = content.find(b"\0Attribut")
    if at < 3:
        yield from _scanned(content, place, budget)
        return
    source = _unpacked(content[at - 3 :], budget).decode("cp1252", "replace")
    budget.text(len(source))
    yield Text(place, source, hidden=True)


def _unpacked(data: bytes, budget: Budget) -> bytes:
    """Decompress (MS-OVBA 2.4.1)."""
    out = bytearray()
    at = 1
    while at + 2 <= len(data):
        (head,) = struct.unpack_from("<H", data, at)
        end = min(len(data), at + (head & 0xFFF) + 3)
        at += 2
        start = len(out)
        budget.expand(4096)
        if not head & 0x8000:
            out += data[at : at + 4096]
            at += 4096
            continue
        while at < end:
            flags = data[at]
            at += 1
            for bit in range(8):
                if at >= end:
                    break
                if not flags >> bit & 1:
                    out.append(data[at])
                    at += 1
                    continue
                token = int.from_bytes(data[at : at + 2], "little")
                at += 2
                bits = max(4, (len(out) - start - 1).bit_length())
                length = (token & (0xFFFF >> bits)) + 3
                offset = (token >> (16 - bits)) + 1
                if offset > len(out):
                    return bytes(out)
                for _ in range(length):
                    out.append(out[-offset])
    return bytes(out)


# --- messages -------------------------------------------------------------------------------------


def _property(
    ole: olefile.OleFileIO, name: str, tag: str, content: bytes, place: str, budget: Budget
) -> Iterator[Said]:
    """One property of a message, person or attachment (MS-OXMSG 2.1.3)."""
    number, kind = tag[:4], tag[4:]
    if kind in {"001F", "101F"}:
        text = content.decode("utf-16-le", "replace").strip("\0")
    elif kind in {"001E", "101E"}:
        text = content.decode("cp1252", "replace").strip("\0")
    elif number == _ATTACHED:
        folder = name.rpartition("/")[0]
        yield Embedded(place, content, name=_attached_name(ole, folder))
        return
    elif number == _HTML:
        yield Embedded(place, content)
        return
    elif number == _RTF:
        yield Embedded(place, _rtf(content, budget))
        return
    else:
        yield from _scanned(content, place, budget)
        return
    budget.text(len(text))
    if text.strip():
        yield Text(place, text, hidden=number not in {"0037", "1000"})


def _attached_name(ole: olefile.OleFileIO, folder: str) -> str:
    for number in _NAMES:
        for kind, charset in (("001F", "utf-16-le"), ("001E", "cp1252")):
            path = [*filter(None, folder.split("/")), f"__substg1.0_{number}{kind}"]
            if ole.exists(path):
                raw: bytes = ole.openstream(path).read()
                return raw.decode(charset, "replace").strip("\0")
    return ""


def _rtf(data: bytes, budget: Budget) -> bytes:
    """Compressed RTF (MS-OXRTFCP)."""
    size, full, magic = struct.unpack_from("<II4s", data)
    if magic == b"MELA":
        return data[16:]
    window = bytearray(4096)
    window[: len(_RTF_START)] = _RTF_START
    at, place, out = 16, len(_RTF_START), bytearray()
    end = min(len(data), size + 4)
    while at < end and len(out) < full:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= end:
                break
            if not flags >> bit & 1:
                piece = data[at : at + 1]
                at += 1
            else:
                token = int.from_bytes(data[at : at + 2], "big")
                at += 2
                offset = token >> 4
                if offset == place % 4096:
                    return bytes(out)
                piece = b""
                for step in range((token & 15) + 2):
                    byte = window[(offset + step) % 4096]
                    window[(place + step) % 4096] = byte
                    piece += bytes([byte])
            for value in piece:
                window[place % 4096] = value
                place += 1
            out += piece
        budget.expand(8)
    return bytes(out)
