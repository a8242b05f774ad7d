"""What does a picture file say besides its pixels? Every text, place, number and mark in it.

Law: each segment that is no pixels and no colour profile is said: as text, as an embedded file, or as
`Missed`. All of it is hidden: nobody who looks at the picture sees it.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import ExifTags, Image, IptcImagePlugin, TiffImagePlugin

from gateway.content.pictures import decode, isomedia
from gateway.content.pictures.cleaning import OWN_MARK
from gateway.content.pictures.segments import Broken, Kind, Segment, form, segments
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.model import UnreadReason

_LONGEST = 1 << 20
"""Code points of one field that are read; what goes on is read as the next field."""

NO_TRAINING = (
    "DMI-PROHIBITED",  # PLUS: prohibited, for any purpose or for training
    "DMI-PROHIBITED-AIMLTRAINING",
    "DMI-PROHIBITED-GENAIMLTRAINING",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
    "DMI-PROHIBITED-SEECONSTRAINT",
)
"""Values of `plus:DataMining` that forbid training. https://ns.useplus.org/LDF/ldf-XMPSpecification"""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was said, and whether a camera is named (then the picture is no screenshot)."""

    parts: tuple[Said, ...] = field(repr=False)
    camera: bool = False


def read(data: bytes, budget: Budget) -> Metadata:
    """Everything besides pixels in the picture file `data`."""
    said: list[Said] = []
    for part in _read(data, budget):
        if isinstance(part, Text):
            budget.text(len(part.text))
        said.append(part)
    facts = {part.name for part in said if isinstance(part, Fact)}
    once: set[str] = set()
    parts = []
    for part in said:
        if isinstance(part, Fact):
            if part.name in once:
                continue
            once.add(part.name)
        parts.append(part)
    return Metadata(tuple(parts), camera="camera" in facts)


def _read(data: bytes, budget: Budget) -> Iterator[Said]:
    kind = form(data)
    if kind in {"jpeg", "png", "webp", "gif"}:
        try:
            parts = segments(data)
        except Broken:
            yield Missed("metadata", UnreadReason.MALFORMED, 0, "segments")
            yield from _loose(data, budget)
            return
        yield from _segments(parts, budget)
    elif kind == "heif":
        try:
            beside = tuple(isomedia.asides(data))
        except Broken:
            yield Missed("metadata", UnreadReason.MALFORMED, 0, "boxes")
            yield from _loose(data, budget)
            return
        for number, aside in enumerate(beside):
            budget.tick()
            yield from _aside(aside, f"aside[{number}]")
    else:
        yield from _loose(data, budget)


def _aside(aside: isomedia.Aside, place: str) -> Iterator[Said]:
    """What stands beside the pixels of a HEIC or AVIF picture."""
    match aside.kind:
        case Kind.EXIF:
            yield from exif(aside.payload, place)
        case Kind.XMP:
            yield from xmp(aside.payload, place)
        case Kind.CREDENTIALS:
            yield from _credentials(aside.payload, place)
        case Kind.TRAILER:
            yield from _appended(aside.payload, place)
        case _:
            yield from _strings(aside.payload, place, aside.name)


def _appended(payload: bytes, place: str) -> Iterator[Said]:
    """A file behind the picture: a video of the moment, or whatever else."""
    yield Embedded(place, payload, hidden=True)
    yield Fact("hidden", value=True)
    yield Fact("appended", value=True)


def _segments(parts: Sequence[Segment], budget: Budget) -> Iterator[Said]:
    more = bytearray()
    credentials = bytearray()
    for number, segment in enumerate(parts):
        budget.tick()
        place = f"segment[{number}]"
        match segment.kind:
            case Kind.PIXELS | Kind.COLOUR:
                continue
            case Kind.EXIF:
                yield from exif(segment.payload, place)
            case Kind.XMP:
                yield from xmp(_packet(segment, budget), place)
            case Kind.XMP_MORE:
                more += segment.payload[40:]  # a GUID of 32, then length and offset of four each
            case Kind.IPTC:
                yield from _photoshop(segment.payload, place)
            case Kind.TEXT:
                yield from _text(segment, place, budget)
            case Kind.CREDENTIALS:
                credentials += segment.payload
            case Kind.TRAILER:
                if segment.payload.strip(b"\0\r\n\t "):
                    yield from _appended(segment.payload, "trailer")
            case Kind.OTHER:
                yield from _strings(segment.payload, place, "other")
    if more:
        yield from xmp(bytes(more), "segment.more")
    if credentials:
        yield from _credentials(bytes(credentials), "credentials")


def _loose(data: bytes, budget: Budget) -> Iterator[Said]:
    """Metadata of formats whose segments are not walked here, as Pillow gives it."""
    try:
        picture = decode.opened(data)
    except decode.NotAPicture:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            block = picture.info.get("exif")
            if picture.format == "TIFF":
                yield from _tags(
                    dict(getattr(picture, "tag_v2", {})), ExifTags.TAGS, "metadata.tiff"
                )
                block = picture.getexif().tobytes()
            for label in ("xmp", "XML:com.adobe.xmp"):
                if picture.info.get(label):
                    yield from xmp(_as_bytes(picture.info[label]), "metadata.xmp")
            if block:
                yield from exif(_as_bytes(block), "metadata.exif")
            if isinstance(picture, TiffImagePlugin.TiffImageFile):
                yield from _iptc(IptcImagePlugin.getiptcinfo(picture) or {}, "metadata.iptc")
            if picture.info.get("comment"):
                value = _decoded(_as_bytes(picture.info["comment"]))
                yield Text("metadata.comment", value, hidden=True, label="comment")
        except Exception:  # noqa: BLE001  # Pillow raises what it likes on damaged metadata
            yield Missed("metadata", UnreadReason.MALFORMED, 0, "metadata")
    budget.tick()
    if b"c2pa" in data[: 1 << 20]:
        yield from _credentials(data[: 1 << 20], "credentials")


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


# --- EXIF ----------------------------------------------------------------------------------------

_CAMERA = {
    "Make",
    "Model",
    "BodySerialNumber",
    "LensSerialNumber",
    "CameraSerialNumber",
    "LensModel",
}
_SERIAL = {"BodySerialNumber", "LensSerialNumber", "CameraSerialNumber", "CameraOwnerName"}
_RIGHTS = {"Artist", "Copyright"}
_POINTERS = {
    "ExifOffset",
    "GPSInfo",
    "ExifInteroperabilityOffset",
    "JpegIFOffset",
    "JpegIFByteCount",
}
_IFD1 = 1
_XP = {"XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject"}


def exif(payload: bytes, place: str) -> Iterator[Said]:
    """What an EXIF block says: JEITA CP-3451."""
    payload = payload.removeprefix(b"Exif\0\0")
    block = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block.load(b"Exif\0\0" + payload)
            groups: list[tuple[str, dict[int, Any], dict[int, str]]] = [
                ("main", dict(block), ExifTags.TAGS),
                ("exif", dict(block.get_ifd(ExifTags.IFD.Exif)), ExifTags.TAGS),
                ("gps", dict(block.get_ifd(ExifTags.IFD.GPSInfo)), ExifTags.GPSTAGS),
                ("thumbnail", dict(block.get_ifd(ExifTags.IFD.IFD1)), ExifTags.TAGS),
            ]
    except Exception:  # noqa: BLE001  # Pillow raises what it likes on damaged metadata
        yield Missed(place, UnreadReason.MALFORMED, len(payload), "exif")
        yield from _strings(payload, place, "exif")
        return
    for group, tags, names in groups:
        yield from _tags(tags, names, f"{place}.{group}")
    yield from _where(groups[2][1], place)
    thumbnail = groups[3][1]
    start, size = thumbnail.get(0x0201), thumbnail.get(0x0202)
    if isinstance(start, int) and isinstance(size, int) and 0 < start < len(payload) and size > 0:
        yield Embedded(f"{place}.thumbnail", payload[start : start + size], hidden=True)


def _tags(tags: dict[int, Any], names: dict[int, str], place: str) -> Iterator[Said]:
    for tag, value in tags.items():
        name = names.get(tag, f"tag {tag}")
        if name in _POINTERS:
            continue
        if name in _CAMERA:
            yield Fact("camera", value=True)
        text = _value(name, value)
        if not text.strip():
            continue
        if name in _SERIAL and text.strip("0 "):
            yield Fact("serial", value=True)
        if name in _RIGHTS:
            yield Fact("rights", value=True)
        yield Text(f"{place}.tag[{tag}]", text, hidden=True, label=name)


def _value(name: str, value: object) -> str:
    match value:
        case bytes():
            if name in _XP:
                return value.decode("utf-16-le", "replace").strip("\0")
            if name == "UserComment":  # eight bytes name the character set
                head, rest = value[:8], value[8:]
                if head.startswith(b"UNICODE"):
                    order = "utf-16-be" if rest[:1] == b"\0" else "utf-16-le"
                    return rest.decode(order, "replace").strip("\0 ")
                if head.startswith(b"ASCII"):
                    value = rest
            return " ".join(_printable(value)) if _is_binary(value) else _decoded(value)
        case str():
            return value.strip("\0 ")
        case tuple() | list():
            if len(value) > 1_000:
                return ""  # tables of strips and tiles
            return " ".join(str(_number(one)) for one in value)
        case dict():
            return ""
    return str(_number(value))


def _number(value: object) -> object:
    try:
        return f"{float(value):g}" if not isinstance(value, int | str | bytes) else value  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return ""


def _where(tags: dict[int, Any], place: str) -> Iterator[Said]:
    """Latitude and longitude in degrees, as a person would write them."""
    try:
        sides = []
        for direction, angle in ((1, 2), (3, 4)):
            degrees, minutes, seconds = (float(part) for part in tags[angle])
            sign = -1 if str(tags.get(direction, "N")).strip("\0 ").upper() in {"S", "W"} else 1
            sides.append(sign * (degrees + minutes / 60 + seconds / 3600))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        if any(tag in tags for tag in (2, 4)):
            yield Fact("gps", value=True)
        return
    if not all(abs(side) <= 360 for side in sides):
        return
    yield Fact("gps", value=True)
    yield Text(
        f"{place}.place", f"{sides[0]:.6f}, {sides[1]:.6f}", hidden=True, label="GPS location"
    )


# --- XMP -----------------------------------------------------------------------------------------

_RIGHTS_XMP = {
    "rights",
    "Credit",
    "WebStatement",
    "UsageTerms",
    "Owner",
    "CopyrightOwner",
    "Copyright",
}
_SERIAL_XMP = {"SerialNumber", "LensSerialNumber", "BodySerialNumber", "OwnerName"}
_CAMERA_XMP = {"SerialNumber", "LensSerialNumber", "Make", "Model", "BodySerialNumber"}


def xmp(packet: bytes, place: str) -> Iterator[Said]:
    """What an XMP packet says: ISO 16684-1."""
    packet = packet.strip(b"\0 \r\n\t")
    try:
        root = fromstring(packet, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        yield Missed(place, UnreadReason.MALFORMED, len(packet), "xmp")
        yield Text(place, _decoded(packet), hidden=True, label="XMP")
        yield from _training(_decoded(packet))
        return
    yield from _elements(root, place)
    # INVARIANT: our own mark alone is no rights line, or it would be stripped again.
    if packet == OWN_MARK.strip():
        yield Fact("no_training", value=True)
        return
    yield from _training(_decoded(packet))


def _elements(root: Element, place: str) -> Iterator[Said]:
    # The name that matters is the property's: rdf:Alt, Bag, Seq and li are only how it is written.
    stack: list[tuple[Element, str]] = [(root, "")]
    count = 0
    while stack:
        element, above = stack.pop()
        name = _local(element.tag)
        label = above if name in {"Alt", "Bag", "Seq", "li", "RDF", "xmpmeta"} else name
        for key, value in element.attrib.items():
            if _local(key) not in {"about", "parseType", "lang", "xmptk"} or len(value) > 8:
                yield from _property(_local(key), value, f"{place}.property[{count}]")
                count += 1
        for text in (element.text, element.tail):
            if text and text.strip():
                yield from _property(label, text.strip(), f"{place}.property[{count}]")
                count += 1
        stack.extend((child, label) for child in reversed(element))


def _property(name: str, value: str, place: str) -> Iterator[Said]:
    if name in _RIGHTS_XMP:
        yield Fact("rights", value=True)
    if name in _SERIAL_XMP:
        yield Fact("serial", value=True)
    if name in _CAMERA_XMP:
        yield Fact("camera", value=True)
    if name in {"GPSLatitude", "GPSLongitude"}:
        yield Fact("gps", value=True)
    if name == "image" and len(value) > 200:  # xmpGImg:image, a thumbnail
        try:
            yield Embedded(place, base64.b64decode(value, validate=False), hidden=True)
        except binascii.Error:
            yield Missed(place, UnreadReason.MALFORMED, len(value), "thumbnail")
        return
    yield Text(place, value, hidden=True, label=name)


_RESERVED = re.compile(
    r"(?:tdm[:-]reserv(?:ation|ed)|TDMReservation)[^0-9<]{0,40}1\b|\bno(?:image)?ai\b",
    re.IGNORECASE,
)
"""The TDM reservation protocol of W3C, and the words `noai` and `noimageai`."""


def _training(packet: str) -> Iterator[Fact]:
    if any(f"{value}" in packet for value in NO_TRAINING) or _RESERVED.search(packet):
        yield Fact("no_training", value=True)
        yield Fact("rights", value=True)


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]


def _packet(segment: Segment, budget: Budget) -> bytes:
    if segment.name == "iTXt":
        return _png_text(segment, budget)[1]
    return segment.payload


# --- IPTC ----------------------------------------------------------------------------------------

_IIM = {
    5: "title", 25: "keywords", 40: "instructions", 55: "date", 60: "time", 80: "byline",
    85: "byline title", 90: "city", 92: "location", 95: "state", 101: "country", 103: "reference",
    105: "headline", 110: "credit", 115: "source", 116: "copyright", 118: "contact",
    120: "caption", 122: "caption writer",
}  # fmt: skip
_IIM_RIGHTS = {80, 110, 116}


def _photoshop(payload: bytes, place: str) -> Iterator[Said]:
    """Photoshop's image resources: ``8BIM``, an id, a name, a size, data; padded to even length."""
    at, number = 0, 0
    while at + 12 <= len(payload):
        signature, kind = payload[at : at + 4], int.from_bytes(payload[at + 4 : at + 6], "big")
        if signature != b"8BIM":
            break
        named = payload[at + 6]
        at += 6 + (named + 2 & ~1)
        size = int.from_bytes(payload[at : at + 4], "big")
        body = payload[at + 4 : at + 4 + size]
        at += 4 + (size + 1 & ~1)
        where = f"{place}.resource[{number}]"
        number += 1
        match kind:
            case 0x0404:
                yield from _records(body, where)
            case 0x0409 | 0x040C:  # 28 bytes of head, then a JPEG
                yield Embedded(f"{where}.thumbnail", body[28:], hidden=True)
            case 0x0422 | 0x0423:
                yield from exif(body, where)
            case 0x0424:
                yield from xmp(body, where)
            case _:
                yield from _strings(body, where, "resource")
    if at < len(payload) and payload[at:].strip(b"\0"):
        yield from _strings(payload[at:], place, "resource")


def _records(body: bytes, place: str) -> Iterator[Said]:
    """IPTC IIM 4.2: 0x1C, record, dataset, length, value."""
    found: dict[tuple[int, int], Any] = {}
    at = 0
    while at + 5 <= len(body) and body[at] == 0x1C:
        record, dataset, size = struct.unpack_from(">BBH", body, at + 1)
        at += 5
        if size & 0x8000:  # extended: so many bytes hold the length
            count = size & 0x7FFF
            if count > 4:
                break
            size = int.from_bytes(body[at : at + count], "big")
            at += count
        found.setdefault((record, dataset), []).append(body[at : at + size])
        at += size
    yield from _iptc(found, place)
    if body[at:].strip(b"\0"):
        yield from _strings(body[at:], place, "iptc")


def _iptc(found: dict[tuple[int, int], Any], place: str) -> Iterator[Said]:
    for (record, dataset), values in found.items():
        if record != 2 or dataset == 0:
            continue
        if dataset in _IIM_RIGHTS:
            yield Fact("rights", value=True)
        for value in values if isinstance(values, list) else [values]:
            text = _decoded(value)
            if text.strip():
                yield Text(
                    f"{place}.record[{dataset}]", text, hidden=True, label=_IIM.get(dataset, "iptc")
                )


# --- text chunks and comments --------------------------------------------------------------------


def _text(segment: Segment, place: str, budget: Budget) -> Iterator[Said]:
    if segment.name not in {"tEXt", "zTXt", "iTXt"}:
        yield Text(place, _decoded(segment.payload), hidden=True, label="comment")
        return
    try:
        keyword, value = _png_text(segment, budget)
    except (zlib.error, ValueError, IndexError):
        yield Missed(place, UnreadReason.MALFORMED, len(segment.payload), "text")
        return
    label = _decoded(keyword)
    if label.startswith("Raw profile type"):  # ImageMagick: a name, a length, and hexadecimal
        try:
            profile = bytes.fromhex("".join(_decoded(value).split()[2:]))
        except ValueError:
            yield Missed(place, UnreadReason.MALFORMED, len(value), "profile")
            return
        match label.rsplit(" ", 1)[-1].lower():
            case "exif" | "app1":
                yield from exif(profile, place)
            case "iptc" | "8bim":
                yield from _photoshop(profile, place)
            case "xmp":
                yield from xmp(profile, place)
            case _:
                yield from _strings(profile, place, "profile")
        return
    if label in {"Copyright", "Author"}:
        yield Fact("rights", value=True)
    text = _decoded(value)
    yield from _training(text)
    yield Text(place, text, hidden=True, label=label)
    if label and label not in _PNG_KEYWORDS:
        yield Text(f"{place}.keyword", label, hidden=True)


_PNG_KEYWORDS = {
    "Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer",
    "Warning", "Source", "Comment", "Collection", "parameters", "prompt", "workflow",
    "date:create", "date:modify", "date:timestamp",
}  # fmt: skip


def _png_text(segment: Segment, budget: Budget) -> tuple[bytes, bytes]:
    """Keyword and text of a PNG text chunk; compressed text is bounded by the budget."""
    keyword, _, rest = segment.payload.partition(b"\0")
    if segment.name == "tEXt":
        return keyword, rest
    if segment.name == "zTXt":
        return keyword, _inflate(rest[1:], budget)
    squeezed = rest[0] == 1
    _, _, rest = rest[2:].partition(b"\0")  # language
    _, _, rest = rest.partition(b"\0")  # translated keyword
    return keyword, _inflate(rest, budget) if squeezed else rest


def _inflate(data: bytes, budget: Budget) -> bytes:
    out = zlib.decompressobj().decompress(data, budget.room() + 1)
    budget.expand(len(out))
    return out


# --- content credentials -------------------------------------------------------------------------

_FORBIDS = re.compile(rb"training-mining.{0,2000}?not[_]?allowed", re.DOTALL | re.IGNORECASE)
_LEARNING = re.compile(
    rb"(?:ai_generative_training|ai_training|data_mining|ai_inference).{0,60}?not[_]?allowed",
    re.DOTALL | re.IGNORECASE,
)
"""An entry of the assertions `c2pa.training-mining` and `cawg.training-mining`, in CBOR or JSON."""


def _credentials(payload: bytes, place: str) -> Iterator[Said]:
    """C2PA: that it is there, and what its assertions say of training. Signatures are not checked."""
    if b"c2pa" not in payload:
        yield from _strings(payload, place, "application")
        return
    yield Fact("credentials", value=True)
    if _FORBIDS.search(payload) or _LEARNING.search(payload):
        yield Fact("no_training", value=True)
        yield Fact("rights", value=True)
    yield from _strings(payload, place, "content credentials")


# --- what is not understood ----------------------------------------------------------------------

_RUN = re.compile(rb"[\x20-\x7e\x80-\xff]{6,}")


def _printable(data: bytes) -> Iterator[str]:
    for run in _RUN.finditer(data):
        text = run[0].decode("utf-8", "ignore")
        if sum(character.isalnum() for character in text) >= 5:
            yield text


def _strings(payload: bytes, place: str, label: str) -> Iterator[Said]:
    """Runs of text in bytes that no reader understands, one per line."""
    text = "\n".join(_printable(payload))
    for number, start in enumerate(range(0, len(text), _LONGEST)):
        yield Text(
            f"{place}.strings[{number}]", text[start : start + _LONGEST], hidden=True, label=label
        )


def _is_binary(value: bytes) -> bool:
    body = value.rstrip(b"\0")
    return any(byte < 9 or 13 < byte < 32 for byte in body)


def _decoded(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    if value.startswith((b"\xff\xfe", b"\xfe\xff")):
        return value.decode("utf-16", "replace")
    try:
        return value.decode("utf-8").strip("\0")
    except UnicodeDecodeError:
        return value.decode("latin-1").strip("\0")
