"""What words does a metafile write (EMF, WMF, SVM), and which pictures does it hold?

Law: records of text are read, in the order in which they are drawn, and bitmaps and metafiles within are
opened; records that draw lines and areas, or say how, hold nothing, as in SVG and PDF. A record that is
none of these makes the file `Missed`. Formats: MS-EMF, MS-EMFPLUS, MS-WMF; SVM is that of LibreOffice, which
writes it as a preview of what stands in a document (`vcl/source/filter/svm` there).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gateway.content.readers.strings import printable
from gateway.content.reading import Budget, Embedded, Missed, Said, Text
from gateway.model import UnreadReason

SVM = b"VCLMTF"
_EMF = b" EMF"
_PLACEABLE = b"\xd7\xcd\xc6\x9a"
_HEAD = struct.Struct("<2sIHHI")
"""Of a file with one bitmap: `BM`, its size, two zeros, and where the pixels stand."""
_BITMAP_HEAD = 40
_REMARK = 512
"""Bytes of a comment of which nothing is known: in longer ones there may be more than words."""

type _Piece = tuple[int, int, str, int]
"""Where a text is written, across and down, the text, and how wide it is; 0 where that is not said."""
type _Drawn = _Piece | Embedded | Text | Missed
"""What a record says. Files and remarks have no number yet, and what is missed no size."""

_UNKNOWN = Missed("", UnreadReason.UNSUPPORTED_FILE, detail="drawing")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Its words as one text, its bitmaps, and whether there is more to it."""
    pieces: list[_Piece] = []
    number = 0
    unknown = False
    try:
        for drawn in _records(data):
            budget.tick()
            match drawn:
                case Embedded():
                    budget.expand(len(drawn.data))
                    yield Embedded(f"{drawn.place}[{number}]", drawn.data)
                    number += 1
                case Text():
                    budget.text(len(drawn.text))
                    yield Text(f"{drawn.place}[{number}]", drawn.text, hidden=True)
                    number += 1
                case Missed():
                    unknown = True
                case _:
                    budget.text(len(drawn[2]))
                    pieces.append(drawn)
    except (struct.error, UnicodeDecodeError):
        yield Missed("", UnreadReason.MALFORMED, len(data), "metafile")
    text = _joined(pieces)
    if text.strip():
        yield Text("text", text)
    if unknown:
        yield Missed("", UnreadReason.UNSUPPORTED_FILE, len(data), "drawing")


def _records(data: bytes) -> Iterator[_Drawn]:
    if data.startswith(SVM):
        return _of_svm(data)
    return _of_emf(data) if data[40:44] == _EMF else _of_wmf(data)


def _remark(content: bytes) -> Iterator[_Drawn]:
    """A comment of which nothing is known."""
    words = printable(content)
    if words:
        yield Text("remark", words)
    if len(content) > _REMARK:
        yield _UNKNOWN


def _bitmap(head: bytes, pixels: bytes) -> Iterator[_Drawn]:
    if head and pixels:
        yield Embedded("picture", _file(head, pixels))


def _file(head: bytes, pixels: bytes) -> bytes:
    """A file with the bitmap that these make up."""
    start = _HEAD.size + len(head)
    return _HEAD.pack(b"BM", start + len(pixels), 0, 0, start) + head + pixels


def bitmap_file(content: bytes) -> bytes:
    """A file with a bitmap whose pixels follow its head and colours (MS-WMF 2.2.2.9)."""
    size, _, _, _, depth, packing, _, _, _, used, _ = struct.unpack_from("<IiiHHIIiiII", content)
    colours = used or (1 << depth if depth <= 8 else 0)
    start = min(size, 1 << 10) + 4 * min(colours, 256) + (12 if packing == 3 and size == 40 else 0)
    return _file(content[:start], content[start:])


def _joined(pieces: list[_Piece]) -> str:
    """A line for each height; what follows without a gap is one word."""
    out: list[str] = []
    before: _Piece | None = None
    for piece in pieces:
        x, y, text, _ = piece
        if before is not None:
            near = max(1, before[3] // max(1, 4 * len(before[2])))  # a quarter of a letter
            glued = before[3] and abs(x - before[0] - before[3]) <= near
            out.append("\n" if y != before[1] else "" if glued else " ")
        out.append(text)
        before = piece
    return "".join(out)


# --- EMF ------------------------------------------------------------------------------------------

_EMF_HEADER, _TEXT_A, _TEXT_W, _SMALL, _COMMENT = 0x01, 0x53, 0x54, 0x6C, 0x46
_BITMAPS = {0x50: 48, 0x51: 48, 0x4C: 84, 0x4D: 84, 0x4E: 84, 0x4F: 96, 0x72: 84, 0x74: 84}
"""Records that hold a bitmap, and where each says where its head and its pixels stand."""
_NARROW, _NO_BOX = 0x200, 0x100
"""Options of a small text: a byte for each letter, and no rectangle."""
_EMF_DRAWS = frozenset(
    {*range(0x02, 0x46), *range(0x47, 0x4C), 0x52, *range(0x55, 0x60), *range(0x61, 0x66)}
    | {0x68, 0x6D, 0x6F, 0x70, 0x71, 0x73, 0x76, 0x77, 0x78, 0x79, 0x7A}
)
"""Lines and areas, and how they are drawn: fonts, pens, brushes, clipping, colours."""


def _of_emf(data: bytes) -> Iterator[_Drawn]:
    plus = bytearray()
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if size < 8:
            raise struct.error
        record = data[at : at + size]
        at += size
        if kind in {_TEXT_A, _TEXT_W, _SMALL}:
            yield _emf_text(kind, record)
        elif kind in _BITMAPS:
            head_at, head_size, where, length = struct.unpack_from("<IIII", record, _BITMAPS[kind])
            yield from _bitmap(
                record[head_at : head_at + head_size], record[where : where + length]
            )
        elif kind == _EMF_HEADER:
            yield from _described(record)
        elif kind == _COMMENT:
            (length,) = struct.unpack_from("<I", record, 8)
            content = record[12 : 12 + length]
            if content.startswith(b"EMF+"):
                plus += content[4:]
            elif not content.startswith(b"GDIC\2\0\0\0") and not content.startswith(
                b"GDIC\3\0\0\0"
            ):
                yield from _remark(content)  # the two begin and end a group
        elif kind not in _EMF_DRAWS:
            yield _UNKNOWN
    yield from _of_plus(bytes(plus))


def _described(record: bytes) -> Iterator[_Drawn]:
    """What the head says of the drawing: the program and the title."""
    count, at = struct.unpack_from("<II", record, 60)
    words = record[at : at + 2 * count].decode("utf-16-le", "replace").replace("\0", "\n").strip()
    if words:
        yield Text("remark", words)


def _emf_text(kind: int, record: bytes) -> _Piece:
    if kind == _SMALL:
        x, y, count, options = struct.unpack_from("<iiII", record, 8)
        at = 36 if options & _NO_BOX else 52
        if options & _NARROW:
            return x, y, record[at : at + count].decode("latin-1"), 0
        return x, y, record[at : at + 2 * count].decode("utf-16-le", "replace"), 0
    x, y, count, at, _ = struct.unpack_from("<iiIII", record, 36)
    (advances,) = struct.unpack_from("<I", record, 72)
    width = 2 if kind == _TEXT_W else 1
    raw = record[at : at + count * width]
    shown = raw.decode("utf-16-le" if width == 2 else "cp1252", "replace")
    steps = record[advances : advances + 4 * count] if advances else b""
    return x, y, shown, sum(struct.unpack(f"<{len(steps) // 4}i", steps[: len(steps) // 4 * 4]))


# --- EMF+, which stands in comments of EMF --------------------------------------------------------

_OBJECT, _DRAW_STRING, _DRAW_GLYPHS = 0x4008, 0x401C, 0x4036
_IMAGE, _GOES_ON = 5, 0x8000
_PLUS = range(0x4001, 0x403B)


def _of_plus(data: bytes) -> Iterator[_Drawn]:
    at = 0
    held = bytearray()
    """An object that goes on over several records."""
    while at + 12 <= len(data):
        kind, flags, size, length = struct.unpack_from("<HHII", data, at)
        if size < 12:
            raise struct.error
        content = data[at + 12 : at + 12 + length]
        at += size
        if kind == _DRAW_STRING:
            (count,) = struct.unpack_from("<I", content, 8)
            left, top = struct.unpack_from("<ff", content, 12)
            yield (
                _whole(left),
                _whole(top),
                content[28 : 28 + 2 * count].decode("utf-16-le", "replace"),
                0,
            )
        elif kind == _DRAW_GLYPHS:
            options, _, count = struct.unpack_from("<III", content, 4)
            if not options & 1:
                yield _UNKNOWN  # numbers of glyphs
                continue
            text = content[16 : 16 + 2 * count].decode("utf-16-le", "replace")
            left, top = struct.unpack_from("<ff", content, 16 + 2 * count)
            yield _whole(left), _whole(top), text, 0
        elif kind == _OBJECT and flags >> 8 & 0x7F == _IMAGE:
            if flags & _GOES_ON:
                (total,) = struct.unpack_from("<I", content)
                held += content[4:]
                if len(held) < total:
                    continue
                content = bytes(held)
                held.clear()
            yield from _plus_image(content)
        elif kind not in _PLUS:
            yield _UNKNOWN


def _whole(number: float) -> int:
    return int(number) if abs(number) < 1 << 31 else 0


def _plus_image(content: bytes) -> Iterator[_Drawn]:
    (kind,) = struct.unpack_from("<I", content, 4)
    if kind == 2:  # a metafile, behind its type and size
        yield Embedded("metafile", content[16:])
    elif kind == 1 and content[24:28] == b"\1\0\0\0":  # a picture as a file of its own
        yield Embedded("picture", content[28:])
    else:
        yield _UNKNOWN


# --- WMF ------------------------------------------------------------------------------------------

_WMF_TEXT, _WMF_EXT_TEXT, _WMF_ESCAPE = 0x0521, 0x0A32, 0x0626
_BOXED = 0x0006
_DIBS = {0x0940: 22, 0x0B41: 26, 0x0F43: 28, 0x0D33: 24}
"""Records that hold a bitmap, and where it begins: copied, stretched, stretched by itself, set."""
_HOLDS_NONE = {0x0940: 12, 0x0B41: 13}
"""Words of those records that copy from the page itself."""
_WMF_COMMENT = 0x000F
_WHOLE = b"WMFC\1\0\0\0"
"""Begins a comment with a piece of the same drawing as EMF, and its data is so far in."""
_WHOLE_AT = 34
_WMF_DRAWS = frozenset(
    int(word, 16)
    for word in (
        "0000 001E 0035 00F7 00F8 0102 0103 0104 0105 0106 0107 0108 012A 012B 012C 012D 012E 0139 0142"
        " 0149 01F0 01F9 0201 0209 020A 020B 020C 020D 020E 020F 0211 0213 0214 0220 0228 0229 0231"
        " 0234 02FA 02FB 02FC 0324 0325 0410 0412 0415 0416 0418 0419 041B 041F 0429 0436 0436 0538"
        " 0548 061C 061D 06FF 0817 081A 0830 0127"
    ).split()
)
"""Lines and areas, and how they are drawn: fonts, pens, brushes, clipping, colours."""


def _of_wmf(data: bytes) -> Iterator[_Drawn]:
    whole = bytearray()
    at = 40 if data.startswith(_PLACEABLE) else 18
    while at + 6 <= len(data):
        words, kind = struct.unpack_from("<IH", data, at)
        if words < 3:
            raise struct.error
        record = data[at : at + 2 * words]
        at += 2 * words
        if kind in {_WMF_TEXT, _WMF_EXT_TEXT}:
            yield _wmf_text(kind, record)
        elif kind in _DIBS:
            content = record[_DIBS[kind] :]
            if words != _HOLDS_NONE.get(kind) and len(content) >= _BITMAP_HEAD:
                yield Embedded("picture", bitmap_file(content))
        elif kind == _WMF_ESCAPE:
            function, count = struct.unpack_from("<HH", record, 6)
            content = record[10 : 10 + count]
            if function == _WMF_COMMENT and content.startswith(_WHOLE):
                whole += content[_WHOLE_AT:]
            else:
                yield from _remark(content)
        elif kind not in _WMF_DRAWS:
            yield _UNKNOWN
    if whole:
        yield Embedded("metafile", bytes(whole))


def _wmf_text(kind: int, record: bytes) -> _Piece:
    if kind == _WMF_TEXT:
        (count,) = struct.unpack_from("<H", record, 6)
        at = 8 + count + count % 2
        y, x = struct.unpack_from("<hh", record, at)
        return x, y, record[8 : 8 + count].decode("cp1252", "replace"), 0
    y, x, count, options = struct.unpack_from("<hhHH", record, 6)
    at = 22 if options & _BOXED else 14
    raw = record[at : at + count]
    steps = record[at + count + count % 2 :][: 2 * count]
    width = sum(struct.unpack(f"<{len(steps) // 2}h", steps[: len(steps) // 2 * 2]))
    return x, y, raw.decode("cp1252", "replace"), width


# --- SVM ------------------------------------------------------------------------------------------

_SVM_TEXTS = {112: 8, 113: 8, 114: 8, 115: 16}
"""Actions that write a text, and where it begins."""
_SVM_BITMAPS = range(116, 122)
_SVM_DRAWS = frozenset(
    {0, *range(100, 112), 125, 126, *range(128, 143), 144, 145, *range(147, 152)}
)
"""Lines and areas, and how they are drawn."""
_SVM_WITHIN, _SVM_COMMENT = 143, 512
_SVM_SEQUENCE = b"X"
"""Begins the names of comments that LibreOffice's own drawing goes by."""


def _of_svm(data: bytes) -> Iterator[_Drawn]:
    version, length = struct.unpack_from("<HI", data, 6)
    at = 12 + length
    (count,) = struct.unpack_from("<I", data, at - (4 if version == 1 else 5))
    for _ in range(count):
        kind, _, length = struct.unpack_from("<HHI", data, at)
        content = data[at + 8 : at + 8 + length]
        at += 8 + length
        if kind in _SVM_TEXTS:
            x, y = struct.unpack_from("<ii", content)
            yield x, y, _svm_string(content[_SVM_TEXTS[kind] :]), 0
        elif kind in _SVM_BITMAPS and content.startswith(b"BM"):
            yield Embedded("picture", content)
        elif kind == _SVM_WITHIN and (within := content.find(SVM)) >= 0:
            yield Embedded("metafile", content[within:])
        elif kind == _SVM_COMMENT:
            if not content[2:].startswith(_SVM_SEQUENCE):
                yield from _remark(content)
        elif kind not in _SVM_DRAWS:
            yield _UNKNOWN


def _svm_string(content: bytes) -> str:
    """A string of 16 bits a letter, with a long count; or one of 8 bits, with the same in 16 at the end."""
    (count,) = struct.unpack_from("<I", content)
    if 0 < count <= len(content) // 2:
        return content[4 : 4 + 2 * count].decode("utf-16-le", "replace")
    (count,) = struct.unpack_from("<H", content)
    narrow, wide = content[2 : 2 + count], content[len(content) - 2 * count :]
    if count and content[len(content) - 2 * count - 2 :][:2] == struct.pack("<H", count):
        return wide.decode("utf-16-le", "replace")
    return narrow.decode("cp1252", "replace")
