"""Compound files (MS-CFB) made by hand: what old Office programs write, and no library of ours does."""

from __future__ import annotations

import struct

_SECTOR = 512
_LEAST = 4096  # smaller streams stand elsewhere
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _padded(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)


def _entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0" if name else b""
    links = (_FREE, _FREE, child)
    head = raw.ljust(64, b"\0") + struct.pack("<HBB3I", len(raw), kind, 1, *links)
    return head + bytes(36) + struct.pack("<IQ", first, size)


def compound(name: str, stream: bytes) -> bytes:
    """A file with one stream, of less than 60 KB."""
    stream = stream.ljust(_LEAST, b"\0")
    content = _padded(stream, _SECTOR)
    count = len(content) // _SECTOR
    fat = [_FAT, _END, *range(3, count + 2), _END]
    fat += [_FREE] * (_SECTOR // 4 - len(fat))
    directory = (
        _entry("Root Entry", 5, 1, _END, 0)
        + _entry(name, 2, _FREE, 2, len(stream))
        + 2 * _entry("", 0, _FREE, 0, 0)
    )
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, _LEAST, _END, 0, _END, 0
    )
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    return head + struct.pack("<128I", *fat) + directory + content


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def workbook(sheets: dict[str, tuple[str, bool]]) -> bytes:
    """A workbook (BIFF8) of sheets with one cell each: its words, and whether the sheet is hidden."""
    globals_head = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6))
    globals_head += _record(0x42, struct.pack("<H", 1200))
    bodies = []
    for words, _ in sheets.values():
        label = struct.pack("<HHHHB", 0, 0, 0, len(words), 0) + words.encode("latin-1")
        size = _record(0x200, struct.pack("<IIHHH", 0, 1, 0, 1, 0))
        start = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
        bodies.append(start + size + _record(0x204, label) + _record(0x0A, b""))
    at = len(globals_head) + sum(4 + 8 + len(name) for name in sheets) + 4
    bounds = b""
    for (name, (_, hidden)), body in zip(sheets.items(), bodies, strict=True):
        said = struct.pack("<IBBBB", at, hidden, 0, len(name), 0) + name.encode("latin-1")
        bounds += _record(0x85, said)
        at += len(body)
    return compound("Workbook", globals_head + bounds + _record(0x0A, b"") + b"".join(bodies))


def _atom(kind: int, data: bytes, version: int = 0) -> bytes:
    return struct.pack("<HHI", version, kind, len(data)) + data


def _container(kind: int, *inside: bytes) -> bytes:
    return _atom(kind, b"".join(inside), 0xF)


def slides(*made: tuple[str, str, bool]) -> bytes:
    """A presentation: of each slide its words, its notes, and whether it is hidden."""
    out = b""
    for words, notes, hidden in made:
        info = struct.pack("<IIBBH4x", 0, 0, 0, 0, 4 if hidden else 0)
        text = _atom(0x0FA0, words.encode("utf-16-le"))
        out += _container(0x03EE, _atom(0x03F9, info), _container(0x0D, text))
        if notes:
            out += _container(0x03F0, _atom(0x0FA0, notes.encode("utf-16-le")))
    return compound("PowerPoint Document", out)
