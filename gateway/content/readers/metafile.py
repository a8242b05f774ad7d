"""What words does a metafile of Windows write (EMF, WMF), and which pictures does it hold?

Law: records of text are read, in the order in which they are drawn, and bitmaps opened; whatever else is
drawn is not looked at, so a metafile is always `Missed` too. Formats: MS-EMF, MS-WMF.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gateway.content.reading import Budget, Embedded, Missed, Said, Text
from gateway.model import UnreadReason

_EMF = b" EMF"
_PLACEABLE = b"\xd7\xcd\xc6\x9a"
_TEXT_A, _TEXT_W, _SMALL = 0x53, 0x54, 0x6C
_BITMAPS = {0x50: 48, 0x51: 48, 0x4C: 84, 0x4D: 84, 0x72: 84, 0x74: 84}
"""Records of EMF that hold a bitmap, and where each says where its head and its pixels stand."""
_NARROW, _NO_BOX = 0x200, 0x100
"""Options of a small text: a byte for each letter, and no rectangle."""
_WMF_TEXT, _WMF_EXT_TEXT = 0x0521, 0x0A32
_BOXED = 0x0006
_HEAD = struct.Struct("<2sIHHI")
"""Of a file with one bitmap: `BM`, its size, two zeros, and where the pixels stand."""

type _Piece = tuple[int, int, str, int]
"""Where a text is written, across and down, the text, and how wide it is; 0 where that is not said."""


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Its words as one text, its bitmaps, and that the rest was not read."""
    pieces: list[_Piece] = []
    bitmaps = 0
    is_emf = data[40:44] == _EMF
    try:
        for kind, record in _of_emf(data) if is_emf else _of_wmf(data):
            budget.tick()
            piece = _emf_text(kind, record) if is_emf else _wmf_text(kind, record)
            if piece is not None:
                budget.text(len(piece[2]))
                pieces.append(piece)
            elif is_emf and kind in _BITMAPS and (bitmap := _bitmap(kind, record)):
                budget.expand(len(bitmap))
                yield Embedded(f"picture[{bitmaps}]", bitmap)
                bitmaps += 1
    except (struct.error, UnicodeDecodeError):
        yield Missed("", UnreadReason.MALFORMED, len(data), "metafile")
    text = _joined(pieces)
    if text.strip():
        yield Text("text", text)
    yield Missed("", UnreadReason.UNSUPPORTED_FILE, len(data), "drawing")


def _of_emf(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if size < 8:
            raise struct.error
        yield kind, data[at : at + size]
        at += size


def _of_wmf(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 40 if data.startswith(_PLACEABLE) else 18
    while at + 6 <= len(data):
        words, kind = struct.unpack_from("<IH", data, at)
        if words < 3:
            raise struct.error
        yield kind, data[at : at + 2 * words]
        at += 2 * words


def _emf_text(kind: int, record: bytes) -> _Piece | None:
    if kind in {_TEXT_A, _TEXT_W}:
        x, y, count, at, _ = struct.unpack_from("<iiIII", record, 36)
        (advances,) = struct.unpack_from("<I", record, 72)
        width = 2 if kind == _TEXT_W else 1
        raw = record[at : at + count * width]
        shown = raw.decode("utf-16-le" if width == 2 else "cp1252", "replace")
        steps = record[advances : advances + 4 * count] if advances else b""
        return x, y, shown, sum(struct.unpack(f"<{len(steps) // 4}i", steps[: len(steps) // 4 * 4]))
    if kind == _SMALL:
        x, y, count, options = struct.unpack_from("<iiII", record, 8)
        at = 36 if options & _NO_BOX else 52
        if options & _NARROW:
            return x, y, record[at : at + count].decode("latin-1"), 0
        return x, y, record[at : at + 2 * count].decode("utf-16-le", "replace"), 0
    return None


def _wmf_text(kind: int, record: bytes) -> _Piece | None:
    if kind == _WMF_TEXT:
        (count,) = struct.unpack_from("<H", record, 6)
        at = 8 + count + count % 2
        y, x = struct.unpack_from("<hh", record, at)
        return x, y, record[8 : 8 + count].decode("cp1252", "replace"), 0
    if kind == _WMF_EXT_TEXT:
        y, x, count, options = struct.unpack_from("<hhHH", record, 6)
        at = 22 if options & _BOXED else 14
        raw = record[at : at + count]
        steps = record[at + count + count % 2 :][: 2 * count]
        width = sum(struct.unpack(f"<{len(steps) // 2}h", steps[: len(steps) // 2 * 2]))
        return x, y, raw.decode("cp1252", "replace"), width
    return None


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


def _bitmap(kind: int, record: bytes) -> bytes:
    """A file with the bitmap of the record; empty where it has none."""
    head_at, head_size, at, size = struct.unpack_from("<IIII", record, _BITMAPS[kind])
    head, pixels = record[head_at : head_at + head_size], record[at : at + size]
    if not head or not pixels:
        return b""
    start = _HEAD.size + len(head)
    return _HEAD.pack(b"BM", start + len(pixels), 0, 0, start) + head + pixels
