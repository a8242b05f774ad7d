"""Metafiles made by hand: EMF, EMF+, WMF and SVM."""

from __future__ import annotations

import struct

WORDS = (("4111 1111", 10, 20), ("1111 1111", 60, 20), ("Иван", 10, 40))
STEP = 5
"""How wide each letter is; the second text of a line begins a letter after the first one ends."""


def emf(words=WORDS, bitmap=b""):
    records = []
    for text, x, y in words:
        raw = text.encode("utf-16-le")
        padded = raw + bytes(-len(raw) % 4)
        head = struct.pack("<4iIff", 0, 0, 0, 0, 1, 1.0, 1.0)
        said = struct.pack("<iiIII4iI", x, y, len(text), 76, 0, 0, 0, 0, 0, 76 + len(padded))
        steps = struct.pack(f"<{len(text)}i", *[STEP] * len(text))
        records.append((0x54, head + said + padded + steps))
    if bitmap:
        head, pixels = bitmap[14:54], bitmap[54:]
        places = struct.pack("<IIII", 80, len(head), 80 + len(head), len(pixels))
        body = bytes(40) + places + bytes(16) + head + pixels
        records.append((0x51, body + bytes(-len(body) % 4)))
    first = struct.pack("<II", 1, 108) + bytes(32) + b" EMF" + bytes(64)
    rest = b"".join(struct.pack("<II", kind, 8 + len(body)) + body for kind, body in records)
    return first + rest + struct.pack("<IIIII", 14, 20, 0, 0, 20)


def wmf(words=WORDS, *, placeable=True):
    out = b"\xd7\xcd\xc6\x9a" + bytes(18) if placeable else b""
    out += struct.pack("<HHHIHIH", 1, 9, 0x300, 0, 0, 0, 0)
    for text, x, y in words:
        raw = text.encode("cp1252", "replace")
        steps = struct.pack(f"<{len(raw)}h", *[STEP] * len(raw))
        body = struct.pack("<hhHH", y, x, len(raw), 0) + raw + bytes(len(raw) % 2) + steps
        out += struct.pack("<IH", 3 + len(body) // 2, 0x0A32) + body
    return out + struct.pack("<IH", 3, 0)


def record(kind, body=b""):
    """A record of EMF."""
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 8 + len(body)) + body


def remark(content):
    return record(0x46, struct.pack("<I", len(content)) + content)


def before_end(data, *more):
    return data[:-20] + b"".join(more) + data[-20:]


def plus(kind, body, flags=0):
    """A record of EMF+, in a comment of EMF."""
    body += bytes(-len(body) % 4)
    return remark(b"EMF+" + struct.pack("<HHII", kind, flags, 12 + len(body), len(body)) + body)


def drawn(text, x, y):
    raw = text.encode("utf-16-le")
    return plus(0x401C, struct.pack("<III4f", 0, 0, len(text), x, y, 0, 0) + raw)


def action(kind, body, version=2):
    """An action of SVM."""
    return struct.pack("<HHI", kind, version, len(body)) + body


def svm(words=WORDS, *, wide=True, more=b""):
    out = b""
    for text, x, y in words:
        raw = text.encode("utf-16-le")
        last = struct.pack("<H", len(text)) + raw
        first = struct.pack("<I", len(text)) + raw
        if not wide:
            first = struct.pack("<H", len(text)) + text.encode("cp1252", "replace")
        out += action(113, struct.pack("<ii", x, y) + first + struct.pack("<HHI", 0, 0, 0) + last)
        out += action(132, bytes(5), 1) + action(109, bytes(20), 1)
    count = 3 * len(words) + bool(more)
    head = struct.pack("<I", 0) + struct.pack("<HI", 1, 27) + bytes(35) + struct.pack("<I", count)
    return b"VCLMTF" + struct.pack("<HI", 1, len(head)) + head + out + more
