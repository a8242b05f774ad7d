"""How does a picture lose what it says besides its pixels, or gain a mark against training?

Law: no pixel changes: segments are taken out or put in, nothing is compressed again. The colour
profile stays. Where a picture is turned by its EXIF orientation, an EXIF block with the orientation
alone stays, so that it still stands upright. What was written is read again before it is given.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence

from PIL import Image

from gateway.content.pictures import decode, isomedia, tiff
from gateway.content.pictures.segments import (
    EXIF_HEAD,
    XMP_HEAD,
    Broken,
    Kind,
    Segment,
    form,
    jpeg_segment,
    segments,
)
from gateway.content.reading import Stop
from gateway.content.rewriting import CannotRewrite

GONE = frozenset(
    {
        Kind.EXIF,
        Kind.XMP,
        Kind.XMP_MORE,
        Kind.IPTC,
        Kind.TEXT,
        Kind.CREDENTIALS,
        Kind.OTHER,
        Kind.TRAILER,
    }
)
"""Kinds of segments that a clean picture has not."""


def clean(data: bytes, keep: frozenset[Kind] = frozenset()) -> bytes:
    """`data` without metadata, comments, credentials and trailers, but for the kinds in `keep`.

    JPEG, PNG, WebP, GIF, TIFF, HEIC and AVIF. Raises `CannotRewrite` for other formats and damaged
    files.
    """
    gone = GONE - keep
    kind = form(data)
    if kind == "tiff":
        return tiff.without_metadata(data)
    if kind == "heif":
        return _without_asides(data, keep)
    parts = _parts(data)
    turned = orientation(parts) if Kind.EXIF in gone else 1
    kept = [part for part in parts if part.kind not in gone]
    if turned != 1:
        kept = _with_exif(kind, kept, _only_orientation(turned))
    out = _joined(kind, kept)
    left = [part for part in _parts(out) if part.kind in gone and part.kind is not Kind.EXIF]
    if left or orientation(_parts(out)) != (turned if Kind.EXIF in gone else orientation(parts)):
        raise CannotRewrite("metadata of this picture could not be removed")
    return out


def _without_asides(data: bytes, keep: frozenset[Kind]) -> bytes:
    """A HEIC or AVIF picture; how it is turned is no metadata there."""
    try:
        out = isomedia.without_metadata(data, keep)
        left = [aside for aside in isomedia.asides(out) if aside.kind not in keep]
    except Broken:
        raise CannotRewrite("the picture is damaged") from None
    if left:
        raise CannotRewrite("metadata of this picture could not be removed")
    return out


def orientation(parts: Sequence[Segment]) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where none is said."""
    for part in parts:
        if part.kind is Kind.EXIF:
            block = Image.Exif()
            try:
                block.load(EXIF_HEAD + part.payload.removeprefix(EXIF_HEAD))
                value = block.get(0x0112, 1)
            except Exception:  # noqa: BLE001  # damaged: then no viewer turns it either
                return 1
            return value if isinstance(value, int) and 1 <= value <= 8 else 1
    return 1


def _only_orientation(value: int) -> bytes:
    """A TIFF block, big endian, with one entry: orientation, a short."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, value, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0"


def _parts(data: bytes) -> tuple[Segment, ...]:
    try:
        return segments(data)
    except Broken as broken:
        if str(broken) == "format":
            raise CannotRewrite(
                "pictures of this format cannot be cleaned; send a PNG or JPEG"
            ) from None
        raise CannotRewrite("the picture is damaged") from None


def _with_exif(kind: str, parts: list[Segment], block: bytes) -> list[Segment]:
    match kind:
        case "jpeg":
            new = Segment(Kind.EXIF, "E1", jpeg_segment(0xE1, EXIF_HEAD + block), block)
            at = 2 if len(parts) > 1 and parts[1].name == "E0" else 1
            return [*parts[:at], new, *parts[at:]]
        case "png":
            return [*parts[:2], _chunk(Kind.EXIF, b"eXIf", block), *parts[2:]]
        case "webp":
            return [*parts, _riff(Kind.EXIF, b"EXIF", block)]
    return parts


def _chunk(kind: Kind, name: bytes, payload: bytes) -> Segment:
    check = zlib.crc32(name + payload)
    raw = struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", check)
    return Segment(kind, name.decode("latin-1"), raw, payload)


def _riff(kind: Kind, name: bytes, payload: bytes) -> Segment:
    raw = name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)
    return Segment(kind, name.decode("latin-1"), raw, payload)


_VP8X_ICC, _VP8X_ALPHA, _VP8X_EXIF, _VP8X_XMP = 0x20, 0x10, 0x08, 0x04


def _joined(kind: str, parts: Sequence[Segment]) -> bytes:
    if kind != "webp":
        return b"".join(part.raw for part in parts)
    trailer = b"".join(part.raw for part in parts if part.kind is Kind.TRAILER)
    inside = [part for part in parts if part.kind is not Kind.TRAILER and part.name != "RIFF"]
    kinds = {part.kind for part in inside}
    body = b""
    for part in inside:
        raw = part.raw
        if part.name == "VP8X":  # RFC 9649, 2.7: flags say which chunks follow
            flags = raw[8] & ~(_VP8X_EXIF | _VP8X_XMP)
            flags |= _VP8X_EXIF * (Kind.EXIF in kinds) | _VP8X_XMP * (Kind.XMP in kinds)
            raw = raw[:8] + bytes([flags]) + raw[9:]
        body += raw
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body + trailer


# --- the mark against training -------------------------------------------------------------------

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
MARK = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"
"""PLUS License Data Format, property `DataMining`: prohibited for training."""

_DESCRIPTION = f'<rdf:Description rdf:about="" xmlns:plus="{PLUS}"><plus:DataMining>{MARK}</plus:DataMining></rdf:Description>'
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">{{}}</rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
OWN_MARK = _PACKET.format(_DESCRIPTION).encode()
"""The XMP of a picture that says nothing but that."""


def stamp(data: bytes) -> bytes:
    """`data` with the mark `plus:DataMining` that forbids training, beside the XMP that is there.

    JPEG, PNG, WebP and GIF. Raises `CannotRewrite` for other formats and damaged files. A picture
    that has the mark already comes back as it is.
    """
    kind = form(data)
    if kind not in {"jpeg", "png", "webp", "gif"}:
        raise CannotRewrite("pictures of this format cannot be marked; send a PNG or JPEG")
    parts = _parts(data)
    old = [part for part in parts if part.kind is Kind.XMP]
    packet = OWN_MARK
    if old and (kept := _packet(old[0])) is not None:
        if MARK.encode() in kept:
            return data
        merged = _merged(kept)
        packet = packet if merged is None else merged
    new = _as_segment(kind, packet)
    kept_parts = [part for part in parts if part.kind is not Kind.XMP]
    match kind:
        case "jpeg":
            at = 1
            while kept_parts[at].kind is Kind.EXIF or kept_parts[at].name == "E0":
                at += 1
        case "png":
            at = 2
        case "webp":
            kept_parts = _extended(kept_parts)
            at = len([part for part in kept_parts if part.kind is not Kind.TRAILER])
        case _:
            at = 1
    out = _joined(kind, [*kept_parts[:at], new, *kept_parts[at:]])
    if MARK.encode() not in b"".join(p.payload for p in _parts(out) if p.kind is Kind.XMP):
        raise CannotRewrite("the mark against training could not be written")
    return out


def _packet(part: Segment) -> bytes | None:
    """The packet of an XMP segment; None where it is compressed (then it is replaced)."""
    if part.name != "iTXt":
        return part.payload
    head = b"XML:com.adobe.xmp\0"
    rest = part.payload[len(head) :]
    if rest[:1] != b"\0":
        return None
    return rest[2:].split(b"\0", 2)[-1]


def _merged(packet: bytes) -> bytes | None:
    """The packet with our description, in place of what it said of data mining before."""
    close = re.search(rb"</(\w+:)?RDF\s*>", packet)
    if close is None or (close[1] or b"") != b"rdf:":
        return None
    packet = re.sub(
        rb"<plus:DataMining>[^<]*</plus:DataMining>|\bplus:DataMining=([\"'])[^\"']*\1", b"", packet
    )
    at = packet.rindex(b"</rdf:RDF")
    return packet[:at] + _DESCRIPTION.encode() + packet[at:]


def _as_segment(kind: str, packet: bytes) -> Segment:
    match kind:
        case "jpeg":
            try:
                return Segment(Kind.XMP, "E1", jpeg_segment(0xE1, XMP_HEAD + packet), packet)
            except Broken:
                raise CannotRewrite("the picture's XMP is too long to add to") from None
        case "png":
            return _chunk(Kind.XMP, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
        case "webp":
            return _riff(Kind.XMP, b"XMP ", packet)
        case "gif":
            # XMP specification, part 3, 1.1.2: the packet as it is, then 258 bytes that lead out.
            lead_out = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
            return Segment(Kind.XMP, "xmp", b"!\xff\x0bXMP DataXMP" + packet + lead_out, packet)
    raise CannotRewrite("pictures of this format cannot be marked; send a PNG or JPEG")


def _extended(parts: list[Segment]) -> list[Segment]:
    """A simple WebP as an extended one, which may hold XMP."""
    if any(part.name == "VP8X" for part in parts):
        return parts
    try:
        picture = decode.opened(b"".join(part.raw for part in parts), ("WEBP",))
    except (decode.NotAPicture, Stop):
        raise CannotRewrite("the picture is damaged") from None
    width, height = picture.size
    flags = _VP8X_ALPHA if picture.mode == "RGBA" else 0
    body = (
        bytes([flags, 0, 0, 0])
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    return [parts[0], _riff(Kind.PIXELS, b"VP8X", body), *parts[1:]]


def kinds(data: bytes) -> frozenset[Kind]:
    """Kinds of segments in `data`: what `clean` would take out of it."""
    return frozenset(part.kind for part in _parts(data)) & GONE
