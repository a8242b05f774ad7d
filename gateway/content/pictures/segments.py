"""Of what segments is a picture file made? Law: the segments of a file, joined, are the file, byte
for byte; what carries pixels is never looked into.

JPEG: ITU-T T.81, annex B. PNG: https://www.w3.org/TR/png-3/. WebP: RFC 9649. GIF: GIF89a.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a segment holds. Everything but `PIXELS` and `COLOUR` can go without a pixel changing."""

    PIXELS = "pixels"
    COLOUR = "colour"  # a colour profile, or how colours are coded
    EXIF = "exif"
    XMP = "xmp"
    XMP_MORE = "xmp_more"  # JPEG's extended XMP: pieces of one packet
    IPTC = "iptc"  # Photoshop's resources, IIM among them
    TEXT = "text"  # comments and text chunks
    CREDENTIALS = "credentials"  # C2PA
    OTHER = "other"
    TRAILER = "trailer"  # what stands after the end of the picture


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a file: all its bytes, and the payload within them. `name` is the format's own."""

    kind: Kind
    name: str
    raw: bytes = field(repr=False)
    payload: bytes = field(repr=False)


class Broken(Exception):
    """The file breaks its own syntax; the message is a word of ours."""


def form(data: bytes) -> str:
    """``jpeg``, ``png``, ``webp``, ``gif``, ``tiff``, ``heif``, or nothing."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return "gif"
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return "tiff"
    if data[4:8] == b"ftyp":
        return "heif"
    return ""


def segments(data: bytes) -> tuple[Segment, ...]:
    """The segments of a JPEG, PNG, WebP or GIF. Raises `Broken`."""
    walk = {"jpeg": _jpeg, "png": _png, "webp": _webp, "gif": _gif}.get(form(data))
    if walk is None:
        raise Broken("format")
    try:
        found = tuple(walk(data))
    except (struct.error, IndexError, ValueError):
        raise Broken("cut short") from None
    # INVARIANT: nothing of the file is lost between segments.
    if sum(len(segment.raw) for segment in found) != len(data):
        raise Broken("cut short")
    return found


# --- JPEG ----------------------------------------------------------------------------------------

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
XMP_MORE_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
EXIF_HEAD = b"Exif\0\0"


def _jpeg(data: bytes) -> Iterator[Segment]:
    yield Segment(Kind.PIXELS, "SOI", data[:2], b"")
    at = 2
    while at < len(data):
        start = at
        if data[at] != 0xFF:
            raise Broken("marker")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker == 0xD9:
            yield Segment(Kind.PIXELS, "EOI", data[start:at], b"")
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            yield Segment(Kind.PIXELS, "marker", data[start:at], b"")
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            raise Broken("length")
        payload, at = data[at + 2 : at + length], at + length
        if marker == 0xDA:
            at = _scan_end(data, at)
            yield Segment(Kind.PIXELS, "SOS", data[start:at], b"")
            continue
        kind, payload = _jpeg_kind(marker, payload)
        yield Segment(kind, f"{marker:02X}", data[start:at], payload)
    else:
        raise Broken("no end")
    if at < len(data):
        yield Segment(Kind.TRAILER, "trailer", data[at:], data[at:])


def _scan_end(data: bytes, at: int) -> int:
    """Where the entropy-coded data ends: at the next marker that is no stuffing and no restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Broken("no end")
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        else:
            return at


def _jpeg_kind(marker: int, payload: bytes) -> tuple[Kind, bytes]:
    if marker == 0xFE:
        return Kind.TEXT, payload
    if not 0xE0 <= marker <= 0xEF:
        return Kind.PIXELS, b""
    if marker == 0xE0:
        return (Kind.COLOUR, b"") if payload.startswith(b"JFIF\0") else (Kind.OTHER, payload)
    if marker == 0xE1 and payload.startswith(EXIF_HEAD):
        return Kind.EXIF, payload[len(EXIF_HEAD) :]
    if marker == 0xE1 and payload.startswith(XMP_HEAD):
        return Kind.XMP, payload[len(XMP_HEAD) :]
    if marker == 0xE1 and payload.startswith(XMP_MORE_HEAD):
        return Kind.XMP_MORE, payload[len(XMP_MORE_HEAD) :]
    if marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0"):
        return Kind.COLOUR, payload
    if marker == 0xEB and payload.startswith(b"JP"):
        return Kind.CREDENTIALS, payload
    if marker == 0xED and payload.startswith(PHOTOSHOP_HEAD):
        return Kind.IPTC, payload[len(PHOTOSHOP_HEAD) :]
    if marker == 0xEE and payload.startswith(b"Adobe"):
        return Kind.COLOUR, payload
    return Kind.OTHER, payload


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment. Raises `Broken` where it would not fit into its two bytes of length."""
    if len(payload) > 0xFFFD:
        raise Broken("length")
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


# --- PNG -----------------------------------------------------------------------------------------

_PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
_PNG_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"bKGD"}
_PNG_COLOUR = {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"cICP", b"mDCV", b"cLLI", b"pHYs"}


def _png(data: bytes) -> Iterator[Segment]:
    yield Segment(Kind.PIXELS, "signature", data[:8], b"")
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise Broken("length")
        raw, payload = data[at:end], data[at + 8 : end - 4]
        at = end
        label = name.decode("latin-1")
        if name in _PNG_PIXELS:
            yield Segment(Kind.PIXELS, label, raw, b"")
        elif name in _PNG_COLOUR:
            yield Segment(Kind.COLOUR, label, raw, payload)
        elif name in _PNG_TEXT:
            is_xmp = payload.startswith(b"XML:com.adobe.xmp\0")
            yield Segment(Kind.XMP if is_xmp else Kind.TEXT, label, raw, payload)
        elif name == b"eXIf":
            yield Segment(Kind.EXIF, label, raw, payload)
        elif name == b"caBX":
            yield Segment(Kind.CREDENTIALS, label, raw, payload)
        elif not name[0] & 0x20:  # critical: a picture cannot be shown without it
            yield Segment(Kind.PIXELS, label, raw, b"")
        else:
            yield Segment(Kind.OTHER, label, raw, payload)
        if name == b"IEND":
            break
    else:
        raise Broken("no end")
    if at < len(data):
        yield Segment(Kind.TRAILER, "trailer", data[at:], data[at:])


# --- WebP ----------------------------------------------------------------------------------------

_WEBP = {b"EXIF": Kind.EXIF, b"XMP ": Kind.XMP, b"ICCP": Kind.COLOUR, b"C2PA": Kind.CREDENTIALS}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def _webp(data: bytes) -> Iterator[Segment]:
    (size,) = struct.unpack_from("<I", data, 4)
    end = 8 + size
    if end > len(data):
        raise Broken("length")
    yield Segment(Kind.PIXELS, "RIFF", data[:12], b"")
    at = 12
    while at < end:
        name, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise Broken("length")
        after = min(at + 8 + length + (length & 1), end)
        payload = data[at + 8 : at + 8 + length]
        kind = Kind.PIXELS if name in _WEBP_PIXELS else _WEBP.get(name, Kind.OTHER)
        yield Segment(kind, name.decode("latin-1"), data[at:after], payload)
        at = after
    if end < len(data):
        yield Segment(Kind.TRAILER, "trailer", data[end:], data[end:])


# --- GIF -----------------------------------------------------------------------------------------


def _gif(data: bytes) -> Iterator[Segment]:
    at = 13
    if data[10] & 0x80:
        at += 3 << ((data[10] & 7) + 1)
    yield Segment(Kind.PIXELS, "head", data[:at], b"")
    while True:
        start = at
        match data[at]:
            case 0x3B:
                yield Segment(Kind.PIXELS, "end", data[at : at + 1], b"")
                at += 1
                break
            case 0x2C:
                flags = data[at + 9]
                at += 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0) + 1
                at, _ = _blocks(data, at)
                yield Segment(Kind.PIXELS, "image", data[start:at], b"")
            case 0x21:
                label = data[at + 1]
                at, payload = _blocks(data, at + 2)
                kind, name = _gif_kind(label, payload)
                if kind is Kind.XMP:  # stands as it is, with 258 bytes that lead every reader out
                    payload = data[start + 14 : max(start + 14, at - 258)]
                yield Segment(kind, name, data[start:at], payload)
            case _:
                raise Broken("block")
    if at < len(data):
        yield Segment(Kind.TRAILER, "trailer", data[at:], data[at:])


def _gif_kind(label: int, payload: bytes) -> tuple[Kind, str]:
    if label == 0xF9:
        return Kind.PIXELS, "control"
    if label == 0xFE:
        return Kind.TEXT, "comment"
    if label == 0x01:
        return Kind.PIXELS, "plain text"
    if payload.startswith((b"NETSCAPE2.0", b"ANIMEXTS1.0")):
        return Kind.PIXELS, "loop"
    if payload.startswith(b"ICCRGBG1012"):
        return Kind.COLOUR, "profile"
    if payload.startswith(b"XMP DataXMP"):
        return Kind.XMP, "xmp"
    if payload.startswith(b"C2PA_GIF"):
        return Kind.CREDENTIALS, "credentials"
    return Kind.OTHER, "application"


def _blocks(data: bytes, at: int) -> tuple[int, bytes]:
    """Sub-blocks from `at` on: where they end, and what they hold."""
    held = bytearray()
    while True:
        size = data[at]
        at += 1
        if size == 0:
            return at, bytes(held)
        if at + size > len(data):
            raise Broken("length")
        held += data[at : at + size]
        at += size
