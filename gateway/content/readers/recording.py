"""What does a recording say of itself? Tags, pictures, chapters and subtitles, by its container.

Law: sound and moving pictures themselves are not read, so a recording always ends in a `Missed`
too. Formats: ID3v2.4, RFC 9639 (FLAC), RFC 3533 (Ogg), RIFF, ISO/IEC 14496-12, RFC 9559 (Matroska).
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator

from gateway.content.readers.strings import printable
from gateway.content.reading import Budget, Embedded, Missed, Said, Text
from gateway.content.types import type_of
from gateway.model import UnreadReason

_MAX_DEEP = 12
_ID3_TEXT = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Everything that is written in the container."""
    kind = type_of(data)
    reader = {
        "audio/mpeg": _mp3,
        "audio/flac": _flac,
        "audio/ogg": _ogg,
        "audio/wav": _riff,
        "video/x-msvideo": _riff,
        "video/webm": _matroska,
    }.get(kind.media_type, _boxes)
    try:
        for said in reader(data, budget):
            if isinstance(said, Text):
                budget.text(len(said.text))
            yield said
    except (struct.error, IndexError, ValueError):
        yield Missed("tags", UnreadReason.MALFORMED, len(data), "tags")
    yield Missed("", UnreadReason.UNSUPPORTED_FILE, len(data), kind.media_type)


# --- MP3 ------------------------------------------------------------------------------------------


def _mp3(data: bytes, budget: Budget) -> Iterator[Said]:
    if data.startswith(b"ID3"):
        yield from _id3(data, "tag", budget)
    if data[-128:].startswith(b"TAG"):
        yield Text("tag.old", printable(data[-125:]), hidden=True)
    at = data.rfind(b"APETAGEX", -(1 << 20))
    if at >= 0:
        yield Text("tag.ape", printable(data[at:]), hidden=True)


def _id3(data: bytes, place: str, budget: Budget) -> Iterator[Said]:
    version, flags = data[3], data[5]
    end = 10 + _synchsafe(data[6:10])
    body = data[10:end]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    at = 0
    if flags & 0x40:
        at = _synchsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")
    number = 0
    wide = 10 if version > 2 else 6
    while at + wide <= len(body) and body[at] != 0:
        budget.tick()
        name = body[at : at + (4 if version > 2 else 3)]
        if version > 2:
            size = _synchsafe(body[at + 4 : at + 8])
            if version == 3:
                size = int.from_bytes(body[at + 4 : at + 8], "big")
        else:
            size = int.from_bytes(body[at + 3 : at + 6], "big")
        frame = body[at + wide : at + wide + size]
        at += wide + size
        here = f"{place}.frame[{number}]"
        number += 1
        if name in {b"APIC", b"PIC", b"GEOB"}:
            start = _picture_start(frame)
            yield Text(here, printable(frame[:start]), hidden=True)
            if start < len(frame):
                yield Embedded(f"{here}.picture", frame[start:])
        elif name.startswith(b"T") or name in {b"COMM", b"USLT", b"COM", b"ULT", b"USER"}:
            charset = _ID3_TEXT[frame[0]] if frame and frame[0] < 4 else "latin-1"
            start = 1 if name.startswith(b"T") else 4
            yield Text(
                here, frame[start:].decode(charset, "replace").replace("\0", "\n"), hidden=True
            )
        else:
            yield Text(here, printable(frame), hidden=True)


def _synchsafe(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value


def _picture_start(frame: bytes) -> int:
    found = [
        at for magic in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8") if (at := frame.find(magic)) >= 0
    ]
    return min(found, default=len(frame))


# --- FLAC and Ogg ---------------------------------------------------------------------------------


def _flac(data: bytes, budget: Budget) -> Iterator[Said]:
    at, last, number = 4, False, 0
    while not last and at + 4 <= len(data):
        budget.tick()
        last = bool(data[at] & 0x80)
        kind = data[at] & 0x7F
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        block = data[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == 4:
            yield from _vorbis(block, f"block[{number}]", budget)
        elif kind == 6:
            yield from _flac_picture(block, f"block[{number}]")
        elif kind > 1:
            yield Text(f"block[{number}]", printable(block), hidden=True)
        number += 1


def _flac_picture(block: bytes, place: str) -> Iterator[Said]:
    start = _picture_start(block)
    yield Text(place, printable(block[:start]), hidden=True)
    if start < len(block):
        yield Embedded(f"{place}.picture", block[start:])


def _vorbis(block: bytes, place: str, budget: Budget) -> Iterator[Said]:
    """Comments, as key=value in UTF-8."""
    size = int.from_bytes(block[:4], "little")
    lines = [block[4 : 4 + size].decode("utf-8", "replace")]
    at = 4 + size
    (count,) = struct.unpack_from("<I", block, at)
    at += 4
    for number in range(min(count, len(block) // 4)):
        budget.tick()
        (size,) = struct.unpack_from("<I", block, at)
        line = block[at + 4 : at + 4 + size].decode("utf-8", "replace")
        at += 4 + size
        key, _, value = line.partition("=")
        if key.upper() == "METADATA_BLOCK_PICTURE":
            try:
                yield from _flac_picture(base64.b64decode(value), f"{place}.comment[{number}]")
            except binascii.Error:
                yield Missed(place, UnreadReason.MALFORMED, detail="base64")
        else:
            lines.append(line)
    yield Text(place, "\n".join(lines), hidden=True)


def _ogg(data: bytes, budget: Budget) -> Iterator[Said]:
    packet = bytearray()
    at = number = 0
    while data.startswith(b"OggS", at) and number < 64:
        budget.tick()
        count = data[at + 26]
        sizes = data[at + 27 : at + 27 + count]
        at += 27 + count
        for size in sizes:
            packet += data[at : at + size]
            at += size
            if size < 255:
                for magic in (b"\x03vorbis", b"OpusTags", b"\x81theora"):
                    if packet.startswith(magic):
                        yield from _vorbis(bytes(packet[len(magic) :]), f"packet[{number}]", budget)
                number += 1
                packet.clear()


# --- RIFF -----------------------------------------------------------------------------------------


def _riff(
    data: bytes, budget: Budget, start: int = 12, end: int = 0, deep: int = 0
) -> Iterator[Said]:
    end = min(end or len(data), len(data))
    at = start
    while at + 8 <= end and deep < _MAX_DEEP:
        budget.tick()
        name = data[at : at + 4]
        (size,) = struct.unpack_from("<I", data, at + 4)
        body = at + 8
        if name in {b"LIST", b"RIFF"}:
            if data[body : body + 4] != b"movi":
                yield from _riff(data, budget, body + 4, body + size, deep + 1)
        elif name in {b"id3 ", b"ID3 "} and data.startswith(b"ID3", body):
            yield from _id3(data[body : body + size], f"chunk[{at}]", budget)
        elif name not in {b"data", b"fmt ", b"fact", b"JUNK", b"idx1", b"strf", b"strh", b"avih"}:
            yield Text(
                f"chunk[{at}]", printable(data[body : body + min(size, end - body)]), hidden=True
            )
        at = body + size + size % 2


# --- MP4 and QuickTime ----------------------------------------------------------------------------

_FOLDERS = frozenset(
    b"moov udta trak mdia minf ilst moof traf meco dinf edts \xa9nam ---- stbl".split()
)
_TABLES = frozenset(
    b"stts stss stco co64 stsc stsz ctts mdat free skip wide sbgp sgpd elst tkhd".split()
)
_TABLES |= frozenset(b"mvhd mdhd vmhd smhd tfhd trun tfdt sidx ftyp stsd saio saiz".split())
_SUBTITLES = frozenset({b"text", b"sbtl", b"subt", b"clcp"})


def _boxes(
    data: bytes, budget: Budget, start: int = 0, end: int = 0, deep: int = 0
) -> Iterator[Said]:
    end = min(end or len(data), len(data))
    at = start
    while at + 8 <= end and deep < _MAX_DEEP:
        budget.tick()
        size, name = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        size = size or end - at
        stop = min(at + size, end)
        place = f"box[{at}]"
        if name == b"trak" and _handler(data[body:stop]) in _SUBTITLES:
            yield from _samples(data, data[body:stop], place, budget)
        if name == b"meta":
            inner = body if data[body + 4 : body + 8] == b"hdlr" else body + 4
            yield from _boxes(data, budget, inner, stop, deep + 1)
        elif name in _FOLDERS or (deep and data[body + 4 : body + 8] == b"data"):
            yield from _boxes(data, budget, body, stop, deep + 1)
        elif name == b"data" and type_of(data[body + 8 : stop]).family == "image":
            yield Embedded(place, data[body + 8 : stop])
        elif name not in _TABLES:
            text = data[body:stop].decode("utf-8", "replace")
            plain = printable(data[body:stop])
            wide = "".join(ch for ch in text if ch.isprintable() and ch != "\ufffd")
            said = wide if len(wide) > len(plain) + 2 else plain
            if said.strip():
                yield Text(place, said, hidden=True)
        if size < 8:
            raise ValueError
        at += size


def _handler(track: bytes) -> bytes:
    at = track.find(b"hdlr")
    return track[at + 12 : at + 16] if at >= 0 else b""


def _samples(data: bytes, track: bytes, place: str, budget: Budget) -> Iterator[Said]:
    """Texts of a subtitle track, by its tables of sizes, chunks and offsets."""

    def table(name: bytes, shape: str, skip: int) -> list[tuple[int, ...]]:
        at = track.find(name)
        if at < 0:
            return []
        (count,) = struct.unpack_from(">I", track, at + 8 + skip)
        size = struct.calcsize(shape)
        rest = (len(track) - at - 12 - skip) // size
        start = at + 12 + skip
        return [struct.unpack_from(shape, track, start + size * n) for n in range(min(count, rest))]

    offsets = [item[0] for item in table(b"stco", ">I", 0) or table(b"co64", ">Q", 0)]
    per_chunk = table(b"stsc", ">III", 0)
    sizes = [item[0] for item in table(b"stsz", ">I", 4)]
    lines: list[str] = []
    sample = 0
    for number, offset in enumerate(offsets, 1):
        budget.tick()
        count = next((n for first, n, _ in reversed(per_chunk) if first <= number), 1)
        at = offset
        for size in sizes[sample : sample + count]:
            raw = data[at : at + size]
            length = int.from_bytes(raw[:2], "big")
            text = raw[2 : 2 + length] if 0 < length <= len(raw) - 2 else raw
            lines.append(text.decode("utf-8", "replace"))
            at += size
        sample += count
    words = "\n".join(line for line in lines if line.strip("\0 "))
    if words:
        yield Text(f"{place}.subtitles", words)
    if not offsets:
        yield Missed(f"{place}.subtitles", UnreadReason.UNSUPPORTED_FILE, detail="subtitles")


# --- Matroska and WebM ----------------------------------------------------------------------------

_MASTERS = frozenset(
    {
        *(0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x1941A469),
        *(0x61A7, 0x1043A770, 0x45B9, 0xB6, 0x80, 0x1F43B675, 0xA0),
    }
)
_STRINGS = frozenset(
    {
        *(0x7BA9, 0x4D80, 0x5741, 0x536E, 0x45A3, 0x4487, 0x466E, 0x467E, 0x85, 0x7384, 0x3C83AB),
        *(0x3E83BB, 0x86, 0x258688, 0x4660),
    }
)
_FILE_DATA, _TRACK, _NUMBER, _CODEC, _BLOCK, _SIMPLE = 0x465C, 0xAE, 0xD7, 0x86, 0xA1, 0xA3


def _matroska(data: bytes, budget: Budget) -> Iterator[Said]:
    subtitles: set[int] = set()
    lines: list[str] = []
    found: list[str] = []
    stack: list[tuple[int, int]] = [(0, len(data))]
    track = 0
    while stack:
        at, end = stack.pop()
        while at < end:
            budget.tick()
            element, size, body = _element(data, at, end)
            stop = min(body + size, end)
            if element in _MASTERS:
                stack.append((stop, end))
                at, end = body, stop
                continue
            content = data[body:stop]
            if element == _FILE_DATA:
                yield Embedded(f"attachment[{at}]", content)
            elif element in _STRINGS:
                text = content.decode("utf-8", "replace").strip("\0")
                found.append(text)
                if element == _CODEC and text.startswith("S_TEXT"):
                    subtitles.add(track)
            elif element == _NUMBER:
                track = int.from_bytes(content[:8], "big")
            elif element in {_BLOCK, _SIMPLE} and content and content[0] & 0x7F in subtitles:
                lines.append(content[4:].decode("utf-8", "replace"))
            at = stop
    for place, items in (("tags", found), ("subtitles", lines)):
        if items:
            yield Text(place, "\n".join(items), hidden=place == "tags")


def _element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Id, size and start of the body; an unknown size reaches to the end of what holds it."""
    width = 9 - data[at].bit_length()
    element = int.from_bytes(data[at : at + width], "big")
    at += width
    if at >= end:
        raise ValueError
    width = 9 - data[at].bit_length()
    if width > 8:
        raise ValueError
    size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    if size == (1 << 7 * width) - 1:
        size = end - at - width
    return element, size, at + width
